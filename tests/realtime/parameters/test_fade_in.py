"""One fader for mix and alpha: what frames get of it, from the desk and in a render."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.fade_in import FadeIn, check_fade_in
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import ControlError

MIX = Parameter.even("mix", 1, low=0, high=1, default=1)
LEVEL = Parameter.even("alpha", 3, low=0, high=1, default=0.5)


def faded(share: float, values: list[float], alpha: Parameter = LEVEL, mix: float = 1.0) -> tuple[float, list[float]]:
    given_values = {"alpha": np.array(values, np.float32), "mix": np.array([mix], np.float32)}
    found = FadeIn((alpha, MIX), share)(given_values)
    return round(float(found["mix"][0]), 5), [round(float(value), 5) for value in found["alpha"]]


def test_the_lowest_part_brings_mix_and_the_rest_alpha() -> None:
    assert faded(0.3, [0, 0, 0]) == (0, [0, 0, 0])
    assert faded(0.3, [0.15] * 3) == (0.5, [0, 0, 0])
    assert faded(0.3, [0.3] * 3) == (1, [0, 0, 0])
    assert faded(0.3, [0.65] * 3) == (1, [0.5] * 3)
    assert faded(0.3, [1, 0.65, 0]) == (1, [1, 0.5, 0]), "the block that is the furthest along brings mix"
    assert faded(0.3, [0.15] * 3, mix=0.4) == (0.2, [0, 0, 0]), "up to where mix stands"


def test_both_ways_of_alpha_begin_at_the_original() -> None:
    dual = Parameter.even("alpha", 1, low=-1, high=1, default=0)
    assert faded(0.2, [0], dual) == (0, [0])
    assert faded(0.2, [-0.1], dual) == (0.5, [0])
    assert faded(0.2, [-0.6], dual) == (1, [-0.5])
    scale = Parameter.even("alpha", 1, low=-0.5, high=1.5, default=0)
    assert faded(0.2, [-0.5], scale) == (1, [-0.5]) and faded(0.2, [1.5], scale) == (1, [1.5])


SIDES = st.floats(-2, 2, width=32)


@given(st.floats(0, 0.9), st.lists(SIDES, min_size=2, max_size=2), st.tuples(SIDES, SIDES).map(sorted))
def test_it_stays_within_the_range_and_reaches_its_ends(share: float, at: list[float], ends: list[float]) -> None:
    low, high = ends
    alpha = Parameter.even("alpha", 2, low=low, high=high, default=low)
    values = np.clip(np.array(at, np.float32), low, high)
    found = FadeIn((alpha, MIX), share)({"alpha": values, "mix": np.ones(1, np.float32)})
    assert 0 <= found["mix"][0] <= 1
    assert (found["alpha"] >= low - 1e-5).all() and (found["alpha"] <= high + 1e-5).all()
    if share == 0:
        assert np.array_equal(found["alpha"], values) and found["mix"][0] == 1
    top = FadeIn((alpha, MIX), share)({"alpha": np.full(2, high, np.float32), "mix": np.ones(1, np.float32)})
    if high > 0:
        assert top["alpha"] == pytest.approx([high, high], abs=1e-5) and top["mix"][0] == 1


def test_the_outside_of_a_mask_fades_in_by_itself() -> None:
    parameters = [LEVEL, MIX, *(Parameter.even(f"{one.name}_outside", one.size, low=0, high=1, default=0)
                                for one in (LEVEL, MIX))]  # fmt: skip
    values: dict[str, npt.NDArray[np.float32]] = {
        "alpha": np.ones(3, np.float32), "mix": np.ones(1, np.float32),
        "alpha_outside": np.full(3, 0.1, np.float32), "mix_outside": np.ones(1, np.float32),
    }  # fmt: skip
    found = FadeIn(parameters, 0.2)(values)
    assert found["mix"][0] == 1 and found["mix_outside"][0] == pytest.approx(0.5)
    assert (found["alpha_outside"] == 0).all() and (found["alpha"] == 1).all()


def test_the_desk_gives_frames_the_mapped_values_and_faders_their_places() -> None:
    desk = AlphaDesk([LEVEL, MIX], time_constant_s=0, fade_in=0.25)
    desk.move(Target("alpha"), 0.125, 0)
    values = desk.values(1)
    assert values["mix"][0] == pytest.approx(0.5) and (values["alpha"] == 0).all()
    assert desk.latest()["mix"][0] == pytest.approx(0.5)
    assert desk.targets()["alpha"] == pytest.approx([0.125] * 3) and desk.targets()["mix"] == [1]
    other = desk.copy()
    other.move(Target("alpha"), 1, 2)
    assert (other.values(3)["alpha"] == 1).all()


@pytest.mark.parametrize("bad", [1.0, -0.1, 5, float("nan"), "much"])
def test_a_share_is_from_0_to_below_1(bad: float) -> None:
    with pytest.raises(ControlError, match=r"a fade-in is a share of alpha's way from 0 to below 1, such as 0.3, not"):
        check_fade_in(bad)
    assert check_fade_in(None) == 0 and check_fade_in(0.3) == 0.3
