"""Choosing which size of a style plays, so that the frame rate holds: the rules alone, without engines or packs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stylefader.engines.selection.expected_time import ExpectedTime

_ROOM = 0.85
"""What a frame may be expected to take at first, of the frame interval."""
_UP = 0.75
"""What a larger member may have been measured to take, of the frame interval, to take over."""
_HELD = 0.92
"""The share of the wanted rate that counts as held."""
_SLOW_LOOKS = 3
"""A rate is not held after so many bad looks more than good ones; there is a look about every second."""
_CALM_S = 10.0
"""How long a rate must have been held before a larger member is tried."""
_SETTLE_S = 2.0
"""After a change nothing is looked at for so long: the first frames of an engine are slow."""
_BAR_S = 60.0
"""How long a member that was too slow is not tried again; after a second time never."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a member was chosen, as data.

    Attributes:
        rate: The frame rate to be held.
        holds: Whether it is expected to be held by it.
        time: What is expected of it.
        larger: What is expected of the next larger one; None for the largest.
        seen: The rate that the member before it reached, where that was too little.
    """

    rate: float
    holds: bool
    time: ExpectedTime
    larger: ExpectedTime | None = None
    seen: float | None = None


class FamilyChoice:
    """Says which member of a family plays, counted from the largest. Times in nanoseconds of its caller's clock.

    A smaller one is taken where the rate is not held for some seconds, and a larger one only where it was measured to
    be fast enough. One that was too slow while it played is barred for a minute, and the second time for good, so
    that two members never take turns.
    """

    def __init__(self, times: Sequence[ExpectedTime]) -> None:
        self.times = list(times)
        self.place = 0
        self.reason: Reason | None = None
        self._slow = 0
        self._good_since_ns: int | None = None
        self._changed_ns: int | None = None
        self._barred_until_ns = [0.0] * len(self.times)
        self._bars = [0] * len(self.times)

    @property
    def smallest(self) -> bool:
        """Whether there is none below the one that plays."""
        return self.place == len(self.times) - 1

    def begin(self, rate: float, now_ns: int) -> int:
        """The member to begin with: the largest that is expected to hold the rate, else the smallest."""
        free = [place for place in range(len(self.times)) if now_ns >= self._barred_until_ns[place]]
        free = free or [len(self.times) - 1]
        fitting = (place for place in free if self._fits(place, rate, _ROOM))
        return self._go(next(fitting, free[-1]), rate, now_ns)

    def look(self, seen: float, wanted: float, now_ns: int) -> int:
        """The member to play, given the rate that was seen and the one that is wanted. Call about once a second."""
        if self._changed_ns is not None and now_ns - self._changed_ns < _SETTLE_S * 1e9:
            return self.place
        if seen < _HELD * wanted:
            self._slow, self._good_since_ns = self._slow + 1, None
            return self._down(seen, wanted, now_ns) if self._slow >= _SLOW_LOOKS else self.place
        self._slow = max(0, self._slow - 1)
        if self._slow or self._good_since_ns is None:
            self._good_since_ns = now_ns
        if now_ns - self._good_since_ns < _CALM_S * 1e9:
            return self.place
        for place in range(self.place):
            barred = now_ns < self._barred_until_ns[place]
            if not barred and self.times[place].measured and self._fits(place, wanted, _UP):
                return self._go(place, wanted, now_ns)
        return self.place

    def refuse(self, place: int, rate: float, now_ns: int) -> int:
        """A member cannot be had at all: never again. The one to take in its place, which may be the same."""
        self._barred_until_ns[place] = math.inf
        return self.begin(rate, now_ns)

    def stay(self, place: int, now_ns: int) -> None:
        """Something else plays than what was chosen."""
        self.place, self._changed_ns = place, now_ns

    def _down(self, seen: float, wanted: float, now_ns: int) -> int:
        """The next member that should hold the rate by what this one was seen to do."""
        self._slow = 0
        if self.smallest:
            return self.place
        self._bars[self.place] += 1
        self._barred_until_ns[self.place] = now_ns + _BAR_S * 1e9 if self._bars[self.place] < 2 else math.inf
        below = range(self.place + 1, len(self.times))
        now = self.times[self.place].ms
        place = below[-1]
        for one in below:
            ms = self.times[one].ms
            if ms is None or now is None or seen * now / ms >= wanted:
                place = one
                break
        return self._go(place, wanted, now_ns, seen=seen)

    def _fits(self, place: int, rate: float, share: float) -> bool:
        ms = self.times[place].ms
        return ms is None or ms <= share * 1000 / rate

    def _go(self, place: int, rate: float, now_ns: int, *, seen: float | None = None) -> int:
        self.place, self._changed_ns, self._good_since_ns, self._slow = place, now_ns, None, 0
        self.reason = Reason(
            rate=rate, holds=self._fits(place, rate, 1.0), time=self.times[place],
            larger=self.times[place - 1] if place else None, seen=seen,
        )  # fmt: skip
        return place
