"""Choosing the size that the network computes at, so that a target rate holds."""

from __future__ import annotations

from dataclasses import dataclass

SHARES = (1.0, 0.75, 0.5, 0.375, 0.25)
"""Of the session's width and height."""
_DOWN = 1.05
"""Above this share of the frame interval an engine is too slow."""
_UP = 0.8
"""What the next larger size may be expected to take, of the frame interval, to be tried."""
_CALM_S = 5.0
"""How long a size must have been good before a larger one is tried."""
_SETTLE_S = 1.0
"""After a change, times are not looked at for so long: the first frames of an engine are slow."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Height and width of the frames of a session, in pixels."""

    height: int
    width: int


def ladder(height: int, width: int) -> tuple[Size, ...]:
    """Sizes from the session's own downward, sides multiples of 4, none below 64 pixels."""
    sizes: list[Size] = []
    for share in SHARES:
        size = Size(height=round(height * share / 4) * 4, width=round(width * share / 4) * 4)
        if share == 1.0:
            size = Size(height=height, width=width)
        if not sizes or (min(size.height, size.width) >= 64 and size != sizes[-1]):
            sizes.append(size)
    return tuple(sizes)


class Adaptive:
    """Says which rung of a ladder to play on, given how long frames take. Times in nanoseconds, its caller's clock.

    Going down is quick and goes as far as needed at once, since time grows with the pixels; going up is slow and by
    one rung, and a rung that proved too slow is not tried again for a while, twice as long each time.
    """

    def __init__(self, sizes: tuple[Size, ...], interval_ns: int) -> None:
        self.sizes, self._interval_ns = sizes, interval_ns
        self.rung = 0
        self._changed_ns: int | None = None
        self._good_since_ns: int | None = None
        self._barred_until_ns = [0] * len(sizes)
        self._bar_ns = [10_000_000_000] * len(sizes)

    def look(self, engine_ns: float, now_ns: int) -> int:
        """The rung to play on, from the engine's median time of late. Call about once a second."""
        if self._changed_ns is not None and now_ns - self._changed_ns < _SETTLE_S * 1e9:
            return self.rung
        if engine_ns > _DOWN * self._interval_ns:
            self._good_since_ns = None
            self._barred_until_ns[self.rung] = now_ns + self._bar_ns[self.rung]
            self._bar_ns[self.rung] *= 2
            lower = range(self.rung + 1, len(self.sizes))
            fits = [r for r in lower if engine_ns * self._pixels(r) / self._pixels(self.rung) <= self._interval_ns]
            return self._go(fits[0] if fits else len(self.sizes) - 1, now_ns)
        if self._good_since_ns is None:
            self._good_since_ns = now_ns
        above = self.rung - 1
        if above < 0 or now_ns - self._good_since_ns < _CALM_S * 1e9 or now_ns < self._barred_until_ns[above]:
            return self.rung
        if engine_ns * self._pixels(above) / self._pixels(self.rung) <= _UP * self._interval_ns:
            return self._go(above, now_ns)
        return self.rung

    def stay(self, size: Size, now_ns: int) -> None:
        """The requested size is not available: keep this one."""
        self._go(self.sizes.index(size), now_ns)

    def _pixels(self, rung: int) -> int:
        return self.sizes[rung].height * self.sizes[rung].width

    def _go(self, rung: int, now_ns: int) -> int:
        if rung != self.rung:
            self.rung, self._changed_ns, self._good_since_ns = rung, now_ns, None
        return self.rung
