"""FanOut: each sink on its own, whatever the others do. The clock is the test's; real waits are only for events."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.pipeline.sink_worker import SinkStats
from stylefader.realtime.session.words import words_of
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sinks.live.null import NullSink
from stylefader.training.errors import SinkError

PATIENCE = 20.0
"""Seconds until a test that waits for something gives up."""


class Clock:
    def __init__(self) -> None:
        self.ns = 1_000_000_000

    def __call__(self) -> int:
        return self.ns

    def forward(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


class Probe(Sink):
    """Remembers what happened to it. gate: held while cleared. fails: what `write` raises next. refuses: `open`."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.fails: Exception | None = None
        self.refuses: Exception | None = None
        self.frames: list[Frame] = []
        self.calls: list[str] = []

    def open(self) -> None:
        self.calls.append("open")
        if self.refuses is not None:
            raise self.refuses

    def write(self, frame: Frame) -> None:
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        if self.fails is not None:
            error, self.fails = self.fails, None
            raise error
        self.frames.append(frame)

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")


class Stage:
    """A fan-out with its clock and its words."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.words: list[str] = []
        self._said = threading.Condition()
        self.fan_out = FanOut(tell=lambda event: self.say(words_of(event)), clock=self.clock)
        self.index = 0

    def say(self, words: str) -> None:
        with self._said:
            self.words.append(words)
            self._said.notify_all()

    def put(self, count: int = 1) -> list[Frame]:
        frames = []
        for _ in range(count):
            image = np.zeros((2, 2, 3), np.uint8)
            frames.append(Frame(image=image, pts=Fraction(self.index, 30), index=self.index, captured_ns=self.clock.ns))
            self.index += 1
            self.fan_out.put(frames[-1])
        return frames

    def until(self, true: Callable[[], bool]) -> None:
        gate = threading.Event()
        for _ in range(round(PATIENCE / 0.005)):
            if true():
                return
            gate.wait(0.005)
        raise AssertionError(f"it never came; the words were {self.words}")

    def until_said(self, part: str) -> None:
        self.until(lambda: any(part in words for words in self.words))

    def of(self, name: str) -> SinkStats:
        return next(stats for stats in self.fan_out.stats() if stats.name == name)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.fan_out.close(PATIENCE)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("sink ")]


def test_all_get_the_same_frame_and_no_copy(stage: Stage) -> None:
    first, second = Probe(), Probe()
    stage.fan_out.add("first", first, bound=10)
    stage.fan_out.add("second", second, bound=10)
    stage.fan_out.open()
    frames = stage.put(5)
    stage.until(lambda: len(first.frames) == len(second.frames) == 5)
    assert all(a is b is c for a, b, c in zip(frames, first.frames, second.frames, strict=True))
    assert stage.fan_out.close() == []
    assert first.calls == second.calls == ["open", "close"]
    assert stage.words == []


def test_waiting_frames_keep_no_original(stage: Stage) -> None:
    """Sixty pictures of a recording on a slow disk are sixty pictures in memory, not twice as many."""
    recording, viewer = Probe(), Probe()
    viewer.takes_original = True
    recording.gate.clear()
    stage.fan_out.add("recording", recording, bound=60, drains=True)
    stage.fan_out.add("viewer", viewer, bound=60)
    stage.fan_out.open()
    originals = []
    for index in range(30):
        original = np.full((2, 2, 3), index, np.uint8)
        originals.append(weakref.ref(original))
        image = np.zeros((2, 2, 3), np.uint8)
        stage.fan_out.put(Frame(image=image, original=original, pts=Fraction(index), index=index, captured_ns=0))
    del original
    stage.until(lambda: len(viewer.frames) == 30)
    assert [int(frame.original[0, 0, 0]) for frame in viewer.frames if frame.original is not None] == list(range(30))
    viewer.frames.clear()
    stage.until(lambda: all(held() is None for held in originals[:-1]))  # the viewer's thread has the last one
    assert stage.of("recording").waiting == 30
    recording.gate.set()
    stage.until(lambda: len(recording.frames) == 30)
    assert all(frame.original is None for frame in recording.frames)


def test_a_stuck_sink_costs_the_others_nothing_and_put_does_not_wait(stage: Stage) -> None:
    stuck, free = Probe(), Probe()
    stuck.gate.clear()
    stage.fan_out.add("stuck", stuck, bound=2)
    stage.fan_out.add("free", free, bound=1000)
    stage.fan_out.open()
    stage.put()
    assert stuck.entered.wait(PATIENCE)
    rest = stage.put(100)
    stage.until(lambda: len(free.frames) == 101)
    assert stage.of("stuck").dropped == 98
    assert stage.of("stuck").waiting == 3  # one in its hand
    stuck.gate.set()
    stage.until(lambda: stage.of("stuck").written == 3)
    assert stuck.frames[1:] == rest[-2:]  # the newest won
    assert stage.of("free").dropped == 0


def test_what_is_put_is_written_dropped_or_waiting(stage: Stage) -> None:
    sink = Probe()
    sink.gate.clear()
    stage.fan_out.add("sink", sink, bound=3)
    stage.fan_out.open()
    stage.put(10)
    stage.until(sink.entered.is_set)
    stats = stage.of("sink")
    assert stats.written + stats.dropped + stats.waiting == 10
    sink.gate.set()
    stage.fan_out.close(PATIENCE)
    stats = stage.of("sink")
    assert (stats.written + stats.dropped, stats.waiting) == (10, 0)


def test_a_sink_that_fails_is_dropped_with_a_word(stage: Stage) -> None:
    bad, good = Probe(), Probe()
    bad.fails = SinkError("the disk is full")
    stage.fan_out.add("bad", bad)
    stage.fan_out.add("good", good, bound=100)
    stage.fan_out.open()
    stage.put()
    stage.until_said("the disk is full; bad is dropped")
    stage.put(10)
    stage.until(lambda: len(good.frames) == 11)
    assert (stage.of("bad").state, stage.of("bad").dropped) == ("failed", 11)
    assert stage.of("good").state == "running"
    assert bad.calls == ["open", "abort"]
    assert not stage.fan_out.failed


@pytest.mark.parametrize("reconnects", [False, True])
def test_a_bug_in_a_sink_ends_that_sink_alone(stage: Stage, reconnects: bool) -> None:
    bad = Probe()
    bad.fails = ZeroDivisionError("by nothing")
    stage.fan_out.add("bad", bad, reconnects=reconnects)
    stage.fan_out.open()
    stage.until(lambda: stage.of("bad").state == "running")
    stage.put()
    stage.until_said("bad: ZeroDivisionError: by nothing; bad is dropped")
    stage.until(lambda: stage.fan_out.failed)


def test_a_sink_that_cannot_be_opened_opens_nothing(stage: Stage) -> None:
    first, bad, last = Probe(), Probe(), Probe()
    bad.refuses = SinkError("there is no such device")
    for name, sink in {"first": first, "bad": bad, "last": last}.items():
        stage.fan_out.add(name, sink)
    with pytest.raises(SinkError, match="no such device"):
        stage.fan_out.open()
    assert first.calls == ["open", "abort"]
    assert last.calls == []


def test_a_stream_comes_back_by_itself_after_longer_and_longer_waits(stage: Stage) -> None:
    stream = Probe()
    stream.refuses = SinkError("connection refused", failure=True)
    stage.fan_out.add("stream", stream, reconnects=True)
    stage.fan_out.open()
    for number, wait in enumerate([1, 2, 4, 8, 15, 15], 1):
        stage.until(lambda number=number: len(stage.words) == number)  # type: ignore[misc]
        assert stage.words[-1] == f"connection refused; trying again in {wait} s"
        assert stage.of("stream").state == "reconnecting"
        stage.put()
        if number == 6:
            stream.refuses = None
        stage.until(lambda: stream.calls[-1] == "abort")
        stage.clock.forward(wait)
    stage.until_said("stream: connected")
    assert stage.of("stream").dropped == 6
    stage.until(lambda: stage.of("stream").state == "running")
    stage.put()
    stage.until(lambda: len(stream.frames) == 1)


def test_a_connection_that_held_begins_at_the_shortest_wait_again(stage: Stage) -> None:
    stream = Probe()
    stage.fan_out.add("stream", stream, reconnects=True)
    stage.fan_out.open()
    for held, wait in [(1, 1), (1, 2), (20, 1)]:
        stage.until(lambda: stage.words[-1:] == ["stream: connected"])
        stage.clock.forward(held)
        stream.fails = SinkError("reset", failure=True)
        stage.put()
        stage.until(lambda wait=wait: stage.words[-1] == f"reset; trying again in {wait} s")  # type: ignore[misc]
        stage.clock.forward(wait)
    stage.until(lambda: stage.words[-1] == "stream: connected")


def test_bad_input_is_not_tried_again(stage: Stage) -> None:
    stream = Probe()
    stream.refuses = SinkError("there is no such protocol")
    stage.fan_out.add("stream", stream, reconnects=True)
    stage.fan_out.open()
    stage.until_said("no such protocol; stream is dropped")
    assert stage.of("stream").state == "failed"


def test_closing_writes_what_a_recording_holds_and_nothing_else(stage: Stage) -> None:
    recording, camera = Probe(), Probe()
    for sink in (recording, camera):
        sink.gate.clear()
    stage.fan_out.add("recording", recording, bound=60, drains=True)
    stage.fan_out.add("camera", camera, bound=60)
    stage.fan_out.open()
    stage.put(30)
    assert recording.entered.wait(PATIENCE) and camera.entered.wait(PATIENCE)
    threading.Timer(0.05, lambda: [sink.gate.set() for sink in (recording, camera)]).start()
    assert stage.fan_out.close(PATIENCE) == []
    assert (len(recording.frames), len(camera.frames)) == (30, 1)
    assert recording.calls == camera.calls == ["open", "close"]
    assert stage.fan_out.close() == []  # twice is harmless


def test_draining_stops_in_time_to_close(stage: Stage) -> None:
    slow = Probe()
    slow.gate.clear()
    stage.fan_out.add("slow", slow, bound=60, drains=True)
    stage.fan_out.open()
    stage.put(30)
    assert slow.entered.wait(PATIENCE)

    def late() -> None:
        stage.clock.forward(PATIENCE)
        slow.gate.set()

    threading.Timer(0.05, late).start()
    assert stage.fan_out.close(PATIENCE) == []
    assert len(slow.frames) == 1
    assert slow.calls == ["open", "close"]
    assert stage.words == ["slow: the last 29 frames were not written in time"]


def test_what_hangs_is_left_and_named(stage: Stage) -> None:
    stuck, good = Probe(), Probe()
    stuck.gate.clear()
    stage.fan_out.add("stuck", stuck)
    stage.fan_out.add("good", good)
    stage.fan_out.open()
    stage.put()
    assert stuck.entered.wait(PATIENCE)
    assert stage.fan_out.close(0.05) == ["stuck"]
    assert stage.words == ["stuck: did not end within 0.05 s; it was left"]
    assert good.calls == ["open", "close"]
    stuck.gate.set()
    stage.until(lambda: stuck.calls[-1] == "close")


def test_closing_does_not_wait_for_a_back_off(stage: Stage) -> None:
    stream = Probe()
    stream.refuses = SinkError("connection refused", failure=True)
    stage.fan_out.add("stream", stream, reconnects=True)
    stage.fan_out.open()
    stage.until_said("trying again")
    assert stage.fan_out.close(PATIENCE) == []  # the clock stood still


def test_latency_is_from_capture_to_the_end_of_the_write(stage: Stage) -> None:
    sink = Probe()
    stage.fan_out.add("sink", sink, bound=10)
    stage.fan_out.open()
    assert stage.of("sink").latency_ns(50) == []
    for ms in (10, 20, 30):
        sink.gate.clear()
        sink.entered.clear()
        stage.put()
        assert sink.entered.wait(PATIENCE)
        stage.clock.forward(ms / 1000)
        sink.gate.set()
        stage.until(lambda: not stage.of("sink").waiting)
    assert sorted(stage.of("sink").latencies_ns) == [10_000_000, 20_000_000, 30_000_000]
    assert stage.of("sink").latency_ns(0, 50, 100) == [10_000_000, 20_000_000, 30_000_000]


def test_notes_are_said_once_each_at_the_opening_and_at_the_end(stage: Stage) -> None:
    class Noting(Probe):
        def open(self) -> None:
            super().open()
            self.notes = ["it is device 2"]

        def close(self) -> None:
            super().close()
            self.notes.append("three packets were lost")

    stage.fan_out.add("camera", Noting())
    stage.fan_out.open()
    assert stage.words == ["camera: it is device 2"]
    stage.fan_out.close(PATIENCE)
    assert stage.words == ["camera: it is device 2", "camera: three packets were lost"]


def test_numbers_stay_bounded(stage: Stage) -> None:
    stage.fan_out.add("null", null := NullSink(), bound=5000)
    stage.fan_out.open()
    stage.put(3000)
    stage.until(lambda: null.frames == 3000)
    assert len(stage.of("null").latencies_ns) == 1024


def test_a_sink_is_added_and_removed_while_frames_flow(stage: Stage) -> None:
    steady, visitor = Probe(), Probe()
    stage.fan_out.add("steady", steady, bound=100)
    stage.fan_out.open()
    stage.put(3)
    stage.fan_out.add("visitor", visitor, bound=100, drains=True)
    assert visitor.calls == ["open"]
    middle = stage.put(4)
    stage.fan_out.remove("visitor", PATIENCE)
    assert visitor.calls == ["open", "close"] and visitor.frames == middle, "what waited was written"
    stage.put(2)
    stage.until(lambda: len(steady.frames) == 9)
    assert visitor.frames == middle and [one.name for one in stage.fan_out.stats()] == ["steady"]
    with pytest.raises(SinkError, match="there is no sink 'visitor'; there are steady"):
        stage.fan_out.remove("visitor")


def test_one_that_cannot_be_opened_is_not_added(stage: Stage) -> None:
    bad = Probe()
    bad.refuses = SinkError("there is no such device")
    stage.fan_out.open()
    with pytest.raises(SinkError, match="no such device"):
        stage.fan_out.add("bad", bad)
    assert bad.calls == ["open", "abort"] and stage.fan_out.stats() == [] and not stage.fan_out.failed


def test_a_name_is_free_again_once_its_sink_has_failed(stage: Stage) -> None:
    first, second = Probe(), Probe()
    stage.fan_out.add("null", first)
    stage.fan_out.open()
    with pytest.raises(SinkError, match="there is a sink null already"):
        stage.fan_out.add("null", Probe())
    first.fails = SinkError("the disk is full")
    stage.put()
    stage.until(lambda: stage.fan_out.failed)
    stage.fan_out.add("null", second)
    stage.put()
    stage.until(lambda: len(second.frames) == 1)
    assert stage.of("null").state == "running" and not stage.fan_out.failed


def test_nothing_is_added_to_what_is_over(stage: Stage) -> None:
    stage.fan_out.open()
    stage.fan_out.close()
    late = Probe()
    with pytest.raises(SinkError, match="the session is over"):
        stage.fan_out.add("late", late)
    assert late.calls == []


def test_sinks_come_and_go_from_many_threads(stage: Stage) -> None:
    steady = Probe()
    stage.fan_out.add("steady", steady, bound=10_000)
    stage.fan_out.open()
    failed: list[BaseException] = []

    def visit(number: int) -> None:
        try:
            for _ in range(20):
                stage.fan_out.add(f"visitor {number}", NullSink())
                stage.fan_out.remove(f"visitor {number}", PATIENCE)
        except BaseException as error:
            failed.append(error)

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for visitor in visitors:
        visitor.start()
    while any(visitor.is_alive() for visitor in visitors):
        stage.put()
        threading.Event().wait(0.001)
    assert not failed
    stage.until(lambda: stage.of("steady").written == stage.index)
    assert len(stage.fan_out.stats()) == 1


def test_a_sink_that_fails_is_logged_with_its_traceback(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    bad = Probe()
    bad.fails = ZeroDivisionError("by nothing")
    stage.fan_out.add("bad", bad)
    stage.fan_out.open()
    stage.put()
    stage.until_said("bad is dropped")
    (record,) = caplog.records
    assert record.name == "stylefader.realtime.pipeline.sink_worker"
    assert record.exc_info is not None and record.exc_info[1] is not None and record.exc_info[1].__traceback__


def test_a_note_that_comes_while_it_writes_is_said_then(stage: Stage) -> None:
    class Noting(Probe):
        def write(self, frame: Frame) -> None:
            super().write(frame)
            if len(self.frames) == 2:
                self.notes.append("the network is slow")

    stage.fan_out.add("stream", Noting(), bound=10)
    stage.fan_out.open()
    stage.put(5)
    stage.until_said("stream: the network is slow")
    stage.fan_out.close(PATIENCE)
    assert stage.words == ["stream: the network is slow"]
