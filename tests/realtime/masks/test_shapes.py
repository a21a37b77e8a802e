"""A rectangle and an ellipse: area, border, symmetry, and what moving them does."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.masks.shapes import Kind, Shape, ShapeMask, draw, shape_parameters
from tests.realtime.masks.given import standing

SHARES = st.floats(-0.5, 1.5)
SIDES = st.floats(0, 2)


@pytest.mark.parametrize(("kind", "share"), [("rectangle", 1.0), ("ellipse", np.pi / 4)])
@pytest.mark.parametrize("softness", [0.0, 0.1, 0.2])
def test_the_area_is_that_of_the_shape_however_soft(kind: Kind, share: float, softness: float) -> None:
    mask = draw(kind, Shape(width=0.5, height=0.6, softness=softness), 180, 320)
    assert mask.mean() / 255 == pytest.approx(0.5 * 0.6 * share, rel=0.04)


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_softness_is_the_width_of_the_border(kind: Kind) -> None:
    mask = draw(kind, Shape(width=0.5, height=0.8, softness=0.2), 200, 400)
    row = mask[100, :200].astype(int)
    assert np.count_nonzero((row > 0) & (row < 255)) == pytest.approx(0.2 * 200, abs=2)
    assert row[100] == pytest.approx(128, abs=4), "the shape's side is the middle of the border"


@given(x=SHARES, y=SHARES, width=SIDES, height=SIDES, softness=st.floats(0, 1), kind=st.sampled_from(Kind.__args__))  # type: ignore[attr-defined]
def test_mirrored_shapes_are_mirrored_masks(
    x: float, y: float, width: float, height: float, softness: float, kind: Kind
) -> None:
    mask = draw(kind, Shape(x=x, y=y, width=width, height=height, softness=softness), 24, 32)
    other = draw(kind, Shape(x=1 - x, y=1 - y, width=width, height=height, softness=softness), 24, 32)
    assert mask.dtype == np.uint8
    assert mask.shape == (24, 32)
    assert mask.flags.c_contiguous
    assert np.abs(mask.astype(int) - other[::-1, ::-1]).max() <= 3


@given(width=SIDES, height=SIDES, more=st.floats(0, 0.5))
def test_a_larger_shape_takes_nothing_away(width: float, height: float, more: float) -> None:
    for kind in ("rectangle", "ellipse"):
        small = draw(kind, Shape(width=width, height=height, softness=0), 24, 32).astype(int)
        large = draw(kind, Shape(width=width + more, height=height + more, softness=0), 24, 32)
        assert (large >= small - 3).all()


def test_without_a_side_there_is_nothing() -> None:
    assert not draw("ellipse", Shape(width=0), 24, 32).any()
    assert not draw("rectangle", Shape(height=0), 24, 32).any()


def test_parameters_move_the_shape_and_a_mask_that_was_given_stays_as_it_is() -> None:
    source, parameters = ShapeMask("rectangle", 60, 80), shape_parameters(Shape())
    image = np.zeros((60, 80, 3), np.uint8)
    left = source.mask(image, Fraction(0), standing(parameters, mask_x=0.25, mask_width=0.5, mask_softness=0))
    kept = left.copy()
    right = source.mask(image, Fraction(1), standing(parameters, mask_x=0.75, mask_width=0.5, mask_softness=0))
    assert np.array_equal(left, kept)
    assert left[30, 10] == 255
    assert left[30, 70] == 0
    assert right[30, 10] == 0
    assert right[30, 70] == 255
