"""No process of ours takes code from the folder that the session stands in, and none outlives its session."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest

from stylefader.engines import EngineBuild
from stylefader.engines.selection.measuring import Measuring
from stylefader.engines.subprocesses import worker_environment
from stylefader.realtime.sinks.live.stream import StreamSink
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.paths import ROOT

NAMES = ("stylefader", "engines", "realtime", "training", "tools", "tests", "numpy", "openvino", "av", "cv2", "torch",
         "safetensors", "json", "signal", "platformdirs", "typer")  # fmt: skip
TRAP = "from pathlib import Path\nPath({mark!r}).write_text(__name__)\nraise SystemExit('taken from the folder')\n"
LONG = 120.0


@pytest.fixture
def traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: whatever is imported from it leaves a mark, and ends the process."""
    folder = tmp_path / "traps"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(TRAP.format(mark=str(tmp_path / f"ran-{name}")))
    monkeypatch.chdir(folder)
    return tmp_path


def _ran(tmp_path: Path) -> list[str]:
    return [path.name for path in tmp_path.glob("ran-*")]


@pytest.mark.parametrize("python_path", [None, "", os.pathsep, f".{os.pathsep}"], ids=repr)
def test_the_traps_work_and_workers_do_not_step_into_them(
    traps: Path, pack: StylePack, monkeypatch: pytest.MonkeyPatch, python_path: str | None
) -> None:
    if python_path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
        done = subprocess.run(
            [sys.executable, "-m", "stylefader.engines.building.build_worker"], capture_output=True, timeout=LONG
        )
        assert b"taken from the folder" in done.stderr and _ran(traps) == ["ran-stylefader"]
        (traps / "ran-stylefader").unlink()
    else:
        monkeypatch.setenv("PYTHONPATH", python_path)
    with EngineBuild(pack, 16, 16, backend="openvino", cache_dir=traps / "c") as build:
        assert build.wait(LONG)
        result = build.take()
    assert result is not None
    result[0].close()
    assert _ran(traps) == []


def test_the_measuring_worker_does_not_step_into_them(traps: Path, pack: StylePack) -> None:
    with Measuring(PackFile(pack.file), 8, 8) as measuring:
        row = measuring.measure("openvino", seconds=0.01, cache_dir=traps / "c")
    assert (row.problem, _ran(traps)) == ("", [])


def test_the_stream_worker_does_not_step_into_them(traps: Path) -> None:
    sink = StreamSink(traps / "hls" / "index.m3u8", width=16, height=16, rate=Fraction(25))
    sink.open()
    sink.close()
    assert (traps / "hls" / "index.m3u8").is_file() and _ran(traps) == []


def test_the_program_does_not_step_into_them(traps: Path) -> None:
    program = Path(sys.executable).with_name("stylefader")
    if not program.is_file():
        pytest.skip("not installed as a program")
    done = subprocess.run([program, "styles", "list"], capture_output=True, text=True, timeout=LONG)
    assert (done.returncode, _ran(traps)) == (0, []), done.stderr


def test_nothing_of_ours_starts_a_python_that_looks_into_the_current_folder() -> None:
    """Also what no other test starts: every list of words that begins with our interpreter goes on with -P."""
    starts = []
    for folder in ("engines", "realtime", "tools", "training"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.List) and node.elts and ast.unparse(node.elts[0]) == "sys.executable":
                    starts.append((f"{file.relative_to(ROOT)}:{node.lineno}", ast.unparse(node.elts[1])))
    assert len(starts) >= 5 and [where for where, word in starts if word != "'-P'"] == []


def test_only_whole_paths_are_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "lib", str(tmp_path), "."]))
    found = worker_environment()
    assert found["PYTHONPATH"].split(os.pathsep) == [str(ROOT), str(tmp_path)]
    assert found["PYTHONSAFEPATH"] == "1", "for what the worker starts in turn"


SESSION = """
import sys, tempfile
from pathlib import Path
tempfile.tempdir = sys.argv[3]
import stylefader.engines.building.background_build as build_module
from stylefader.engines import EngineBuild
from stylefader.training.packs.pack_file import PackFile

def report(words):
    print(build._worker.pid if "building" in words else words, flush=True)

build = EngineBuild(PackFile(Path(sys.argv[1])), 16, 16, backend="openvino", cache_dir=Path(sys.argv[2]), report=report)
build.wait(600)
"""


def test_a_build_ends_with_its_session_and_leaves_nothing(pack: StylePack, tmp_path: Path) -> None:
    """By SIGKILL, so that nothing of the session can see to it; the worker waits for a lock that this test holds."""
    from stylefader.engines.cache.file_lock import try_lock

    scratch, cache = tmp_path / "scratch", tmp_path / "c"
    scratch.mkdir()
    cache.mkdir(mode=0o700)
    first = EngineBuild(pack, 16, 16, backend="openvino", cache_dir=cache)
    with first:
        assert first.wait(LONG)
        taken = first.take()
        assert taken is not None and taken[0].outcome is not None
        digest = taken[0].outcome.digest
        taken[0].close()
    for path in cache.glob(f"{digest}*"):
        path.unlink()
    with try_lock(cache / f"{digest}.lock") as mine:
        assert mine
        session = subprocess.Popen(
            [sys.executable, "-c", SESSION, str(pack.file), str(cache), str(scratch)], cwd=ROOT,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert session.stdout is not None
            words = ""
            while not words.strip().isdigit():
                words = session.stdout.readline()
                assert words, "the session ended"
            worker = int(words)
            assert list(scratch.iterdir())
        finally:
            session.kill()
            session.wait(LONG)
            session.stdout.close()  # type: ignore[union-attr]
        until = time.monotonic() + LONG
        while list(scratch.iterdir()) or _runs(worker):
            assert time.monotonic() < until, "the worker is still there"
            time.sleep(0.02)
    assert list(cache.iterdir()) == []


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # one that nobody has waited for yet runs no more
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
