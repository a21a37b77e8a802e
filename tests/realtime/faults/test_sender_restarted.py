"""Who sends a stream is started again: its times begin at 0, its picture may have another size."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.sources.open_live import live_source
from stylefader.realtime.sources.options import LiveOptions
from tests.realtime.faults.sender import Sender, free_port
from tests.realtime.faults.stage import Stage, promise, until

SIZE = (48, 64)


def send_until(stage: Stage, sender: Sender, true: Callable[[], bool], most: float = 1e9) -> None:
    """A frame when the one before was shown, or has had its time; never more than `most`."""
    pause = threading.Event()

    def step() -> bool:
        if sender.sent < most:
            sender.frame()
        for _ in range(20):
            stage.live.tick()
            if true():
                return True
            pause.wait(0.002)
        return False

    until(step, lambda: f"{sender.sent} frames were sent; {stage.said}")


def level(stage: Stage) -> int:
    """What the middle of the picture shows, as the source gave it."""
    original = stage.watcher.last.original if stage.watcher.count else None
    return 0 if original is None else int(np.median(original[10:-10, 20:-20]))


@pytest.mark.parametrize("size", [(64, 48), (128, 48)])
def test_a_sender_that_restarts(tmp_path: Path, size: tuple[int, int]) -> None:
    """Its times begin at 0 again; its picture may have another size."""
    port = free_port()
    choice = live_source(f"udp://127.0.0.1:{port}", LiveOptions(size=(64, 48), fit="cover"))
    with ExitStack() as stack, Stage(tmp_path, choice.make, size=SIZE) as stage:
        first = stack.enter_context(Sender(port, size=(64, 48), level=80))
        send_until(stage, first, lambda: abs(level(stage) - 80) < 8)
        assert stage.watcher.last.original is not None
        assert abs(int(stage.watcher.last.original[24, 2, 1]) - Sender.EDGE) < 12, "its edges are to be seen"
        send_until(stage, first, lambda: first.sent >= 50)
        first.close()
        losses = stage.live.capture.counts.losses
        second = stack.enter_context(Sender(port, size=size, level=180))
        send_until(stage, second, lambda: abs(level(stage) - 180) < 8, most=promise("sender restarted"))
        assert second.sent <= promise("sender restarted")
        assert stage.live.capture.counts.losses <= losses + 1
        shown = stage.watcher.last
        assert shown.original is not None and shown.image.shape == (48, 64, 3)
        if size == (128, 48):
            edges = shown.original[4:-4, [1, 2, -3, -2]]
            assert abs(int(np.median(edges)) - 180) < 8, "covered, so the edges are outside; squashed they would show"
        send_until(stage, second, lambda: stage.watcher.last is not shown)
