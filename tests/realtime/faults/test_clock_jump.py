"""The clock jumps an hour ahead, as after a suspend on systems whose monotonic clock goes on meanwhile."""

from __future__ import annotations

import itertools
import threading
import time
from fractions import Fraction
from pathlib import Path

import av

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.live.recording import RecordingSink
from stylefader.realtime.sources.live.testcard import TestcardSource
from tests.realtime.controls.player import ALL
from tests.realtime.faults.stage import MOST_WAITING, Stage, promise, shift, until

HOUR_NS = 3_600_000_000_000
RATE = Fraction(30)
SIZE = (48, 64)


class Time:
    """A clock that stands still but for what is slept: then it goes on at once, and jumps when it is told to.

    A frame is let through when the one before was shown: else a fast source would leave the others behind.
    """

    def __init__(self) -> None:
        self.ns = 10_000_000_000
        self.jump = 0
        self.seen = lambda: True
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        return self.ns

    def sleep(self, seconds: float) -> None:
        pause, began = threading.Event(), time.monotonic()
        while not self.seen() and time.monotonic() - began < 0.2:
            pause.wait(0.001)
        with self._lock:
            self.ns += max(1, round(seconds * 1e9)) + self.jump
            self.jump = 0


def test_after_a_suspend_the_next_frame_is_shown(tmp_path: Path) -> None:
    clock = Time()
    sources: list[TestcardSource] = []

    def testcard() -> TestcardSource:
        sources.append(TestcardSource(size=(64, 48), rate=RATE, now_ns=clock.now_ns, sleep=clock.sleep))
        return sources[-1]

    path = tmp_path / "show.mkv"
    recording = RecordingSink(path, width=64, height=48, rate=RATE)
    sinks = {"recording": (recording, {"bound": MOST_WAITING, "drains": True})}
    with Stage(tmp_path, testcard, reconnects=False, size=SIZE, sinks=sinks, now_ns=clock.now_ns, fade_s=2.0) as stage:
        live = stage.live
        clock.seen = lambda: stage.watcher.count + live._mailbox.replaced >= live.capture.counts.captured
        stage.play()
        stage.live.go(1)
        stage.until(lambda: len(stage.builds) == 2)
        stage.builds[1].ready()
        stage.until(lambda: len(stage.live.stylizer.desks) == 2)
        before, replaced = stage.watcher.last.captured_ns, live._mailbox.replaced
        clock.jump = HOUR_NS
        stage.until(lambda: stage.watcher.last.captured_ns > before + HOUR_NS)
        shown = [frame for frame in stage.watcher.frames if frame.captured_ns > before]
        jumped = next(number for number, frame in enumerate(shown) if frame.captured_ns > before + HOUR_NS)
        late = live._mailbox.replaced - replaced  # on a busy machine a newer frame may take the place of one that waits
        assert not jumped or shown[jumped].index <= shown[jumped - 1].index + promise("clock jump") + late
        assert stage.live.capture.counts.losses == 0 and stage.live.capture.state == "running"
        stage.until(lambda: len(stage.live.stylizer.desks) == 1)
        assert shift(stage.frames()[-1]) == 50 and stage.builds[0].engine.closed, "the fade's time is over"
        assert sources[0].dropped >= 3600 * 30 - 2, "what was due meanwhile is left out"
        stage.live.move(ALL, 0.25)
        stage.until(lambda: shift(stage.watcher.last) == 25)
    with av.open(str(path)) as container:
        times = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.size]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert sum(gap > 3599 for gap in gaps) == 1 and len(times) == stage.watcher.count, "a gap stays a gap, and plays"


def test_a_jump_brings_what_waits_at_once(tmp_path: Path) -> None:
    """A stream's next try is not an hour late either."""
    from stylefader.training.errors import SinkError
    from tests.realtime.pipeline.test_fan_out import Probe

    clock = Time()
    probe = Probe()
    probe.refuses = SinkError("nobody is there", failure=True)
    from stylefader.realtime.pipeline.fan_out import FanOut
    from stylefader.realtime.session.words import words_of

    said: list[str] = []
    fan_out = FanOut(tell=lambda event: said.append(words_of(event)), clock=clock.now_ns)
    fan_out.add("stream", probe, reconnects=True)
    fan_out.open()
    until(lambda: said)
    probe.refuses = None
    clock.ns += HOUR_NS
    until(lambda: said[-1] == "stream: connected")
    fan_out.put(Frame(image=_image(), pts=Fraction(0), index=0, captured_ns=clock.ns))
    until(lambda: len(probe.frames) == 1)
    fan_out.close(20)


def _image():  # type: ignore[no-untyped-def]
    import numpy as np

    return np.zeros((2, 2, 3), np.uint8)
