from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Layout, Parameter, carried_to, most_of
from stylefader.realtime.parameters.targets import Target, parse_target, why_missing

LEVEL = Parameter.even("level", 1, low=0, high=1, default=0.5)
RGB = Parameter(name="tint_rgb", low=(0, -1, 0), high=(1, 1, 2), default=(0, 0, 2))
S = 10**9


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("alpha", Target("alpha")), ("alpha0", Target("alpha", 0)), ("tint_rgb12", Target("tint_rgb", 12)),
        ("alpha01", None), ("alpha100", None), ("Alpha", None), ("alpha 1", None), ("", None), ("a__b", None),
        ("_a", None), ("a_", None), ("1", None), ("time", None), ("ease0", None), (3, None), ("a" * 50, None),
    ],
)  # fmt: skip
def test_what_is_a_target(text: object, target: Target | None) -> None:
    assert parse_target(text) == target
    assert target is None or str(target) == text


@given(st.text(max_size=50))
def test_any_text_is_a_target_that_is_written_like_that_or_none(text: str) -> None:
    target = parse_target(text)
    assert target is None or str(target) == text


def test_what_is_missing_is_said_with_what_there_is() -> None:
    sizes = {"level": 1, "tint_rgb": 3, "none": 0}
    assert why_missing(Target("tint_rgb", 2), sizes) is None and why_missing(Target("none"), sizes) is None
    assert why_missing(Target("tint_rgb", 3), sizes) == "there is no tint_rgb3: this style has tint_rgb0 to tint_rgb2"
    assert why_missing(Target("level", 1), sizes, "it has") == "there is no level1: it has level0 alone"
    assert why_missing(Target("none", 0), sizes) == "there is no none0: this style has no none"
    assert why_missing(Target("x"), sizes) == "there is no x: this style has level, tint_rgb, none"
    assert why_missing(Target("x"), {}) == "there is no x: this style has nothing that moves"


def test_each_parameter_has_its_place_and_bounds() -> None:
    layout = Layout([LEVEL, RGB])
    assert layout.size == 4 and layout.sizes == {"level": 1, "tint_rgb": 3}
    assert layout.place(Target("tint_rgb", 1)) == 2 and layout.place(Target("tint_rgb")) == slice(1, 4)
    assert layout.place(Target("level", 1)) is None and layout.place(Target("x")) is None
    parts = layout.split(np.arange(4.0))
    assert {name: part.tolist() for name, part in parts.items()} == {"level": [0], "tint_rgb": [1, 2, 3]}
    assert RGB.bounds() == (-1, 2) and RGB.bounds(1) == (-1, 1)
    assert most_of([[LEVEL], [Parameter.even("level", 2, low=0, high=1, default=0), RGB]]) == {
        "level": 2,
        "tint_rgb": 3,
    }


def test_what_another_style_begins_at() -> None:
    given = {"level": np.array([0.25], np.float32), "gone": np.ones(2, np.float32)}
    carried = carried_to(given, [Parameter.even("level", 2, low=0, high=1, default=0), RGB])
    assert {name: values.tolist() for name, values in carried.items()} == {"level": [0.25, 0.25]}
    assert AlphaDesk([LEVEL, RGB], start=carried_to(given, [LEVEL, RGB])).targets()["tint_rgb"].tolist() == [0, 0, 2]


def test_each_component_keeps_its_own_range_source_and_glide() -> None:
    desk = AlphaDesk([LEVEL, RGB], time_constant_s=0)
    assert {name: values.tolist() for name, values in desk.values(0).items()} == {"level": [0.5], "tint_rgb": [0, 0, 2]}
    desk.move(Target("tint_rgb"), 9)
    assert desk.values(1)["tint_rgb"].tolist() == [1, 1, 2] and desk.values(2)["level"].tolist() == [0.5]
    desk.nudge(Target("tint_rgb", 1), -0.5)
    desk.glide(Target("level"), 1.0, 2.0, S)
    desk.values(S)
    assert desk.values(2 * S)["level"].tolist() == [0.75] and desk.targets()["tint_rgb"].tolist() == [1, 0.5, 2]
    desk.glide(Target("tint_rgb"), np.array([0, -1, 1], np.float32), 1.0, 2 * S)
    assert desk.values(3 * S)["tint_rgb"].tolist() == [0, -1, 1] and desk.values(3 * S)["level"].tolist() == [1]
    desk.reset()
    assert "alpha" not in desk.values(4 * S), "a style without alpha"
    assert desk.latest()["tint_rgb"].tolist() == [0, 0, 2]
