"""Engines measured in processes of their own, whatever becomes of those."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stylefader.engines.registry import REGISTRY, EngineEntry
from stylefader.engines.selection.measured import Measurements
from stylefader.engines.selection.measuring import Measuring, prove
from stylefader.engines.timing import bench_picture
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where measuring has its temporaries; nothing may be left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def test_an_engine_is_measured(pack: StylePack) -> None:
    with Measuring(PackFile(pack.file), 24, 32) as measuring:
        row = measuring.measure("openvino", seconds=0.05)
    assert not row.problem
    assert (row.engine, row.asked, row.height, row.width) == ("openvino", "auto", 24, 32)
    assert row.precision in ("bf16", "f32")
    assert row.device
    assert row.calls >= 3 and 0 < row.median_ms <= row.p99_ms and row.fps > 0
    assert row.psnr_db > 40
    assert row.open_s and row.open_cached_s and row.open_cached_s < row.open_s
    assert row.import_s > 0
    if sys.platform == "linux":
        assert row.peak_bytes and row.growth_bytes is not None
        assert 0 <= row.growth_bytes < row.peak_bytes


def test_the_reference_itself_and_a_pack_that_was_never_written(pack: StylePack, tmp_path: Path) -> None:
    pack.file.unlink()
    with Measuring(pack, 9, 7) as measuring:
        row = measuring.measure("torch", seconds=0.05, cache_dir=tmp_path / "c")
    assert (row.problem, row.precision, row.psnr_db, row.open_cached_s) == ("", "f32", 99, None)
    assert not row.under_load


def test_a_proof_is_a_picture_without_times_and_is_made_once(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, said = PackFile(pack.file), []  # type: tuple[PackFile, list[str]]
    row = prove(file, "openvino", "auto", folder=tmp_path / "c", report=said.append)
    assert (row.problem, row.calls, row.height, row.width) == ("", 0, 96, 160) and row.psnr_db > 40
    assert said == ["trying openvino with random once"]
    assert Measurements(tmp_path / "c").recall(file, "openvino", "auto", height=96, width=160) is None
    monkeypatch.setattr("stylefader.engines.selection.measuring.start_worker", None)
    assert prove(file, "openvino", "auto", folder=tmp_path / "c", report=said.append) == row and len(said) == 1


def test_what_is_stopped_ends_at_once_and_is_not_remembered(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = EngineEntry(module="tests.engines.bad_engines", class_name="HangEngine", install="no")
    monkeypatch.setitem(REGISTRY, "hang", entry)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    assert prove(pack, "hang", "auto", folder=tmp_path / "c", stop=stop).problem
    assert Measurements(tmp_path / "c").proof(pack, "hang", "auto") is None


def test_what_goes_wrong_is_the_rows_problem(pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in (
        ("crash", "CrashEngine"),
        ("hang", "HangEngine"),
        ("raise", "RaiseEngine"),
        ("exit", "ExitEngine"),
    ):
        entry = EngineEntry(module="tests.engines.bad_engines", class_name=kind, install="no")
        monkeypatch.setitem(REGISTRY, name, entry)
    with Measuring(PackFile(pack.file), 8, 8) as measuring:
        measuring._no_reference = ""  # the engines end before it is looked at
        for name in ("frame", "reference"):
            np.save(measuring.scratch / f"{name}.npy", np.zeros(1))
        said = {name: measuring.measure(name, cache_dir=tmp_path / "c").problem for name in ("crash", "raise", "exit")}
        measuring._timeout_s, seconds = 3.0, 0.1
        said["hang"] = measuring.measure("hang", seconds=seconds, cache_dir=tmp_path / "c").problem
    assert said["crash"].startswith("its process ended with SIGSEGV")
    assert said["raise"] == "the engine's own words"
    assert said["exit"] == "its process ended with exit code 3: a library's last words"
    assert said["hang"] == "no answer within 3 s"


def test_without_a_reference_there_is_no_measurement(pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = EngineEntry(module="tests.engines.bad_engines", class_name="RaiseEngine", install="no")
    monkeypatch.setitem(REGISTRY, "torch", bad)
    with Measuring(PackFile(pack.file), 8, 8) as measuring:
        for _ in range(2):
            row = measuring.measure("openvino")
            assert row.problem == "there is no reference picture: the engine's own words"


PARENT = """
import sys
from pathlib import Path
from stylefader.engines.selection.measured import Measurements
from stylefader.engines.selection.measuring import Measuring, prove
from stylefader.engines.registry import REGISTRY, EngineEntry
from stylefader.training.packs.pack_file import PackFile
REGISTRY["torch"] = EngineEntry(module="tests.engines.bad_engines", class_name="HangEngine", install="no")
with Measuring(PackFile(Path(sys.argv[1])), 8, 8) as measuring:
    print(measuring.scratch, flush=True)
    measuring.measure("openvino")
"""


def test_a_worker_ends_with_whoever_asked_and_leaves_nothing(pack: StylePack, scratch: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(pack.file)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert parent.stdout
    folder = Path(parent.stdout.readline().strip())
    assert folder.parent == scratch
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    if not children.exists():
        pytest.skip("this system does not tell when the worker has begun")
    for _ in range(600):
        if children.read_text():
            break
        time.sleep(0.05)
    parent.kill()
    parent.communicate(timeout=30)
    for _ in range(1200):
        if not folder.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"the worker is still there: {list(folder.iterdir())}")


def test_the_picture_is_the_same_every_time() -> None:
    assert np.array_equal(bench_picture(9, 16), bench_picture(9, 16))
    assert bench_picture(5, 3).shape == (5, 3, 3)
