from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.parameters.tempo import AHEAD, BEHIND, TICKS, BeatClock
from stylefader.training.errors import ControlError
from tests.realtime.live import Clock

S = 10**9


def ticks(bpm: float, seconds: float, *, begin: int = 0, jitter_ns: int = 0) -> Iterator[int]:
    """Times of a clock's ticks; each is late by up to `jitter_ns`, as a busy port makes them."""
    chance = random.Random(1)
    apart = 60 * S / bpm / TICKS
    for number in range(int(seconds * S / apart) + 1):
        yield begin + round(number * apart) + chance.randint(0, jitter_ns)


def free(bpm: float = 120) -> BeatClock:
    return BeatClock(bpm, now_ns=Clock())


def test_without_a_clock_beats_run_freely() -> None:
    clock = free()
    assert clock.running and clock.source is None and clock.bpm == pytest.approx(120)
    assert clock.beat(0) == 0
    assert clock.beat(S) == pytest.approx(2)
    assert clock.set_tempo(60, 2 * S)
    assert clock.beat(3 * S) == pytest.approx(5)
    hours = 10 * 3600
    assert clock.beat(hours * S) == pytest.approx(4 + hours - 2, abs=1e-6)
    for bpm in (0, -5, math.nan, math.inf, 1e9):
        with pytest.raises(ControlError, match="a tempo is from 10 to 1000 beats a minute"):
            clock.set_tempo(bpm, 0)


@pytest.mark.parametrize(("bpm", "jitter_ms"), [(133, 0), (133, 4), (60, 10), (240, 3), (40, 0)])
def test_it_follows_and_does_not_drift(bpm: float, jitter_ms: float) -> None:
    clock, seconds = free(), 120
    clock.start(0)
    worst = 0.0
    for number, at_ns in enumerate(ticks(bpm, seconds, jitter_ns=round(jitter_ms * 1e6))):
        clock.tick(at_ns)
        if number > 4 * TICKS:
            worst = max(worst, abs(clock.beat(at_ns) - number / TICKS))
    late = jitter_ms / 1e3 * bpm / 60
    assert worst < 0.001 + late
    assert clock.bpm == pytest.approx(bpm, rel=0.001 if jitter_ms == 0 else 0.005)


def test_the_jitter_of_single_ticks_does_not_show() -> None:
    clock, bpm, jitter_ns = free(), 133, 4_000_000
    speeds, before, frame = [], 0.0, 4 * S
    for at_ns in ticks(bpm, 20, jitter_ns=jitter_ns):
        while frame < at_ns:
            beat = clock.beat(frame)
            if frame > 5 * S:
                speeds.append((beat - before) / (bpm / 60 / 30))
            before, frame = beat, frame + S // 30
        clock.tick(at_ns)
    # A tick is 19 ms, so 4 ms early or late would be a fifth of its way.
    assert min(speeds) > 0.95 and max(speeds) < 1.05


def test_another_tempo_is_found_within_two_beats() -> None:
    clock = free()
    for at_ns in ticks(90, 10):
        clock.tick(at_ns)
    before = clock.beat(10 * S)
    for at_ns in ticks(140, 2 * 60 / 140, begin=10 * S):
        clock.tick(at_ns)
    assert clock.bpm == pytest.approx(140, rel=0.01)
    assert clock.beat(at_ns) - before == pytest.approx(2, abs=0.1)


def test_ticks_that_hang_for_a_moment_are_no_other_tempo() -> None:
    clock = free()
    for number, at_ns in enumerate(ticks(133, 10)):
        late = 300 < number < 304  # three come together, 50 ms late
        clock.tick(at_ns + (304 - number) * 18_796_992 if late else at_ns)
        assert number < 48 or clock.bpm == pytest.approx(133, rel=0.03)


def test_start_stop_resume_and_position() -> None:
    clock = free()
    apart = S // 48  # 120 a minute
    times = iter(range(S, 100 * S, apart))
    clock.start(S - 1)
    assert clock.beat(S - 1) == 0 == clock.beat(S - 1 + 3 * S // 2)  # the first tick is beat 0
    for _ in range(2 * TICKS + 1):
        clock.tick(now := next(times))
    assert clock.beat(now) == pytest.approx(2, abs=0.001)
    clock.stop(now)
    assert not clock.running
    stood = clock.beat(now)
    for _ in range(TICKS):
        clock.tick(now := next(times))
    assert clock.beat(now) == stood and clock.bpm == pytest.approx(120, rel=0.001)
    clock.resume(now)
    for _ in range(TICKS):
        clock.tick(now := next(times))
    assert clock.running and clock.beat(now) == pytest.approx(3, abs=0.001)
    clock.stop(now)
    clock.position(5, now)
    assert clock.beat(now + S) == 1.25  # back, and it stands there
    clock.resume(now + S)
    assert clock.beat(now + 2 * S) == 1.25
    clock.tick(now + 2 * S)
    assert clock.beat(now + 2 * S) == 1.25 < clock.beat(now + 2 * S + apart) < 1.3
    clock.start(now + 3 * S)
    assert clock.beat(now + 3 * S) == 0


def test_a_clock_without_a_start_takes_over_where_beats_stand() -> None:
    clock = free(100)
    before = clock.beat(3 * S)
    clock.tick(3 * S, "drums")
    assert clock.source == "drums" and clock.running
    assert clock.beat(3 * S) == pytest.approx(before, abs=1 / TICKS)


def test_two_clocks_do_not_fight() -> None:
    now = Clock()
    clock = BeatClock(now_ns=now)
    for one, two in zip(ticks(100, 10), ticks(170, 10, begin=1), strict=False):
        now.pass_to(max(one, two))
        clock.tick(one, "drums")
        clock.tick(two, "keys")
    clock.start(two, "keys")
    assert clock.source == "drums" and clock.bpm == pytest.approx(100, rel=0.001) and clock.beat(two) > 5
    assert not clock.set_tempo(50, two) and not clock.tap(two)
    now.pass_to(one + 2 * S)
    assert clock.source is None and clock.bpm == pytest.approx(100, rel=0.001)
    clock.tick(one + 3 * S, "keys")
    assert clock.source == "keys"


def test_a_clock_that_hangs_is_waited_for_and_one_that_has_gone_is_not() -> None:
    clock = free()
    clock.start(0)
    for at_ns in ticks(120, 2):
        clock.tick(at_ns)
    assert clock.beat(at_ns + S) == pytest.approx(4 + AHEAD, abs=0.01)
    assert clock.beat(at_ns + 3 * S) == pytest.approx(4 + AHEAD + 2, abs=0.01)


def test_one_that_stopped_and_was_silent_goes_on_where_it_stood() -> None:
    clock = free()
    clock.start(0)
    for at_ns in ticks(120, 2):
        clock.tick(at_ns)
    clock.stop(at_ns)
    assert clock.beat(at_ns + 60 * S) == pytest.approx(4, abs=0.001)
    clock.resume(at_ns + 60 * S)
    later = at_ns + 60 * S
    for at_ns in ticks(120, 0.5, begin=later):
        clock.tick(at_ns)
    assert clock.beat(at_ns) == pytest.approx(5 + 1 / TICKS, abs=0.005)


def test_tap_tempo() -> None:
    clock = free()
    for number, late_ms in enumerate((0, 9, -8, 5, 0)):
        assert clock.tap(S + round(number * 0.4 * S) + late_ms * 1_000_000)
    assert clock.bpm == pytest.approx(150, rel=0.01)
    on = clock.beat(S + round(6 * 0.4 * S))
    assert on == pytest.approx(round(on), abs=0.05)  # taps are on the beat
    bpm = clock.bpm
    clock.tap(60 * S)  # one alone is no tempo
    assert clock.bpm == bpm
    clock.tap(61 * S)
    assert clock.bpm == pytest.approx(60)


def test_a_tap_goes_on_after_a_clock_that_stopped_and_has_gone() -> None:
    clock = free()
    clock.stop(0)
    assert clock.beat(5 * S) == 0
    clock.tap(5 * S)
    assert clock.beat(6 * S) == pytest.approx(2)


happenings = st.lists(
    st.tuples(
        st.sampled_from(["tick"] * 20 + ["stop", "resume", "start", "position", "tap", "silence"]),
        st.integers(0, S // 5),
        st.sampled_from(["drums", "keys"]),
    ),
    max_size=200,
)


@given(happenings)
def test_whatever_comes_beats_are_finite_and_do_not_go_back(words: list[tuple[str, int, str]]) -> None:
    clock, now, before = free(), 0, 0.0
    count: int | None = None  # the last tick's since a start, while nothing else happens
    for what, passed, source in words:
        now += passed + (3 * S if what == "silence" else 0)
        if what == "tap":
            clock.tap(now)
        elif what == "position":
            clock.position(7, now, source)
        elif what != "silence":
            getattr(clock, what)(now, source)
        follows = clock.beat(now) >= 0 and clock._source == source
        if what == "start" and follows:
            count = -1
        elif what == "tick" and follows and count is not None:
            count += 1
            assert -BEHIND <= clock.beat(now) - count / TICKS <= AHEAD
        elif what != "tick":
            count = None
        back = what in ("start", "position")
        for at_ns in (now, now + passed // 2):
            beat = clock.beat(at_ns)
            assert math.isfinite(beat) and beat >= 0 and (back or beat >= before)
            before, back = beat, False
        assert 10 <= clock.bpm <= 1000.0001
