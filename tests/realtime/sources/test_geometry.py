"""Crop, bars and turns in whole pixels, against arithmetic by hand and NumPy's own turns."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from stylefader.realtime.sources.geometry import CLOCKWISE, MIRRORED, UPRIGHT, Box, Fit, Turn, natural_size, place
from stylefader.realtime.sources.orientation import turn as turned

TURNS = [Turn(*flags) for flags in product((False, True), repeat=3)]
PICTURE = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


@pytest.mark.parametrize("first", TURNS)
@pytest.mark.parametrize("second", TURNS)
def test_two_turns_are_one(first: Turn, second: Turn) -> None:
    np.testing.assert_array_equal(turned(PICTURE, first.then(second)), turned(turned(PICTURE, first), second))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_degrees_are_clockwise(degrees: int) -> None:
    np.testing.assert_array_equal(turned(PICTURE, CLOCKWISE[degrees]), np.rot90(PICTURE, -degrees // 90))
    np.testing.assert_array_equal(turned(PICTURE, MIRRORED), PICTURE[:, ::-1])


@pytest.mark.parametrize("turn", TURNS)
def test_a_box_is_found_before_the_turn(turn: Turn) -> None:
    after = turned(PICTURE, turn)
    height, width = after.shape[:2]
    box = Box(1, 2, 3, 2)
    lying = turn.undone(box, width, height)
    before = PICTURE[lying.y : lying.y + lying.height, lying.x : lying.x + lying.width]
    np.testing.assert_array_equal(turned(before, turn), after[2:4, 1:4])


@pytest.mark.parametrize(
    ("source", "size", "fit", "crop", "inside"),
    [
        ((1920, 1080), (640, 360), "cover", (0, 0, 1920, 1080), (0, 0, 640, 360)),
        ((1920, 1080), (640, 360), "contain", (0, 0, 1920, 1080), (0, 0, 640, 360)),
        ((480, 480), (640, 360), "cover", (0, 104, 480, 270), (0, 0, 640, 360)),  # 105 from the top, made even
        ((480, 480), (640, 360), "contain", (0, 0, 480, 480), (140, 0, 360, 360)),
        ((480, 480), (640, 360), "stretch", (0, 0, 480, 480), (0, 0, 640, 360)),
        ((640, 480), (640, 360), "cover", (0, 60, 640, 360), (0, 0, 640, 360)),
        ((1080, 1920), (640, 360), "contain", (0, 0, 1080, 1920), (219, 0, 202, 360)),
        ((4096, 1716), (640, 360), "cover", (522, 0, 3051, 1716), (0, 0, 640, 360)),
        ((4096, 1716), (640, 360), "contain", (0, 0, 4096, 1716), (0, 46, 640, 268)),
        ((1, 1), (640, 360), "cover", (0, 0, 1, 1), (0, 0, 640, 360)),
    ],
)
def test_by_hand(
    source: tuple[int, int], size: tuple[int, int], fit: Fit, crop: tuple[int, ...], inside: tuple[int, ...]
) -> None:
    placement = place(*source, size, fit=fit)
    assert (placement.crop, placement.inside, placement.size) == (crop, inside, size)
    assert placement.scaled == inside[2:]
    assert placement.has_bars == (inside != (0, 0, *size))


def test_wide_pixels_count_as_wide() -> None:
    # Anamorphic PAL: 720x576 with pixels of 64:45 is 16:9, so nothing is cut and nothing barred.
    for fit in ("cover", "contain"):
        placement = place(720, 576, (1024, 576), fit=fit, aspect=Fraction(64, 45))  # type: ignore[arg-type]
        assert placement.is_whole(720, 576) and not placement.has_bars
    # Seen as if they were square, a part would go.
    assert place(720, 576, (1024, 576)).crop == (0, 84, 720, 405)
    assert natural_size(720, 576, aspect=Fraction(64, 45)) == (1024, 576)
    assert natural_size(720, 576, aspect=Fraction(64, 45), turn=CLOCKWISE[90]) == (405, 720)


def test_the_finished_picture_may_have_wide_pixels_itself() -> None:
    # A stream that goes on with square pixels where it had wide ones.
    placement = place(1024, 576, (720, 576), size_aspect=Fraction(64, 45), fit="contain")
    assert placement.is_whole(1024, 576) and not placement.has_bars


def test_a_phones_upright_film() -> None:
    # Lies as 1920x1080 and stands as 1080x1920: the crop is told as it lies.
    placement = place(1920, 1080, (640, 360), turn=CLOCKWISE[90])
    assert placement.crop == (656, 0, 608, 1080) and placement.scaled == (360, 640)
    assert placement.size == (640, 360) and not placement.has_bars


def test_a_part_is_cut_first_and_kept_within_the_picture() -> None:
    assert place(100, 80, (20, 10), part=Box(10, 5, 40, 20)).crop == (10, 5, 40, 20)
    assert place(100, 80, (10, 10), part=Box(10, 5, 40, 20)).crop == (20, 5, 20, 20)
    assert place(100, 80, (10, 10), part=Box(95, 70, 40, 40), fit="stretch").crop == (95, 70, 5, 10)
    assert place(100, 80, (10, 10), part=Box(100, 0, 5, 5), fit="stretch").crop == (0, 0, 100, 80)
    assert natural_size(100, 80, part=Box(10, 5, 40, 20)) == (40, 20)


SIDES = [(1, 1), (2, 3), (57, 31), (640, 360), (1080, 1920), (333, 1000)]


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("turn", [UPRIGHT, CLOCKWISE[90], Turn(False, True, True)])
def test_any_size_into_any(fit: Fit, turn: Turn) -> None:
    for (width, height), size, aspect in product(SIDES, SIDES, (Fraction(1), Fraction(16, 11), Fraction(1, 3))):
        placement = place(width, height, size, fit=fit, turn=turn, aspect=aspect)
        crop, inside = placement.crop, placement.inside
        assert crop.x >= 0 and crop.y >= 0 and crop.x + crop.width <= width and crop.y + crop.height <= height
        assert inside.x + inside.width <= size[0] and inside.y + inside.height <= size[1]
        assert placement.scaled == turn.sides(inside.width, inside.height)
        # The same on both sides: to a pixel, or with the beginning moved by one more to be even.
        assert abs(width - crop.width - 2 * crop.x) <= 3 and abs(height - crop.height - 2 * crop.y) <= 3
        assert abs(size[0] - inside.width - 2 * inside.x) <= 1 and abs(size[1] - inside.height - 2 * inside.y) <= 1
        if fit == "cover":
            assert not placement.has_bars and (crop.width == width or crop.height == height)
        elif fit == "contain":
            assert placement.is_whole(width, height) and (inside.width == size[0] or inside.height == size[1])
        else:
            assert placement.is_whole(width, height) and not placement.has_bars
        seen = turn.sides(crop.width, crop.height)
        # The shape stays as it was, but for the rounding to whole pixels, of which there is at least one.
        if fit != "stretch" and min(*seen, inside.width, inside.height) > 3:
            shape = Fraction(seen[0], seen[1]) * turn.aspect(aspect)
            rounding = Fraction(1, min(seen)) + Fraction(1, min(inside.width, inside.height))
            assert abs(shape / Fraction(inside.width, inside.height) - 1) <= rounding
