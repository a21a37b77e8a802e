"""How long frames take in a live session, collected from several threads. Reading changes nothing."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from stylefader.realtime.pipeline.stylizer import StageTimes

_KEPT = 512
"""Times that percentiles are taken over: some seconds' worth."""
_RECENT, _ENOUGH = 31, 5


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """What half, 95 and 99 of a hundred frames took at most, in milliseconds; None where nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """By name."""
        return {"p50": self.p50, "p95": self.p95, "p99": self.p99}


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """Of the stages: capture to engine, the engine, capture to the window."""

    wait: Percentiles = Percentiles()
    engine: Percentiles = Percentiles()
    shown: Percentiles = Percentiles()


def percentiles_ms(durations_ns: Sequence[int]) -> Percentiles:
    """Of durations in nanoseconds."""
    ordered = sorted(durations_ns)
    if not ordered:
        return Percentiles()

    def at(share: int) -> float:
        return round(ordered[min(len(ordered) - 1, math.ceil(share / 100 * len(ordered)) - 1)] / 1e6, 3)

    return Percentiles(p50=at(50), p95=at(95), p99=at(99))


class LiveStats:
    """Bounded: percentiles are over the last frames."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wait: deque[int] = deque(maxlen=_KEPT)
        self._engine: deque[int] = deque(maxlen=_KEPT)
        self._shown: deque[int] = deque(maxlen=_KEPT)

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

    def latencies(self) -> Latencies:
        """Percentiles of each stage."""
        with self._lock:
            wait, engine, shown = list(self._wait), list(self._engine), list(self._shown)
        return Latencies(wait=percentiles_ms(wait), engine=percentiles_ms(engine), shown=percentiles_ms(shown))
