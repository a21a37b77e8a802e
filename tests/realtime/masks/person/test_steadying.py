"""Steadying: what flickers is held, what moves leaves no trail."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.masks.person.steadying import Steadier

SIDE = 64
STEP = Fraction(1, 25)
Plane = npt.NDArray[np.float32]


def person(left: int) -> tuple[Plane, npt.NDArray[np.uint8]]:
    """A light figure before a dark wall, and its exact mask."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[16:, left : left + 16] = 1
    picture = np.where(mask[:, :, None] > 0, np.uint8(200), np.uint8(60)).repeat(3, axis=2)
    return mask, picture


def test_a_border_that_flickers_before_a_still_picture_is_held() -> None:
    mask, picture = person(24)
    rng = np.random.default_rng(5)
    steadier, raw, steady = Steadier(), [], []
    for at in range(60):
        flickering = mask.copy()
        flickering[16:, 39:41] = rng.uniform(0, 1, (SIDE - 16, 2))  # the network cannot decide about two columns
        raw.append(flickering)
        steady.append(steadier(flickering, picture, at * STEP).copy())
    before, after = (np.abs(np.diff(np.stack(masks), axis=0)).mean() for masks in (raw, steady))
    assert after < before / 3


def test_what_moves_leaves_no_trail() -> None:
    steadier = Steadier()
    for at in range(12):
        mask, picture = person(4 + 3 * at)
        steady = steadier(mask, picture, at * STEP)
        assert np.abs(steady - mask).max() < 0.05


def test_somebody_who_goes_is_gone_even_if_the_picture_hardly_changes() -> None:
    """The wall has the colour of the clothes: only the mask says that a whole figure went."""
    mask, _ = person(24)
    grey = np.full((SIDE, SIDE, 3), 90, np.uint8)
    steadier = Steadier()
    for at in range(5):
        steadier(mask, grey, at * STEP)
    gone = steadier(np.zeros_like(mask), grey, 5 * STEP)
    assert gone[30:60, 28:36].max() < 0.1


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_a_still_picture_comes_to_its_mask_in_the_same_time_at_any_rate(fps: int) -> None:
    mask, picture = person(24)
    wider = mask.copy()
    wider[16:, 40:42] = 1
    steadier = Steadier()
    steadier(mask, picture, Fraction(0))
    for at in range(1, fps // 2 + 1):
        steady = steadier(wider, picture, Fraction(at, fps))
    assert steady[40, 41] == pytest.approx(1 - np.exp(-0.5 / 0.25), abs=0.15)


@pytest.mark.parametrize("time", [Fraction(-1), Fraction(60)])
def test_times_that_jump_begin_anew(time: Fraction) -> None:
    (mask, picture), (other, _) = person(10), person(40)
    steadier = Steadier()
    steadier(mask, picture, Fraction(0))
    assert np.array_equal(steadier(other, picture, time), other)


def test_a_mask_of_another_size_than_its_picture_is_taken() -> None:
    mask, picture = person(24)
    steadier = Steadier()
    for at in range(3):
        small = steadier(mask[::2, ::2].copy(), picture, at * STEP)
    assert np.array_equal(small, mask[::2, ::2])
