from __future__ import annotations

import pytest

from stylefader.realtime.pipeline.rates import RateMeter

MS = 1_000_000


def meter(*times_ms: float) -> RateMeter:
    made = RateMeter()
    for at in times_ms:
        made.count(round(at * MS))
    return made


def test_a_steady_rate_is_exact_and_reading_it_changes_nothing() -> None:
    steady = meter(*(n * 1000 / 30 for n in range(100)))
    for _ in range(3):
        assert steady.per_second(3310 * MS) == pytest.approx(30, rel=1e-4)


def test_a_slow_one_is_not_rounded_to_whole_frames() -> None:
    assert meter(*(n * 230 for n in range(30))).per_second(6700 * MS) == pytest.approx(1000 / 230)
    assert meter(0, 900, 1800).per_second(1900 * MS) == pytest.approx(1000 / 900)


def test_only_the_last_second_counts() -> None:
    fast_then_slow = meter(*range(0, 2000, 10), *range(2000, 4000, 100))
    assert fast_then_slow.per_second(3950 * MS) == pytest.approx(10)


def test_it_falls_when_nothing_comes_any_more() -> None:
    stopped = meter(*range(0, 1000, 20))
    assert stopped.per_second(1000 * MS) == pytest.approx(50)
    assert 20 < (stopped.per_second(1500 * MS) or 0) < 35
    assert stopped.per_second(2500 * MS) == 0


def test_too_little_tells_nothing() -> None:
    assert meter().per_second(5) is None
    assert meter(1).per_second(5 * MS) is None
