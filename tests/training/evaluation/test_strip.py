"""Strips keep pictures as they are, and captions below them."""

from __future__ import annotations

import numpy as np
import pytest

from stylefader.training.evaluation.strip import stack, strip

WIDTH, HEIGHT, GAP = 80, 40, 6


def _grey(value: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


@pytest.mark.parametrize("caption", ["wave", "the_shipwreck_of_the_minotaur", "x" * 60])
def test_a_caption_stays_below_its_own_picture(caption: str) -> None:
    plain, drawn = (strip([_grey(10), _grey(20), _grey(30)], ["", words, ""]) for words in ("", caption))
    columns = np.flatnonzero((plain != drawn).any((0, 2)))
    assert len(columns)
    assert columns.min() >= WIDTH + GAP
    assert columns.max() < 2 * WIDTH + GAP
    assert np.array_equal(plain[:HEIGHT], drawn[:HEIGHT])


def test_a_short_caption_is_as_large_as_ever() -> None:
    narrow, wide = (np.zeros((HEIGHT, width, 3), np.uint8) for width in (WIDTH, 4 * WIDTH))
    inked = [(strip([picture], ["wave"])[HEIGHT:] < 255).sum() for picture in (narrow, wide)]
    assert inked[0] == inked[1] > 0


def test_strips_of_other_widths_are_stacked_on_white() -> None:
    rows = stack([strip([_grey(0)], [""]), strip([_grey(0)] * 2, ["", ""])])
    assert rows.shape[1] == 2 * WIDTH + GAP
    assert (rows[:HEIGHT, :WIDTH] == 0).all()
    assert (rows[:HEIGHT, WIDTH:] == 255).all()
