# Two commands from a fresh clone: `make demo` and `make test`. Each sets up .venv first; the second time that is quick.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: demo test quick fuzz lint types format gallery clean

demo: $(READY)
	$(VENV)/bin/stylefader demo

# A thread each: two processes with two threads on two cores wait for each other most of the time.
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

test: $(READY) lint
	$(PYTEST)

# Without what takes long: the tests that are marked `slow`.
quick: $(READY) lint
	$(PYTEST) -m "not slow"

# The property tests of what comes from outside, with new examples each time; EXAMPLES=5000 take about ten minutes.
fuzz: $(READY)
	$(VENV)/bin/python -m pytest --hypothesis-profile fuzz tests/fuzz

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
	$(VENV)/bin/pip install --quiet -c constraints.txt -e '.[demo,dev,ndi,plot,rtx,sound,virtualcam]'
	touch $@
