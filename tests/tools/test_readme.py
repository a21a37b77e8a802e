"""Every command in README.md is run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.paths import ROOT
from tests.realtime.clips import Clip
from tests.tools.program import PROGRAM, stylefader, stylefader_process

README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines() if line]


OWN_PROCESS = ("stylefader styles list", "stylefader render clip.mp4 -o wave.mp4", "stylefader live ")
"""How commands begin that are run as a user does, each kind once; a window as well wants a process of its own."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README's commands name."""
    folder = tmp_path_factory.mktemp("readme")
    Clip(frames=20, rate=Fraction(10), audio=("eng",)).make(folder / "clip.mp4")
    cv2.imwrite(str(folder / "photo.jpg"), np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))
    (folder / "frames").mkdir()
    take = re.search(r"```csv\n(.*?)```", README, re.S)
    assert take
    (folder / "take.csv").write_text(take[1])
    return folder


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("stylefader ")])
def test_commands(folder: Path, command: str) -> None:
    """In the README's order: later commands use what earlier ones made."""
    words = shlex.split(command)[1:]
    begin = stylefader_process if command.startswith(OWN_PROCESS) else stylefader
    done = begin(*words, cwd=folder)
    if words[:3] == ["live", "--source", "0"]:  # without a camera or a display it says so
        assert done.returncode in (0, 1, 2) and ("camera" in done.stderr or "nothing to show" in done.stderr)
        return
    assert done.returncode == 0, done.stderr
    if words[0] == "live":
        with av.open(str(folder / "show.mkv")) as container:
            assert sum(1 for _ in container.decode(video=0)) > 20
        return
    if "-o" not in words:
        assert done.stdout
        return
    output = words[words.index("-o") + 1]
    if "%" in output:
        assert len(list((folder / "frames").glob("*.png"))) == 20
    elif words[0] == "automation":
        assert f"wrote {output}" in done.stderr and (folder / output).stat().st_size > 50
    else:
        assert f"wrote {output}" in done.stderr
        with av.open(str(folder / output)) as container:
            assert sum(1 for _ in container.decode(video=0)) == (
                10 if "--from" in words else 1 if "png" in output else 20
            )
            assert len(container.streams.audio) == ("clip.mp4" in words)


def test_no_command_is_left_out() -> None:
    others = {c for c in COMMANDS if not c.startswith("stylefader ")}
    tested = {"make demo", "make test", 'pip install ".[demo]"', "mkdir frames"}
    assert others == tested, "these are tested below, run the tests, or are done by the folder above"


def test_make_demo_runs_the_demo_in_a_venv_of_its_own() -> None:
    # These tests run under make themselves, whose flags a make below it would take over.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    plan = subprocess.run(
        ["make", "--always-make", "--dry-run", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    steps = plan.stdout.splitlines()
    assert plan.returncode == 0, plan.stderr
    assert any("-m venv .venv" in step for step in steps)
    assert any("pip install" in step and "constraints.txt" in step for step in steps)
    assert steps[-1] == ".venv/bin/stylefader demo"


def test_the_demo_itself(tmp_path: Path) -> None:
    done = stylefader("demo", "--size", "160x90", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = [line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("wrote")]
    assert said == ["wrote demo.jpg", "wrote demo.mp4"], "pictures to look at come first"
    with av.open(str(tmp_path / "demo.mp4")) as container:
        assert len(container.streams.audio) == 1
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == 100
    strip = cv2.imread(str(tmp_path / "demo.jpg"))
    assert strip.shape[1] > 5 * 320
    cells = [strip[:180, left : left + 320].astype(int) for left in (0, 326, 5 * 326)]
    assert np.abs(cells[0] - cells[1]).mean() > 5, "alpha 0 is stylized"
    assert np.abs(cells[1] - cells[2]).mean() > 5, "alpha 1 is another picture"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.jpg", "demo.mp4"]


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from stylefader.tools.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "words",
    [
        "demo --size 64x36",
        "live --source testcard --style great_wave_lite --size 64x36 --no-window --sink show.mkv --seconds 0.2",
    ],
)
def test_pictures_need_no_torch(tmp_path: Path, words: str) -> None:
    """Importing it takes seconds; with an empty cache the first engine is built without."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words.split()], cwd=tmp_path, capture_output=True, text=True,
        timeout=110, env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_pip_install_works_from_outside_the_folder(tmp_path: Path) -> None:
    """The wheel holds one package with all rooms and the styles, and runs where the repository is not.

    Beside it stands another package that owns `tools` and `engines`, as wheels do, and the current folder is full of
    traps.
    """
    wheels, site, elsewhere = tmp_path / "wheels", tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    source = tmp_path / "source"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):  # a copy, since building writes into the folder
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    built = subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, source], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"stylefader"}
    kept = {f"stylefader/{name.removeprefix('stylefader/')}" for name in files.split("\0")
            if name.startswith(("stylefader/", "engines/", "realtime/", "tools/", "training/"))}  # fmt: skip
    assert {name for name in names if ".dist-info" not in name} == kept, "every file of the rooms, and no other"
    assert "stylefader/training/styles/great_wave.safetensors" in names and "stylefader/py.typed" in names
    for name in ("tools", "engines"):
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text("whose = 'theirs'\n")
    for name in ("stylefader", "tools", "engines", "realtime", "training", "numpy", "av", "torch", "typer"):
        (elsewhere / name).mkdir()
        (elsewhere / name / "__init__.py").write_text("raise SystemExit('taken from the current folder')\n")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True, capture_output=True)
    assert (site / "tools" / "__init__.py").read_text() == "whose = 'theirs'\n"
    # No editable install of the repository may help: only the wheel's own folder is on the path, before all else.
    environment = {**os.environ, "PYTHONPATH": str(site)}
    code = "import stylefader, tools, stylefader.tools.program as p; print(stylefader.__file__, tools.whose); p.main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "styles", "list", "--json"],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"{site / 'stylefader' / '__init__.py'} theirs" in done.stdout
    assert "starry_night" in done.stdout


def test_the_program_is_installed_and_knows_its_commands(tmp_path: Path) -> None:
    assert PROGRAM.exists(), "the tests run in an environment where stylefader is installed"
    done = stylefader_process("--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout and "automation" in done.stdout
