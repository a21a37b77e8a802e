"""The times of a live stream: what its own timestamps say, for as long as they make sense.

A sender that restarts begins its clock anew, forward or back, in the middle of the stream. That is no reason to hold
the picture: the time goes on from the last one by what has passed here, and everything that was known of the old clock
is forgotten.
"""

from __future__ import annotations

from fractions import Fraction

_TICK = Fraction(1, 1_000_000)
# Farther ahead of the time that passed here than any gap that a stream fills later by itself.
_AHEAD = Fraction(10)


class StreamClock:
    """Seconds since the first picture, strictly growing."""

    def __init__(self) -> None:
        self._zero: Fraction | None = None
        self._last = Fraction(0)
        self._last_ns = 0

    def next(self, stamp: Fraction | None, arrived_ns: int) -> tuple[Fraction, bool]:
        """The time of the next picture in presentation order.

        Args:
            stamp: Seconds by the sender's clock, None where the picture has no timestamp.
            arrived_ns: Monotonic nanoseconds at which it came.

        Returns:
            Its time, and whether the sender's clock began anew with it.
        """
        passed = Fraction(arrived_ns - self._last_ns, 1_000_000_000)
        if self._zero is None:
            self._zero, self._last_ns = stamp or Fraction(0), arrived_ns
            return Fraction(0), False
        after = max(self._last + passed, self._last + _TICK)
        at = after if stamp is None else stamp - self._zero
        jumped = at < self._last or at > after + _AHEAD
        if jumped:
            assert stamp is not None
            at = after
            self._zero = stamp - at
        self._last, self._last_ns = max(at, self._last + _TICK), arrived_ns
        return self._last, jumped


class Backlog:
    """Tells when pictures come out later and later after their own times: somebody must leave some out.

    The wait between a stream's clock and ours has a floor where nothing queues. The floor is the least of the last
    ten to twenty seconds, so that two clocks that drift apart do not look like a queue. Pictures that come late by the
    same time for a second are not from a queue, which would grow or empty: their sender has paused, and that is the new
    floor.
    """

    _LATE_NS = 200_000_000
    _WINDOW_NS = 10_000_000_000
    _STEADY_NS = 20_000_000
    _HALF_NS = 500_000_000

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as for another stream."""
        self._floor: int | None = None
        self._before: int | None = None
        self._since_ns = 0
        self._late_since_ns: int | None = None
        self._late_least: int | None = None
        self._late_before: int | None = None

    def is_late(self, captured_ns: int, pts: Fraction) -> bool:
        """Whether a picture of stream time `pts` that is here at `captured_ns` waited in a queue."""
        wait = captured_ns - int(pts * 1_000_000_000)
        if self._floor is None or captured_ns - self._since_ns > self._WINDOW_NS:
            self._before, self._floor, self._since_ns = self._floor, wait, captured_ns
        self._floor = min(self._floor, wait)
        floor = self._floor if self._before is None else min(self._floor, self._before)
        if wait - floor <= self._LATE_NS:
            self._late_since_ns = self._late_least = self._late_before = None
            return False
        if self._is_steady(wait, captured_ns):
            self.forget()
            self._floor, self._since_ns = wait, captured_ns
            return False
        return True

    def _is_steady(self, wait: int, captured_ns: int) -> bool:
        """Whether the least waits of the last two half seconds are the same, all of whose pictures were late."""
        if self._late_since_ns is None or self._late_least is None:
            self._late_since_ns, self._late_least = captured_ns, wait
        self._late_least = min(self._late_least, wait)
        if captured_ns - self._late_since_ns < self._HALF_NS:
            return False
        steady = self._late_before is not None and abs(self._late_least - self._late_before) <= self._STEADY_NS
        self._late_before, self._late_least, self._late_since_ns = self._late_least, wait, captured_ns
        return steady
