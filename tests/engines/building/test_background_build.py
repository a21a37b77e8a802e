"""Engines built in the background: taken without waiting, cancelled at any moment, failing where it is heard."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import EngineBuild, open_engine
from stylefader.engines.building import background_build as build_module
from stylefader.engines.registry import REGISTRY, EngineEntry
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
ALPHA = np.array([0.2, 1.0, 0.5], np.float32)
LONG = 300.0


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where builds have their temporaries; nothing may be left there, and no thread may run on."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "engine-build"]


def test_a_live_session_changes_over_when_it_is_ready(pack: StylePack, tmp_path: Path, picture: MakePicture) -> None:
    said: list[str] = []
    frame = picture(24, 32)
    playing, _ = open_engine(pack, 24, 32, backend="torch")
    with EngineBuild(pack, 24, 32, backend="openvino", cache_dir=tmp_path / "c", report=said.append) as build:
        frames = 0
        while (result := build.take()) is None:
            assert playing.run({"frame": frame, "alpha": ALPHA}).shape == frame.shape
            frames += 1
        assert build.state == "taken"
        with pytest.raises(EngineError, match="was taken"):
            build.take()
    assert frames > 0
    playing.close()
    engine, why = result
    assert said[0].startswith("starting a process")
    assert {"converting the network", "compiling", "warming up"} <= set(said)
    assert build.stage == "warming up"
    assert re.fullmatch(r"openvino (f32|bf16), as asked, built in \d+\.\d s", why), "and not from the cache"
    with engine, open_engine(pack, 24, 32, backend="openvino", cache_dir=tmp_path / "c")[0] as direct:
        assert direct.outcome is not None
        assert direct.outcome.hit
        assert np.array_equal(
            engine.run({"frame": frame, "alpha": ALPHA}), direct.run({"frame": frame, "alpha": ALPHA})
        )
    assert len(list((tmp_path / "c").iterdir())) == 2


def test_what_is_in_the_cache_needs_no_process(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c")[0].close()
    monkeypatch.setattr(build_module, "FollowedWorker", None)
    for backend in ("openvino", "auto", "torch"):
        with EngineBuild(pack, 16, 16, backend=backend, cache_dir=tmp_path / "c") as build:
            assert build.wait(LONG)
            assert build.state == "ready"
            result = build.take()
            assert result is not None
            result[0].close()


def test_what_is_left_goes_on_for_the_cache(pack: StylePack, tmp_path: Path) -> None:
    there, go_on = threading.Event(), threading.Event()

    def report(words: str) -> None:
        if words.startswith("building"):
            there.set()
            assert go_on.wait(LONG)

    with EngineBuild(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c", report=report) as build:
        assert there.wait(LONG)
        build.leave()
        assert build._worker is not None and os.getpriority(os.PRIO_PROCESS, build._worker.pid) == 10
        go_on.set()
        assert build.wait(LONG)
        assert build.state == "cancelled" and not build.resume()
    engine, why = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c")
    engine.close()
    assert why.endswith(", from the cache")


@pytest.mark.parametrize(("awaited", "lower_by"), [(True, 0), (False, 5)])
def test_a_build_has_a_lower_priority_only_while_something_plays(
    pack: StylePack, tmp_path: Path, awaited: bool, lower_by: int
) -> None:
    there, go_on = threading.Event(), threading.Event()

    def report(words: str) -> None:
        if words.startswith("building"):
            there.set()
            assert go_on.wait(LONG)

    ours = os.getpriority(os.PRIO_PROCESS, 0)
    with EngineBuild(
        pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c", awaited=awaited, report=report
    ) as build:
        assert there.wait(LONG)
        worker = build._worker
        priority = os.getpriority(os.PRIO_PROCESS, worker.pid) if worker is not None else None
        go_on.set()
        build.cancel()
    assert priority == min(ours + lower_by, 19)


def test_what_was_left_can_be_had_after_all(pack: StylePack, tmp_path: Path) -> None:
    there, go_on = threading.Event(), threading.Event()

    def report(words: str) -> None:
        if words.startswith("building"):
            there.set()
            assert go_on.wait(LONG)

    with EngineBuild(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c", report=report) as build:
        assert there.wait(LONG)
        build.leave()
        assert build.resume()
        go_on.set()
        assert build.wait(LONG)
        result = build.take()
        assert result is not None
        result[0].close()


def test_an_engine_that_nobody_takes_is_closed(pack: StylePack, tmp_path: Path) -> None:
    with EngineBuild(pack, 16, 16, backend="torch", cache_dir=tmp_path / "c") as build:
        assert build.wait(LONG)
        assert build._result is not None
        engine = build._result[0]
    assert build.state == "cancelled"
    with pytest.raises(EngineError, match="closed"):
        engine.warm_up()


@pytest.mark.parametrize("stage", ["starting a process", "building", "converting", "compiling", "warming up"])
def test_cancel_at_any_stage(pack: StylePack, tmp_path: Path, stage: str) -> None:
    there, cancelled = threading.Event(), threading.Event()

    def report(words: str) -> None:
        if words.startswith(stage):
            there.set()
            assert cancelled.wait(LONG)

    build = EngineBuild(pack, 16, 24, backend="openvino", cache_dir=tmp_path / "c", report=report)
    assert there.wait(LONG)
    build.cancel()
    build.cancel()
    cancelled.set()
    assert build.state == "cancelled"
    with pytest.raises(EngineError, match="was cancelled"):
        build.take()
    build.close()
    build.close()
    assert build._worker is None or build._worker.has_ended, "its process has ended"
    left = [path.name for path in (tmp_path / "c").glob("*")]
    assert not [name for name in left if "partial" in name or "probe" in name]
    engine, _ = open_engine(pack, 16, 24, backend="openvino", cache_dir=tmp_path / "c")
    engine.close()
    assert len(list((tmp_path / "c").iterdir())) == 2, "no lock is left behind"


def test_a_folder_that_cannot_be_written(pack: StylePack, tmp_path: Path, picture: MakePicture) -> None:
    (tmp_path / "file").touch()
    with EngineBuild(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "file" / "c") as build:
        assert build.wait(LONG)
        result = build.take()
    assert result is not None
    engine, why = result
    assert "not kept: the cache folder" in why
    with engine:
        assert engine.run({"frame": picture(16, 16), "alpha": ALPHA}).shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("backend", "height", "words"),
    [("warp", 16, "no engine named 'warp'"), ("openvino", 0, "1x1 or more"), ("gone", 16, "pip install gone")],
)
def test_errors_reach_the_caller(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, height: int, words: str
) -> None:
    gone = EngineEntry(module="stylefader.engines.not_there", class_name="X", install="pip install gone")
    monkeypatch.setitem(REGISTRY, "gone", gone)
    with EngineBuild(pack, height, 16, backend=backend, cache_dir=tmp_path / "c") as build:
        assert build.wait(LONG)
        assert build.state == "failed"
        for _ in range(2):
            with pytest.raises(EngineError, match=words):
                build.take()
        build.cancel()
        assert build.state == "failed"


def test_an_error_in_the_process_reaches_the_caller(pack: StylePack, tmp_path: Path) -> None:
    made = threading.Event()

    def report(words: str) -> None:
        if words.startswith("starting a process"):
            assert made.wait(LONG)
            build._height = -5  # which only the process is told

    with EngineBuild(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c", report=report) as build:
        made.set()
        assert build.wait(LONG)
        with pytest.raises(EngineError, match="1x1 or more, not 16x-5"):
            build.take()


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGTERM, "exit code 143")])
def test_a_process_that_is_killed_is_an_error(pack: StylePack, tmp_path: Path, number: int, ending: str) -> None:
    def report(words: str) -> None:
        if words.startswith("converting"):
            assert build._worker is not None
            os.kill(build._worker.pid, number)

    build = EngineBuild(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c", report=report)
    with build:
        assert build.wait(LONG)
        with pytest.raises(EngineError, match=f"the process that built the engine ended with {ending}") as caught:
            build.take()
        assert caught.value.failure


def test_an_error_of_the_listener_reaches_the_caller(pack: StylePack, tmp_path: Path) -> None:
    def report(words: str) -> None:
        raise ZeroDivisionError

    with EngineBuild(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c", report=report) as build:
        assert build.wait(LONG)
        with pytest.raises(ZeroDivisionError):
            build.take()


def test_a_pack_that_was_never_written_builds_as_well(pack: StylePack, tmp_path: Path) -> None:
    pack.file.unlink()
    with EngineBuild(pack, 12, 12, backend="openvino", cache_dir=tmp_path / "c") as build:
        assert build.wait(LONG)
        result = build.take()
        assert result is not None
        result[0].close()
    assert "stylefader.engines.building.build_worker" not in sys.modules
