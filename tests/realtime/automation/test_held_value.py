from __future__ import annotations

from fractions import Fraction

import pytest

from stylefader.realtime.automation.csv_file import parse_automation_file
from stylefader.realtime.automation.held_value import HeldValue
from stylefader.realtime.automation.keyframes import parse_inline
from stylefader.realtime.parameters.parameter import STEADY, Parameter
from stylefader.training.errors import AutomationError

PARAMETERS = [Parameter.even("alpha", 2, low=0, high=1, default=0), Parameter.even(STEADY, 1, low=0, high=1, default=0)]


def test_one_parameter_is_held_and_the_others_move() -> None:
    held = HeldValue(parse_inline("0s:0 2s:1"), STEADY, 0.75, origin="--steady")
    held.check({"alpha": 2, STEADY: 1})
    values = held.values(Fraction(1), PARAMETERS)
    assert values["alpha"].tolist() == [0.5, 0.5] and values[STEADY].tolist() == [0.75]
    assert held.bounds(STEADY) == (0.75, 0.75) and held.bounds() == (0, 1)


def test_what_moves_already_is_not_held() -> None:
    file = parse_automation_file("time,alpha,steady\n0,0,0\n", origin="t").automation
    with pytest.raises(AutomationError, match="--steady: the automation moves steady already"):
        HeldValue(file, STEADY, 1, origin="--steady")


def test_a_style_without_it_is_an_error() -> None:
    with pytest.raises(AutomationError, match="--steady: there is no steady"):
        HeldValue(parse_inline("1"), STEADY, 1, origin="--steady").check({"alpha": 2})
