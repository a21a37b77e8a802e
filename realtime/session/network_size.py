"""The size that a session's network computes at.

    size of the strokes, from controls --> the size asked for --(rate to hold)--> the same or smaller

Asked by the thread that owns the session.
"""

from __future__ import annotations

from stylefader.realtime.parameters.stroke import network_size
from stylefader.realtime.session.adaptive_size import Adaptive, Size, ladder
from stylefader.realtime.session.events import SizeChanged

_RESTS_NS = 250_000_000
"""How long a control must have asked for the same strokes: one that sweeps has no engine built on its way."""


class NetworkSize:
    """By the size of the strokes, and below that by the rate to hold.

    Args:
        height: Of the session's frames, in pixels.
        width: Likewise.
        adaptive_fps: The rate to hold by a smaller size; None: sizes follow the strokes alone.

    Attributes:
        stroke: The size of the strokes that play, or are on their way.
        size: Of the network.
    """

    def __init__(self, height: int, width: int, adaptive_fps: float | None = None) -> None:
        self._height, self._width = height, width
        self._interval_ns = round(1e9 / adaptive_fps) if adaptive_fps else None
        self._asked = self._rests = 1.0
        self._since_ns = 0
        self.stroke: float
        self.size: Size
        self._begin(1.0)

    @property
    def whole(self) -> bool:
        """Whether it is that of the strokes, not a smaller one."""
        return self._adaptive is None or self._adaptive.rung == 0

    @property
    def adaptive(self) -> bool:
        """Whether there is a rate to hold."""
        return self._adaptive is not None

    def choose(self, stroke: float) -> bool:
        """Take strokes of that size at once; whether they are others than before."""
        self._asked = self._rests = stroke
        changes = stroke != self.stroke
        if changes:
            self._begin(stroke)
        return changes

    def follow(self, stroke: float, now_ns: int) -> bool:
        """Whether others are to play from now on, given what is asked for at this time in monotonic nanoseconds."""
        if stroke != self._rests:
            self._rests, self._since_ns = stroke, now_ns
        # What was asked for before and could not be had is not asked for again.
        return stroke != self._asked and now_ns - self._since_ns >= _RESTS_NS and self.choose(stroke)

    def adapt(self, median_ms: float, now_ns: int) -> SizeChanged | None:
        """Change the size, where the rate asks for it, given what a frame took; what to tell of it."""
        if self._adaptive is None:
            return None
        before = self._adaptive.rung
        size = self._adaptive.sizes[self._adaptive.look(median_ms * 1e6, now_ns)]
        if size == self.size:
            return None
        self.size = size
        return SizeChanged(ms=median_ms, size=size, larger=self._adaptive.rung < before)

    def restore(self, stroke: float, size: Size, now_ns: int) -> None:
        """What was asked for cannot be had: these strokes and this size go on."""
        if stroke != self.stroke:
            self._begin(stroke)
        self.size = size
        if self._adaptive is not None:
            self._adaptive.stay(size, now_ns)

    def _begin(self, stroke: float) -> None:
        sizes = ladder(*network_size(self._height, self._width, stroke))
        self._adaptive = None if self._interval_ns is None else Adaptive(sizes, self._interval_ns)
        self.stroke, self.size = stroke, sizes[0]
