"""What a long session's samples say: does it grow, does it slow down, does it say what nobody asked for.

The first part of a session is left out: caches fill and engines are built. Of the rest the beginning is held against
the end, both over whole rounds of the styles, since each style has a memory and a speed of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean, median, quantiles
from typing import Any

MOST_GROWTH = 0.02
_SHARE = 0.15
"""Of what is judged: how much makes the beginning, and how much the end."""
_FEWEST = 3
"""Samples without which a beginning or an end says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One look at a session; a row of the CSV file. Counts are since its start.

    time_s: since the first engine plays. memory_mib: resident, of the program and all its child processes; handles:
    open files and sockets of all of them. p50_ms, p99_ms: from capture to a sink that takes everything. newer, skipped,
    broken: frames left out by the session; sinks_dropped: by all sinks. unasked: log lines that nothing asked for.
    """

    time_s: float
    memory_mib: float
    processes: int
    threads: int
    handles: int
    p50_ms: float | None
    p99_ms: float | None
    fps: float | None
    frames: int
    newer: int
    skipped: int
    broken: int
    sinks_dropped: int
    losses: int
    engine_failures: int
    log_lines: int
    unasked: int
    plays: str


COLUMNS = tuple(field.name for field in fields(Sample))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One question, its answer, and in words what the answer was made from."""

    name: str
    ok: bool
    words: str
    first: float | None = None
    last: float | None = None

    def document(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return asdict(self)


def verdicts(samples: Sequence[Sample], *, settle_s: float, round_s: float) -> list[Verdict]:
    """Hold the end of a session against its beginning.

    Args:
        samples: In the order of time.
        settle_s: What is before this time is left out.
        round_s: How long all styles take, one after the other.

    Returns:
        memory, threads, handles, processes, latency, log. With too few samples all but log are not ok.
    """
    judged = [sample for sample in samples if sample.time_s >= settle_s]
    return [
        _memory(*_ends(judged, round_s)),
        *(_floor(name, *_ends(judged, round_s)) for name in ("threads", "handles", "processes")),
        _latency(*_ends(judged, round_s)),
        _log(samples),
    ]


def _ends(samples: Sequence[Sample], round_s: float) -> tuple[list[Sample], list[Sample]]:
    """The samples of the beginning and of the end, of whole rounds where there is room for them."""
    if not samples:
        return [], []
    begin, end = samples[0].time_s, samples[-1].time_s
    rounds = max(1, round((end - begin) * _SHARE / round_s))
    length = min(rounds * round_s, (end - begin) / 2)
    return (
        [sample for sample in samples if sample.time_s <= begin + length],
        [sample for sample in samples if sample.time_s >= end - length],
    )


def _compare(name: str, first: Sequence[float], last: Sequence[float], judge: Callable[[], Verdict]) -> Verdict:
    if min(len(first), len(last)) < _FEWEST:
        return Verdict(name=name, ok=False, words=f"too few samples to say: {len(first)} and {len(last)}")
    return judge()


def _memory(first: Sequence[Sample], last: Sequence[Sample]) -> Verdict:
    """By the mean: each style has a plateau of its own, and a median would fall on one of them by chance."""
    before, after = [s.memory_mib for s in first], [s.memory_mib for s in last]

    def judge() -> Verdict:
        begin, end = fmean(before), fmean(after)
        growth = end / begin - 1
        return Verdict(
            name="memory", ok=growth < MOST_GROWTH, first=round(begin, 2), last=round(end, 2),
            words=f"{begin:.1f} MiB, at the end {end:.1f} MiB: {growth:+.2%}, less than {MOST_GROWTH:.0%} is asked for",
        )  # fmt: skip

    return _compare("memory", before, after, judge)


def _floor(name: str, first: Sequence[Sample], last: Sequence[Sample]) -> Verdict:
    """By the fewest that there were: a change of style has some more for a moment, what leaks stays for good."""
    before, after = [getattr(s, name) for s in first], [getattr(s, name) for s in last]

    def judge() -> Verdict:
        begin, end = min(before), min(after)
        return Verdict(name=name, ok=end <= begin, first=begin, last=end, words=f"{begin}, at the end {end}")

    return _compare(name, before, after, judge)


def _latency(first: Sequence[Sample], last: Sequence[Sample]) -> Verdict:
    """The usual p99 of the end must be one that the beginning had as well: within its upper quarter."""
    before = [s.p99_ms for s in first if s.p99_ms is not None]
    after = [s.p99_ms for s in last if s.p99_ms is not None]

    def judge() -> Verdict:
        most = quantiles(before, n=4, method="inclusive")[2]
        begin, end = median(before), median(after)
        return Verdict(
            name="latency", ok=end <= most, first=round(begin, 3), last=round(end, 3),
            words=f"p99 {begin:.1f} ms (upper quarter from {most:.1f} ms), at the end {end:.1f} ms",
        )  # fmt: skip

    return _compare("latency", before, after, judge)


def _log(samples: Sequence[Sample]) -> Verdict:
    unasked = samples[-1].unasked if samples else 0
    return Verdict(
        name="log", ok=not unasked, first=0, last=unasked,
        words=f"{unasked} lines that nobody asked for" if unasked else "nothing that was not asked for",
    )  # fmt: skip
