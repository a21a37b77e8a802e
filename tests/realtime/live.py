"""Parts of a live session for tests: an injected clock, engines of known duration, frames without a camera."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from stylefader.engines import Engine, components
from stylefader.engines.base import Picture
from stylefader.engines.inputs import Array
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Layout, alpha_parameter
from stylefader.realtime.pipeline.active_style import ActiveStyle
from stylefader.training.errors import EngineError
from stylefader.training.packs.families.dynamic_net import style_inputs
from stylefader.training.packs.pack_header import AlphaHeader, PackHeader

HEIGHT, WIDTH = 4, 8
HEADER = PackHeader(
    name="made_up", title="Made up", objective="level", kind="single", width=8, blocks=(),
    alpha=AlphaHeader(meaning={}, low=0, high=1, default=0.5), style={}, licence="MIT", training={},
)  # fmt: skip


class Clock:
    """Nanoseconds that pass when they are told to; what is due meanwhile happens at its own time."""

    def __init__(self) -> None:
        self.ns = 0
        self._due: list[tuple[int, Callable[[], None]]] = []

    def __call__(self) -> int:
        return self.ns

    def at(self, ns: int, happens: Callable[[], None]) -> None:
        self._due.append((ns, happens))
        self._due.sort(key=lambda entry: -entry[0])

    def pass_to(self, ns: int) -> None:
        while self._due and self._due[-1][0] <= ns:
            when, happens = self._due.pop()
            self.ns = max(self.ns, when)
            happens()
        self.ns = max(self.ns, ns)


class TimedEngine(Engine):
    """Takes `ms` of the clock a frame and adds 100 * alpha[0] to it; each slot one frame after the other.

    breaks: the call that raises EngineError; spoils: calls whose picture is 0 all over, as after a NaN.
    """

    name, device, precision = "timed", "none", "exact"

    def __init__(
        self,
        clock: Clock,
        ms: float,
        *,
        slots: int = 1,
        n_blocks: int = 1,
        breaks: int | None = None,
        spoils: tuple[int, ...] = (),
        size: tuple[int, int] = (HEIGHT, WIDTH),
    ) -> None:
        super().__init__(
            inputs=style_inputs([str(n) for n in range(n_blocks)]), height=size[0], width=size[1], slots=slots
        )
        self.clock, self.ns = clock, round(ms * 1e6)
        self.breaks, self.spoils = breaks, spoils
        self.calls = 0
        self.closed = False
        self.started: list[tuple[int, float]] = []
        self._free_ns = 0
        self._ready: dict[int, tuple[int, Picture]] = {}

    def _begin(self, slot: int, values: dict[str, Array]) -> None:
        frame_HWC, alpha = values["frame"], values.get("alpha", ())
        self.calls += 1
        if self.calls == self.breaks:
            raise EngineError("the engine broke", failure=True)
        self.started.append((int(frame_HWC[0, 0, 0]), float(alpha[0]) if len(alpha) else 0.0))
        self._free_ns = max(self._free_ns, self.clock()) + self.ns
        picture = frame_HWC + np.uint8(round(100 * self.started[-1][1]))
        if self.calls in self.spoils:
            picture[:] = 0
        self._ready[slot] = (self._free_ns, picture)

    def _finish(self, slot: int) -> Picture:
        ready_ns, picture = self._ready.pop(slot)
        self.clock.pass_to(ready_ns)
        return picture

    def _release(self) -> None:
        self.closed = True


def blocks(number: int) -> Layout:
    """alpha alone, of so many blocks."""
    return Layout([alpha_parameter(HEADER.alpha, number)])


def playing(engine: Engine, *, alpha: float = 0.0, time_constant_s: float = 0.0) -> ActiveStyle:
    """An engine with a desk that stands at `alpha` and follows at once."""
    n_blocks = components(engine.inputs, "alpha")
    start = {"alpha": np.full(n_blocks, alpha, np.float32)}
    desk = AlphaDesk([alpha_parameter(HEADER.alpha, n_blocks)], start=start, time_constant_s=time_constant_s)
    return ActiveStyle(header=HEADER, engine=engine, desk=desk)


def numbered(number: int, captured_ns: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Frame:
    """A frame whose first pixel is its number modulo 100, and whose others are not of one colour."""
    image = np.zeros((*size, 3), np.uint8)
    image[:, :, 1] = np.arange(size[1], dtype=np.uint8)
    image[0, 0] = number % 100
    return Frame(image=image, pts=Fraction(number, 30), index=number, captured_ns=captured_ns)
