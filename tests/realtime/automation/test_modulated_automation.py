from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.automation.keyframes import parse_inline
from stylefader.realtime.automation.modulated_automation import ModulatedAutomation
from stylefader.realtime.parameters.parameter import Layout, Parameter
from stylefader.training.errors import AutomationError
from tests.realtime.strengths import alpha_at


def alpha(blocks: int) -> list[Parameter]:
    return [Parameter.even("alpha", blocks, low=0, high=1, default=0.5)]


class Rising:
    """Adds `each` a second to the first block, and twice of it to the second."""

    def __init__(self, each: float) -> None:
        self._each = each

    def offsets_at(self, seconds: Fraction, layout: Layout) -> npt.NDArray[np.float64]:
        return float(seconds) * self._each * np.arange(1, layout.size + 1)


def test_what_is_added_is_kept_within_the_range() -> None:
    played = ModulatedAutomation(parse_inline("0.25"), Rising(0.25), Rising(-0.125), parameters=alpha(2))
    assert alpha_at(played, Fraction(0), 2).tolist() == [0.25, 0.25]
    assert alpha_at(played, Fraction(2), 2).tolist() == [0.5, 0.75]
    assert alpha_at(played, Fraction(100), 2).tolist() == [1, 1]
    assert alpha_at(played, Fraction(2), 2).dtype == np.float32


def test_the_base_is_kept_within_it_before_as_live() -> None:
    """Else a keyframe of 7 would hide every modulation downwards."""
    played = ModulatedAutomation(parse_inline("7"), Rising(-0.25), parameters=alpha(1))
    assert alpha_at(played, Fraction(1), 1).tolist() == [0.75]
    assert played.bounds() == (7, 7)


def test_blocks_are_those_of_the_base() -> None:
    with pytest.raises(AutomationError, match="give 1 or 3"):
        ModulatedAutomation(parse_inline("0,1"), parameters=alpha(3)).check({"alpha": 3})
