# Two commands from a fresh clone: `make demo` and `make test`. Each sets up .venv first; the second time that is quick.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: demo test fuzz lint types format gallery clean

demo: $(READY)
	$(VENV)/bin/stylefader demo

# A thread each: two processes with two threads on two cores wait for each other most of the time.
test: $(READY) lint
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

# The same tests as in `make test`, with new examples each time, for about ten minutes.
fuzz: $(READY)
	STYLEFADER_FUZZ=$(or $(EXAMPLES),5000) $(VENV)/bin/python -m pytest tests/fuzz

lint: $(READY) types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .

# mypy follows no import hooks, so the rooms are linked to where they are installed.
types: $(READY)
	$(VENV)/bin/python .ci/link_package.py
	$(VENV)/bin/mypy

format: $(READY)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

gallery: $(READY)
	$(VENV)/bin/python -m stylefader.tools.gallery_page

clean:
	rm -rf $(VENV) .package build *.egg-info .mypy_cache .ruff_cache .pytest_cache demo.mp4 demo.jpg

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -c constraints.txt -e '.[demo,dev,int8,ndi,plot,rtx,sound,virtualcam]'
	touch $@
