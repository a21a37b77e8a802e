from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline import capture as capture_module
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.words import words_of
from stylefader.realtime.sources.base import LostError, Source
from stylefader.training.errors import SourceError
from tests.realtime.live import numbered

WAIT_S = 20


class Reel(Source):
    """Gives some frames, then ends or breaks; or waits until it is closed."""

    width, height, rate, live = 8, 4, Fraction(30), True

    def __init__(self, frames: int, *, error: Exception | None = None, opens: bool = True, hangs: bool = False) -> None:
        self.frames, self.error, self.opens, self.hangs = frames, error, opens, hangs
        self.notes = ["asked for 1920x1080, got 8x4"]
        self.closed = threading.Event()

    def open(self) -> None:
        if not self.opens:
            raise SourceError("no such camera")

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self.frames):
            yield numbered(number, captured_ns=number)
        if self.hangs:
            assert self.closed.wait(WAIT_S)
        if self.error:
            raise self.error

    def close(self) -> None:
        self.closed.set()


class Kept(NewestMailbox[Frame]):
    """Keeps every frame that was put."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Frame] = []

    def put(self, thing: Frame) -> None:
        self.all.append(thing)
        super().put(thing)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(capture_module, "LONGEST_WAIT_S", 0.01)


def run(
    reels: list[Reel], until: Callable[[Capture], bool], *, reconnects: bool = True, every: int = 1
) -> tuple[Capture, Kept, list[str]]:
    mailbox, said = Kept(), []
    left = list(reels)
    capture = Capture(
        lambda: left.pop(0) if left else Reel(0, hangs=True), mailbox, name="the camera", reconnects=reconnects,
        every=every, tell=lambda event: said.append(words_of(event)),
    )  # fmt: skip
    capture.start()
    waited = threading.Event()
    for _ in range(WAIT_S * 100):
        if until(capture):
            break
        waited.wait(0.01)
    assert until(capture)
    assert capture.stop()
    assert capture.stop(), "twice is harmless"
    return capture, mailbox, said


def test_a_camera_that_is_unplugged_comes_back_by_itself() -> None:
    reels = [Reel(3, error=SourceError("unplugged")), Reel(0, opens=False), Reel(0, opens=False), Reel(2, hangs=True)]
    capture, mailbox, said = run(reels, lambda c: c.counts.captured == 5 and c.state == "running")
    assert [frame.index for frame in mailbox.all] == [0, 1, 2, 3, 4], "counted through"
    assert capture.counts.losses == 1, "one loss, however often it is tried"
    assert said == [
        "note: asked for 1920x1080, got 8x4",
        "the camera is lost (unplugged): the last picture holds, trying again",
        "the camera is back",
    ]
    assert reels[0].closed.is_set() and reels[3].closed.is_set()


def test_what_a_driver_raises_does_not_end_the_show() -> None:
    capture, mailbox, said = run([Reel(1, error=RuntimeError("select() timeout")), Reel(1, hangs=True)],
                                 lambda c: c.counts.captured == 2)  # fmt: skip
    assert "RuntimeError: select() timeout" in said[1]
    assert len(mailbox.all) == 2 and not capture.over


def test_a_file_ends_and_that_is_that() -> None:
    capture, mailbox, _ = run([Reel(4)], lambda c: c.over, reconnects=False)
    assert capture.state == "ended" and capture.error is None
    assert len(mailbox.all) == 4


def test_a_file_that_breaks_says_why() -> None:
    capture, _, _ = run([Reel(1, error=SourceError("cut off"))], lambda c: c.over, reconnects=False)
    assert capture.state == "failed"
    assert str(capture.error) == "cut off"


def test_a_source_that_is_open_already_is_the_first() -> None:
    first, second = Reel(2, error=SourceError("unplugged"), opens=False), Reel(1, hangs=True)
    mailbox = Kept()
    capture = Capture(lambda: second, mailbox, name="x", reconnects=True, first=first)
    capture.start()
    for _ in range(WAIT_S * 100):
        if capture.counts.captured == 3:
            break
        threading.Event().wait(0.01)
    assert capture.stop()
    assert capture.counts.captured == 3 and capture.counts.losses == 1 and first.closed.is_set()


def test_every_third_frame() -> None:
    capture, mailbox, _ = run([Reel(8)], lambda c: c.over, reconnects=False, every=3)
    assert [frame.index for frame in mailbox.all] == [0, 3, 6]
    assert capture.counts.captured == 8 and capture.counts.skipped == 5


def test_a_source_that_hangs_is_ended_by_its_close() -> None:
    reel = Reel(0, hangs=True)
    run([reel], lambda c: True)
    assert not any(thread.name == "live-capture" for thread in threading.enumerate())


class Noting(Reel):
    """Notes something in the middle, and then waits."""

    def __iter__(self) -> Iterator[Frame]:
        yield numbered(0)
        self.notes.append("it plays too slowly")
        yield numbered(1)
        yield numbered(2)
        assert self.closed.wait(WAIT_S)


def test_a_note_is_told_while_it_plays_and_once() -> None:
    _, mailbox, said = run([Noting(0)], lambda c: c.counts.captured == 3 and not c.over)
    assert said == ["note: asked for 1920x1080, got 8x4", "note: it plays too slowly"]
    assert len(mailbox.all) == 3


def test_a_source_that_says_why_it_is_lost_is_named_once() -> None:
    lost = LostError("the camera", "no picture for 3 s")
    assert str(lost) == "the camera is lost: no picture for 3 s" and lost.failure
    _, _, said = run([Reel(1, error=lost), Reel(1, hangs=True)], lambda c: c.counts.captured == 2)
    assert said[1] == "the camera is lost (no picture for 3 s): the last picture holds, trying again"


def test_what_broke_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    run([Reel(1, error=RuntimeError("select() timeout")), Reel(1, hangs=True)], lambda c: c.counts.captured == 2)
    (record,) = caplog.records
    assert record.name == "stylefader.realtime.pipeline.capture" and record.exc_info is not None
    error = record.exc_info[1]
    assert isinstance(error, SourceError) and isinstance(error.__cause__, RuntimeError)


def test_another_capture_goes_on_counting() -> None:
    first, mailbox, _ = run([Reel(3, hangs=True)], lambda c: c.counts.captured == 3)
    second = Capture(lambda: Reel(2), mailbox, name="a file", reconnects=False, counts=first.counts)
    second.start()
    for _ in range(WAIT_S * 100):
        if second.over:
            break
        threading.Event().wait(0.01)
    assert second.stop()
    assert [frame.index for frame in mailbox.all] == [0, 1, 2, 3, 4]
