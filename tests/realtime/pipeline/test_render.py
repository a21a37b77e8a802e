from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import Engine
from stylefader.realtime.automation.keyframes import parse_inline
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.pipeline.queues import BlockingMailbox, MailboxClosed
from stylefader.realtime.pipeline.render import render
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.base import Source
from stylefader.training.errors import SinkError, SourceError
from stylefader.training.packs.families.dynamic_net import style_inputs

Picture = npt.NDArray[np.uint8]


class NumberedFrames(Source):
    """Frames whose pixels are their number, at 10 a second from 5 s on; breaks before frame `broken`."""

    width, height, rate = 4, 2, Fraction(10)
    clock_zero = Fraction(5)

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.count, self.broken, self.notes, self.given = count, broken, [], 0

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self.count):
            if number == self.broken:
                raise SourceError("the file broke", failure=True)
            self.given += 1
            image = np.full((2, 4, 3), number % 256, np.uint8)
            yield Frame(image=image, pts=5 + Fraction(number, 10), index=number, captured_ns=0)


class Kept(Sink):
    """Keeps what is written; fails at frame `full`."""

    def __init__(self, full: int | None = None) -> None:
        self.frames: list[tuple[Fraction, Picture]] = []
        self.full, self.notes = full, []

    def open(self) -> None: ...

    def write(self, frame: Frame) -> None:
        if frame.index == self.full:
            raise SinkError("the disk is full", failure=True)
        self.frames.append((frame.pts, frame.image.copy()))

    def close(self) -> None: ...

    def abort(self) -> None: ...


class AddsAlpha(Engine):
    """Adds 100 * alpha[0] to every pixel; fails at call `breaks`."""

    name, device, precision = "adds", "none", "exact"

    def __init__(self, breaks: int | None = None, slots: int = 1) -> None:
        super().__init__(inputs=style_inputs(["a", "b"]), height=2, width=4, slots=slots)
        self._pictures: dict[int, Picture] = {}
        self.calls, self.breaks = 0, breaks
        self.alphas: list[npt.NDArray[np.float32]] = []

    def _begin(self, slot: int, values: dict[str, npt.NDArray[Any]]) -> None:
        self.calls += 1
        if self.calls == self.breaks:
            raise RuntimeError("the engine broke")
        self.alphas.append(values["alpha"].copy())
        self._pictures[slot] = values["frame"] + np.uint8(round(100 * float(values["alpha"][0])))

    def _finish(self, slot: int) -> Picture:
        return self._pictures.pop(slot)


def run(source: Source, sink: Sink, engine: Engine, alpha: str = "0s:0 2s:1") -> int:
    return render(
        source, sink, engine, parse_inline(alpha), [Parameter.even("alpha", 2, low=0, high=0.8, default=0)]
    ).frames


def no_threads_left() -> bool:
    return not any(thread.name.startswith("render-") for thread in threading.enumerate())


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_every_frame_in_order_with_its_time_and_alpha(slots: int) -> None:
    sink, engine = Kept(), AddsAlpha(slots=slots)
    assert run(NumberedFrames(100), sink, engine) == 100
    assert [pts for pts, _ in sink.frames] == [5 + Fraction(n, 10) for n in range(100)]
    expected = [min(n / 20, 0.8) for n in range(100)]  # from the clip's first instant, within the range
    np.testing.assert_allclose([alpha[1] for alpha in engine.alphas], expected, atol=1e-6)
    for number, (_, image) in enumerate(sink.frames):
        assert (image == number + round(100 * float(np.float32(expected[number])))).all(), "buffers are not mixed up"
    assert no_threads_left()


@pytest.mark.parametrize(
    ("source", "sink", "engine", "error"),
    [
        (NumberedFrames(50, broken=20), Kept(), AddsAlpha(), "the file broke"),
        (NumberedFrames(500), Kept(full=3), AddsAlpha(), "the disk is full"),
        (NumberedFrames(500), Kept(full=0), AddsAlpha(), "the disk is full"),
        (NumberedFrames(5), Kept(full=4), AddsAlpha(), "the disk is full"),
        (NumberedFrames(500), Kept(), AddsAlpha(breaks=7), "the engine broke"),
    ],
)
def test_an_error_anywhere_ends_the_render_and_is_raised(
    source: NumberedFrames, sink: Sink, engine: Engine, error: str
) -> None:
    with pytest.raises(Exception, match=error):
        run(source, sink, engine)
    assert no_threads_left()
    assert source.given < 60, "the reader stopped as well"


def test_the_mailbox_keeps_order_and_its_bound() -> None:
    mailbox: BlockingMailbox[int] = BlockingMailbox(3)
    most = 0

    def fill() -> None:
        for number in range(1000):
            mailbox.put(number)
        mailbox.finish()

    filler = threading.Thread(target=fill)
    filler.start()
    taken = []
    for number in mailbox:
        most = max(most, len(mailbox._things))
        taken.append(number)
    filler.join(30)
    assert not filler.is_alive()
    assert taken == list(range(1000))
    assert most <= 3


def test_a_closed_mailbox_lets_the_filler_go() -> None:
    mailbox: BlockingMailbox[int] = BlockingMailbox(1)
    mailbox.put(1)
    gone = threading.Event()

    def fill() -> None:
        with pytest.raises(MailboxClosed):
            mailbox.put(2)
        gone.set()

    filler = threading.Thread(target=fill)
    filler.start()
    mailbox.close()
    assert gone.wait(10)
    filler.join(30)
    assert not filler.is_alive()
    assert list(mailbox) == []
