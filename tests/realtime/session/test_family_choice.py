from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.engines.selection.expected_time import ExpectedTime
from stylefader.realtime.session.family_choice import FamilyChoice

S = 1_000_000_000


def times(*ms: float, measured: bool = True) -> list[ExpectedTime]:
    return [ExpectedTime(ms=one, measured=measured) for one in ms]


def after(choice: FamilyChoice, seconds: int, *, seen: float, wanted: float, now: int = 0) -> tuple[int, int]:
    """Look once a second for so long; the member at the end, and the time."""
    for _ in range(seconds):
        now += S
        choice.look(seen, wanted, now)
    return choice.place, now


@pytest.mark.parametrize(("rate", "place"), [(3, 0), (10, 1), (25, 2), (200, 2)])
def test_it_begins_with_the_largest_that_should_hold_the_rate(rate: float, place: int) -> None:
    choice = FamilyChoice(times(200, 60, 20))
    assert choice.begin(rate, 0) == place
    assert choice.reason is not None
    assert choice.reason.holds == (rate != 200)


def test_estimates_do_where_nothing_is_measured_and_nothing_known_is_the_largest() -> None:
    assert FamilyChoice(times(200, 60, 20, measured=False)).begin(10, 0) == 1
    assert FamilyChoice([ExpectedTime(ms=None), ExpectedTime(ms=None)]).begin(60, 0) == 0


def test_a_rate_that_is_not_held_for_a_few_seconds_brings_the_member_that_should() -> None:
    choice = FamilyChoice(times(25, 12, 4))
    choice.begin(30, 0)
    assert after(choice, 3, seen=15, wanted=30)[0] == 0, "not at the first bad second"
    choice = FamilyChoice(times(25, 12, 4))
    choice.begin(30, 0)
    assert after(choice, 5, seen=16, wanted=30)[0] == 1
    assert choice.reason is not None and choice.reason.seen == 16
    choice = FamilyChoice(times(25, 12, 4))
    choice.begin(30, 0)
    assert after(choice, 5, seen=6, wanted=30)[0] == 2, "one step would not do"


def test_one_bad_second_now_and_then_changes_nothing() -> None:
    choice, now = FamilyChoice(times(20, 5)), 0
    choice.begin(30, 0)
    for second in range(60):
        now += S
        choice.look(20 if second % 3 == 0 else 30, 30, now)
    assert choice.place == 0


def test_a_larger_one_takes_over_only_where_it_was_measured_to_hold_the_rate() -> None:
    choice = FamilyChoice(times(20, 5, measured=False))
    choice.begin(60, 0)
    assert choice.place == 1
    assert after(choice, 60, seen=30, wanted=30)[0] == 1, "an estimate is no measurement"
    choice.times = times(20, 5)
    assert after(choice, 8, seen=30, wanted=30, now=60 * S)[0] == 0
    choice.times = times(30, 5)
    choice.stay(1, 100 * S)
    assert after(choice, 60, seen=30, wanted=30, now=100 * S)[0] == 1, "without room to spare it stays"


def test_what_was_too_slow_is_tried_once_more_after_a_minute_and_then_never() -> None:
    choice = FamilyChoice(times(20, 5))
    choice.begin(30, 0)
    place, now = after(choice, 5, seen=20, wanted=30)
    assert place == 1
    place, now = after(choice, 50, seen=30, wanted=30, now=now)
    assert place == 1
    place, now = after(choice, 12, seen=30, wanted=30, now=now)
    assert place == 0
    place, now = after(choice, 5, seen=20, wanted=30, now=now)
    assert place == 1
    assert after(choice, 4000, seen=30, wanted=30, now=now)[0] == 1
    assert choice.begin(30, now + 5000 * S) == 1, "nor when the style is chosen again"


@given(
    st.lists(st.tuples(st.floats(0, 60), st.booleans()), max_size=400),
    st.lists(st.floats(1, 300), min_size=2, max_size=4),
)
def test_it_never_takes_turns(seconds: list[tuple[float, bool]], ms: list[float]) -> None:
    choice = FamilyChoice(times(*sorted(ms, reverse=True)))
    before, changes = choice.begin(30, 0), 0
    for second, (seen, held) in enumerate(seconds, 1):
        place = choice.look(60 if held else seen, 30, second * S)
        changes += place != before
        before = place
    assert changes <= 4 * len(ms), "each member fails twice at most, and comes back once"


def test_one_that_cannot_be_had_is_passed_over() -> None:
    choice = FamilyChoice(times(20, 10, 5))
    choice.begin(30, 0)
    assert choice.refuse(0, 30, S) == 1
    assert choice.refuse(1, 30, S) == 2
    assert choice.refuse(2, 30, S) == 2, "the last stays what it is"
