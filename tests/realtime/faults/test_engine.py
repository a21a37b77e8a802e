"""An engine raises, or gives garbage: no frame is lost by the one, the last good picture holds for the other."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.pipeline import stylizer as stylizer_module
from stylefader.training.errors import EngineError
from tests.realtime.faults.stage import Flow, Stage, promise, shift


class Ahead:
    """The monotonic clock, which the test can move on."""

    def __init__(self) -> None:
        self.by_ns = 0

    def __call__(self) -> int:
        return time.monotonic_ns() + self.by_ns


@pytest.mark.parametrize("error", [EngineError("the device is lost", failure=True), RuntimeError("CUDA error 700")])
def test_an_engine_that_raises_loses_no_frame(tmp_path: Path, error: Exception) -> None:
    with Stage(tmp_path, Flow) as stage:
        engine = stage.play()

        def broken(*_: object) -> None:
            raise error

        before = stage.watcher.count
        engine._begin = broken
        stage.until(lambda: len(stage.builds) == 2)
        stage.frames()
        shown = stage.watcher.since(before - 1)
        first = next(number for number, frame in enumerate(shown) if shift(frame) == 0)
        assert first > 0 and all(shift(frame) == 0 for frame in shown[first:]), "the original from that frame on"
        missing = shown[first].index - shown[first - 1].index - 1
        newer = stage.live.snapshot().drops.newer  # where a busy machine has left one out
        assert missing <= promise("engine raises") + newer
        assert engine.closed and stage.live.snapshot().engine_failures == 1
        assert sum("another one takes over" in words and str(error) in words for words in stage.said) == 1
        stage.play(1)
        assert stage.live.snapshot().engine == stage.builds[1].backend != "auto"


def test_garbage_is_never_shown(tmp_path: Path) -> None:
    with Stage(tmp_path, Flow) as stage:
        engine = stage.play()
        before = stage.watcher.count
        engine.spoils = tuple(range(engine.calls + 10, engine.calls + 20))
        stage.until(lambda: engine.calls > max(engine.spoils) + 10)
        stage.frames()
        assert stage.live.snapshot().drops.broken == 10
        shown = stage.watcher.since(before)
        assert all(frame.image.any() for frame in shown), "garbage is 0 all over"
        held = [after for one, after in itertools.pairwise(shown) if after.image is one.image]
        assert len(held) == 10, "the last good picture, ten times"
        assert stage.live.snapshot().engine_failures == 0, "ten pictures are no reason to take it out"


def test_an_engine_that_gives_nothing_but_garbage_is_taken_out(tmp_path: Path) -> None:
    clock = Ahead()
    with Stage(tmp_path, Flow, now_ns=clock) as stage:
        engine = stage.play()
        engine.spoils = range(engine.calls + 5, 10**9)
        stage.until(lambda: stage.live.snapshot().drops.broken >= 3)
        held = stage.watcher.last.image
        assert shift(stage.frames(3)[-1]) != 0 and np.array_equal(stage.watcher.last.image, held), "the last good one"
        assert len(stage.builds) == 1
        clock.by_ns += round(promise("engine gives garbage") * 1e9)
        assert promise("engine gives garbage") * 1e9 == stylizer_module._MOST_BROKEN_NS
        stage.until(lambda: len(stage.builds) == 2)
        assert any("no picture of finite values came" in words for words in stage.said) and engine.closed
        stage.until(lambda: shift(stage.watcher.last) == 0)
        stage.play(1)


def test_garbage_of_one_style_during_a_cross_fade_shows_the_other(tmp_path: Path) -> None:
    clock = Ahead()
    with Stage(tmp_path, Flow, now_ns=clock, fade_s=1000.0) as stage:
        stage.play()
        stage.live.go(1)
        stage.until(lambda: len(stage.builds) == 2)
        stage.builds[1].ready(spoils=range(10**9))
        stage.until(lambda: len(stage.live.stylizer.desks) == 2)
        assert all(shift(frame) == 50 for frame in stage.frames(10)[2:]), "the style that works, at its full weight"
        clock.by_ns += round(promise("engine gives garbage") * 1e9)
        stage.until(lambda: len(stage.builds) == 3)
        assert shift(stage.frames()[-1]) == 50, "the first style plays on while another engine is built"
