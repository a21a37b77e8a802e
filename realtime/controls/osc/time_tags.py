"""OSC time tags: messages for later wait, with limits of number and time; late ones are applied at once."""

from __future__ import annotations

import heapq
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
IMMEDIATELY = 1
MOST_AHEAD_S = 60
MOST_WAITING = 1000
_MOST_BYTES = 2**20
_TO_1900_S = 2_208_988_800
"""Time tags count from 1900, clocks from 1970."""
_NS = 10**9


class Due(NamedTuple, Generic[T]):
    """Something at its time, in monotonic nanoseconds."""

    at_ns: int
    what: T


def ahead_ns(tag: int, wall_ns: int) -> int:
    """How long a time tag lies ahead of now, which is `wall_ns` since 1970; 0 and less where it is due or late.

    Tags are 64 bits, which begin again in 2036: the nearest such time counts. 1 is "immediately", which some senders
    write as 0.
    """
    if tag <= IMMEDIATELY:
        return 0
    now = ((wall_ns + _TO_1900_S * _NS) << 32) // _NS
    ahead = ((tag - now + 2**63) % 2**64) - 2**63
    return (ahead * _NS) >> 32


class Agenda(Generic[T]):
    """What waits for its time. One thread."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, int, T]] = []
        self._count = self._bytes = 0

    def put(self, at_ns: int, what: T, size: int) -> bool:
        """Have it wait; False where too much waits already. size: about how many bytes it takes."""
        if len(self._waiting) >= MOST_WAITING or self._bytes + size > _MOST_BYTES:
            return False
        self._count += 1  # of two at one time the one that came first is the first
        self._bytes += size
        heapq.heappush(self._waiting, (at_ns, self._count, size, what))
        return True

    def due(self, now_ns: int) -> list[Due[T]]:
        """What is due, in the order of its times."""
        due = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            at_ns, _, size, what = heapq.heappop(self._waiting)
            self._bytes -= size
            due.append(Due(at_ns, what))
        return due

    def wait_s(self, now_ns: int, most_s: float) -> float:
        """How long until something is due, that long at most."""
        return min(max(0, self._waiting[0][0] - now_ns) / _NS, most_s) if self._waiting else most_s
