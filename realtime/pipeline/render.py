"""Offline render: every frame of a source through an engine into a sink, in order, none dropped.

Three threads, so that decoding, inference and encoding overlap: a reader fills one mailbox, the calling thread
runs the engine, a writer empties another. Memory holds a few frames, however long the clip is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Thread
from typing import TypeVar

import numpy as np

from stylefader.engines import Engine, Pending
from stylefader.realtime.automation.keyframes import AlphaOverTime
from stylefader.realtime.masks.base import Mask, MaskSource
from stylefader.realtime.media.frame import Frame, Picture, blacken_bars
from stylefader.realtime.parameters.fade_in import FadeIn
from stylefader.realtime.parameters.parameter import Parameter, Values, sizes_of, within
from stylefader.realtime.pipeline.frame_inputs import FrameInputs, has_steady
from stylefader.realtime.pipeline.queues import BlockingMailbox, MailboxClosed
from stylefader.realtime.pipeline.steady import Steady
from stylefader.realtime.pipeline.style_mixer import Vectors
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.base import Packet, Source

_AHEAD = 8
"""Frames and packets that may wait before the engine, and again after it."""
_JOIN_S = 30.0

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RenderReport:
    """What a render did. Times in seconds; `engine_seconds` is the time spent in the engine's calls and waits.

    empty: frames for which every weight of a palette's styles was 0.
    """

    frames: int
    seconds: float
    engine_seconds: float
    empty: int = 0


def render(
    source: Source,
    sink: Sink,
    engine: Engine,
    automation: AlphaOverTime,
    parameters: Sequence[Parameter],
    *,
    styles: Mapping[str, Vectors] | None = None,
    mask: MaskSource | None = None,
    fade_in: float = 0.0,
    choose: Callable[[Mapping[str, Values]], Engine] | None = None,
    report: Callable[[int], None] = lambda frames: None,
) -> RenderReport:
    """Render an open source into an open sink; the caller closes both, and the source of masks.

    The parameters of the style have the automation's values at the frame's time, counted from the clip's first instant,
    kept within their ranges. `styles` are the vectors of a palette, by name; `fade_in` is the share of alpha's way that
    rides mix. `choose` gives the engine of a frame by its values: one that takes and gives the same as `engine`, which
    makes all frames where it is None. `report` gets the number of frames stylized. Raises what reader, engine, source
    of masks or writer raised, after the other threads have ended.
    """
    automation.check(sizes_of(parameters))
    inputs = FrameInputs(
        (*engine.inputs, *engine.finishing), masked=engine.masked, styles=styles, under_way=engine.slots
    )
    own_steady = has_steady(engine)
    faded_in = FadeIn(parameters, fade_in)
    to_engine: BlockingMailbox[Frame | Packet] = BlockingMailbox(_AHEAD)
    to_sink: BlockingMailbox[Frame | Packet] = BlockingMailbox(_AHEAD)
    reader = _Worker("render-reader", lambda: _read(source, to_engine), downstream=to_engine)
    writer = _Worker("render-writer", lambda: _write(sink, to_sink), upstream=to_sink)
    pictures = _buffers(engine)
    in_order: deque[tuple[Frame, Pending, Mapping[str, Values], Mask | None] | Packet] = deque()
    steady = Steady()
    frames, empty, engine_seconds = 0, 0, 0.0

    def hand_on(under_way: int) -> None:
        """Pass on what is done, in order, until that many frames are under way."""
        nonlocal frames, engine_seconds
        while in_order:
            first = in_order[0]
            if not isinstance(first, tuple):
                to_sink.put(first)
            elif started - frames > under_way:
                called = time.perf_counter()
                picture = first[1].result()
                engine_seconds += time.perf_counter() - called
                steady(first[0].image, picture, first[0].pts, first[2], mask=first[3], own=own_steady)
                blacken_bars(picture, first[0].inside)
                to_sink.put(replace(first[0], image=picture))
                frames += 1
                report(frames)
            else:
                return
            in_order.popleft()

    started = 0
    began = time.perf_counter()
    reader.start()
    writer.start()
    try:
        for thing in to_engine:
            if isinstance(thing, Frame):
                at = thing.pts - source.clock_zero
                values = faded_in(within(automation.values(at, parameters), parameters))
                if choose is not None and (chosen := choose(values)) is not engine:
                    hand_on(0)
                    engine, pictures = chosen, _buffers(chosen)
                    inputs.allow(engine.slots)
                hand_on(engine.slots - 1)
                inside = mask.mask(thing.image, at, values) if mask is not None and engine.masked else None
                given = inputs(thing.image, values, inside)
                empty += inputs.mixer is not None and inputs.mixer.empty
                called = time.perf_counter()
                pending = engine.start(given, out=pictures[started % len(pictures)])
                engine_seconds += time.perf_counter() - called
                in_order.append((thing, pending, values, inside))
                started += 1
            else:
                in_order.append(thing)
        hand_on(0)
        to_sink.finish()
        writer.join_or_raise()
    except MailboxClosed:
        # The writer went away by an error of its own, which is the one to hear of.
        writer.join_or_raise()
        raise
    finally:
        to_engine.close()
        to_sink.close()
        # The sink may be taken away only when nobody writes to it any more.
        reader.join(_JOIN_S)
        writer.join(_JOIN_S)
    return RenderReport(frames=frames, seconds=time.perf_counter() - began, engine_seconds=engine_seconds, empty=empty)


def _buffers(engine: Engine) -> list[Picture]:
    """As many as can be under way, wait and be written at once, so the one being filled is never one in use."""
    return [np.empty((engine.height, engine.width, 3), np.uint8) for _ in range(engine.slots + _AHEAD + 1)]


class _Worker(Thread):
    """A thread whose error is kept, and told to the mailbox on the other side of it."""

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        *,
        upstream: BlockingMailbox[T] | None = None,
        downstream: BlockingMailbox[T] | None = None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._upstream, self._downstream = upstream, downstream
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except MailboxClosed:
            return
        except BaseException as error:
            self._error = error
            if self._downstream is not None:
                self._downstream.fail(error)
            if self._upstream is not None:
                self._upstream.close()

    def join_or_raise(self) -> None:
        """Wait for the end and raise what the work raised."""
        while self.is_alive():
            self.join(0.2)  # short waits, so that Ctrl-C is heard
        if self._error is not None:
            raise self._error


def _read(source: Source, mailbox: BlockingMailbox[Frame | Packet]) -> None:
    for thing in source.frames_and_packets():
        mailbox.put(thing)
    mailbox.finish()


def _write(sink: Sink, mailbox: BlockingMailbox[Frame | Packet]) -> None:
    for thing in mailbox:
        if isinstance(thing, Frame):
            sink.write(thing)
        else:
            sink.write_packet(thing)


def seconds_per_frame(engine: Engine) -> float:
    """How long a frame takes with all slots busy, from a second warm-up: for estimates, not for benchmarks."""
    engine.warm_up()
    began = time.perf_counter()
    engine.warm_up()
    return (time.perf_counter() - began) / engine.slots
