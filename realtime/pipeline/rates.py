"""How often something happens, over the last second. Reading it changes nothing, so any number of readers may."""

from __future__ import annotations

import threading
from collections import deque

WINDOW_NS = 1_000_000_000
_MOST = 1024
"""Times that are kept: a second's worth at a thousand a second."""
_LATE = 2
"""After so many times the usual interval without an event the rate falls."""


class RateMeter:
    """One thread counts, any thread reads. Times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: deque[int] = deque(maxlen=_MOST)

    def count(self, at_ns: int) -> None:
        """It happened at that time."""
        with self._lock:
            self._times.append(at_ns)

    def per_second(self, now_ns: int) -> float | None:
        """Events a second over the last second.

        Returns:
            0 where nothing happened for a second, None where too little did to tell.
        """
        with self._lock:
            times = list(self._times)
        if not times:
            return None
        first = len(times)
        while first and times[first - 1] > now_ns - WINDOW_NS:
            first -= 1
        if first == len(times):
            return 0.0
        begin = max(0, first - 1)  # the last event before the second: where its first interval begins
        intervals = len(times) - 1 - begin
        span = times[-1] - times[begin]
        if not intervals or span <= 0:
            return None
        late = now_ns - times[-1]
        if late > _LATE * span / intervals:
            span += late
        return intervals * 1e9 / span
