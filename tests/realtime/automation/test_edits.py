from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.automation.automation_file import file_of, file_text
from stylefader.realtime.automation.csv_file import AutomationFile, parse_automation_file
from stylefader.realtime.automation.edits import LARGEST_ERROR, scaled, shifted
from stylefader.realtime.automation.keyframes import parse_inline
from stylefader.training.errors import AutomationError
from tests.realtime.automation.test_thinning import automations
from tests.realtime.strengths import alpha_at

TAKE = "time,alpha\n# 0 style first\n0,0\n# 10 style second\n10,1\n# 30 bars\n20,0\n"


def file(text: str) -> AutomationFile:
    return file_of(parse_inline(text).keyframes, origin="x")


@given(automations(), st.fractions(-12, 12, max_denominator=60), st.fractions(0, 12, max_denominator=60))
def test_a_shift_is_the_same_at_another_time(keyframes: list, by: Fraction, at: Fraction) -> None:  # type: ignore[type-arg]
    before = file_of(keyframes, origin="x")
    after = shifted(before, by)
    columns = len(before.columns)
    if at - by >= 0 or by >= 0:  # what was never there cannot come
        one, other = alpha_at(before.automation, at - by, columns), alpha_at(after.automation, at, columns)
        np.testing.assert_allclose(one, other, rtol=0, atol=LARGEST_ERROR * 4 + 1e-6)
    assert after.automation.keyframes[0].time >= 0


def test_what_falls_before_zero_is_cut() -> None:
    rows = [
        (float(k.time), *k.values, k.ease)
        for k in shifted(file("0:0 4s:1:hold 6s:0.5"), Fraction(-1)).automation.keyframes
    ]
    assert rows == [(0, 0.25, "linear"), (3, 1, "hold"), (5, 0.5, "linear")]
    rows = [
        (float(k.time), *k.values, k.ease)
        for k in shifted(file("0:0 4s:1:hold 6s:0.5"), Fraction(-5)).automation.keyframes
    ]
    assert rows == [(0, 1, "hold"), (1, 0.5, "linear")]
    (only,) = shifted(file("0:0 4s:1"), Fraction(-99)).automation.keyframes
    assert (only.time, only.values) == (0, (1,))
    at_zero = shifted(file("0:0 4s:1 4s:0.5 5s:0"), Fraction(-4)).automation
    assert [k.values[0] for k in at_zero.keyframes] == [1, 0.5, 0] and alpha_at(at_zero, Fraction(0), 1) == 0.5


def test_an_eased_way_that_is_cut_goes_on_as_it_was() -> None:
    before = file("0s:0:smooth 10s:1 12s:0")
    after = shifted(before, Fraction(-3)).automation
    times = [Fraction(n, 100) for n in range(1200)]
    apart = [abs(float(alpha_at(before.automation, t + 3, 1)[0]) - float(alpha_at(after, t, 1)[0])) for t in times]
    assert max(apart) <= LARGEST_ERROR + 1e-6
    assert len(after.keyframes) < 35


def test_what_a_take_says_of_styles_goes_with_it() -> None:
    later = file_text(shifted(parse_automation_file(TAKE, origin="x"), Fraction(3, 2)))
    assert later == "time,alpha\n# 1.5 style first\n1.5,0\n# 11.5 style second\n11.5,1\n# 30 bars\n21.5,0\n"
    earlier = file_text(shifted(parse_automation_file(TAKE, origin="x"), Fraction(-15)))
    assert earlier == "time,alpha\n# 0 style second\n0,0.5\n# 30 bars\n5,0\n", "the style that holds at 0"
    slower = file_text(scaled(parse_automation_file(TAKE, origin="x"), time=Fraction(2)))
    assert slower == "time,alpha\n# 0 style first\n0,0\n# 20 style second\n20,1\n# 30 bars\n40,0\n"


@given(automations(), st.fractions(Fraction(1, 9), 9), st.floats(-3, 3), st.floats(-3, 3), st.fractions(0, 15))
def test_a_scale_is_the_same_in_other_numbers(
    keyframes: list,
    time: Fraction,
    alpha: float,
    offset: float,
    at: Fraction,  # type: ignore[type-arg]
) -> None:
    before = file_of(keyframes, origin="x")
    after = scaled(before, time=time, factor=alpha, offset=offset)
    columns = len(before.columns)
    np.testing.assert_allclose(
        alpha_at(before.automation, at, columns) * alpha + offset,
        alpha_at(after.automation, at * time, columns),
        atol=1e-5,
    )


def test_numbers_that_no_automation_can_have() -> None:
    for words, reason in (
        ({"time": Fraction(0)}, "above 0"), ({"factor": float("nan")}, "finite"), ({"offset": float("inf")}, "finite"),
        ({"factor": 1e39}, "beyond all bounds"), ({"time": Fraction(10**12)}, "later than any"),
    ):  # fmt: skip
        with pytest.raises(AutomationError, match=reason):
            scaled(file("0:0 1s:1"), **words)  # type: ignore[arg-type]
    with pytest.raises(AutomationError, match="later than any"):
        shifted(file("0:0 1s:1"), Fraction(10**12))


@given(automations())
def test_a_file_that_is_written_reads_back_the_same(keyframes: list) -> None:  # type: ignore[type-arg]
    before = file_of(keyframes, origin="x")
    after = parse_automation_file(file_text(before), origin="x")
    assert after.columns == before.columns
    assert [k.values for k in after.automation.keyframes] == [k.values for k in keyframes]
    assert [k.ease for k in after.automation.keyframes[:-1]] == [k.ease for k in keyframes[:-1]]
    late = [b.time - a.time for a, b in zip(after.automation.keyframes, keyframes, strict=True)]
    assert all(0 <= seconds < Fraction(1, 10**12) for seconds in late)
    assert file_text(after) == file_text(parse_automation_file(file_text(after), origin="x"))
