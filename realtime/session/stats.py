"""What a live session says of itself: rates, latencies, drops, over the last second and in all."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence

from stylefader.realtime.pipeline.stylizer import StageTimes

_KEPT = 512
"""Times that percentiles are taken over: some seconds' worth."""
_RECENT, _ENOUGH = 31, 5


def percentiles_ms(durations_ns: Sequence[int]) -> dict[str, float | None]:
    """p50, p95 and p99 in milliseconds, None where nothing was measured."""
    ordered = sorted(durations_ns)
    if not ordered:
        return {"p50": None, "p95": None, "p99": None}
    return {
        f"p{share}": round(ordered[min(len(ordered) - 1, math.ceil(share / 100 * len(ordered)) - 1)] / 1e6, 3)
        for share in (50, 95, 99)
    }


class LiveStats:
    """Collects times from several threads. Bounded: percentiles are over the last frames."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wait: deque[int] = deque(maxlen=_KEPT)
        self._engine: deque[int] = deque(maxlen=_KEPT)
        self._shown: deque[int] = deque(maxlen=_KEPT)
        self._rates: dict[str, tuple[int, int]] = {}

    def engine_done(self, times: StageTimes) -> None:
        """A frame came out of the engine."""
        with self._lock:
            self._wait.append(times.started_ns - times.captured_ns)
            self._engine.append(times.done_ns - times.started_ns)

    def recent_engine_ms(self) -> float | None:
        """The median time of the last frames in the engine that plays; None before there are enough."""
        with self._lock:
            recent = sorted(list(self._engine)[-_RECENT:])
        return recent[len(recent) // 2] / 1e6 if len(recent) >= _ENOUGH else None

    def forget_engine(self) -> None:
        """Another engine begins: times of the one before say nothing of it."""
        with self._lock:
            self._engine.clear()

    def shown(self, captured_ns: int, shown_ns: int) -> None:
        """A frame was on a screen at that time."""
        with self._lock:
            self._shown.append(shown_ns - captured_ns)

    def stages(self) -> dict[str, dict[str, float | None]]:
        """Percentiles of each stage: capture to engine, the engine, capture to shown."""
        with self._lock:
            rows = {"wait": list(self._wait), "engine": list(self._engine), "shown": list(self._shown)}
        return {name: percentiles_ms(values) for name, values in rows.items()}

    def rate(self, name: str, count: int, now_ns: int) -> float | None:
        """Events a second since this was asked last under that name, by their running count; None the first time."""
        before = self._rates.get(name)
        self._rates[name] = (count, now_ns)
        if before is None or now_ns <= before[1]:
            return None
        return round((count - before[0]) * 1e9 / (now_ns - before[1]), 2)
