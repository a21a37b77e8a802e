"""Keys: what is inside by brightness and by colour."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.masks.keys import (
    ChromaKey,
    LuminanceKey,
    Side,
    chroma_parameters,
    luminance_parameters,
)
from stylefader.realtime.media.frame import Picture
from stylefader.training.errors import MaskError
from tests.realtime.masks.given import standing

GREEN = (0, 255, 0)
COLOUR = st.tuples(*[st.integers(0, 255)] * 3)
SOFT = st.floats(0, 1)


def flat(colour: tuple[int, int, int]) -> Picture:
    return np.full((4, 6, 3), colour, np.uint8)


def luminance(side: Side, colour: tuple[int, int, int], threshold: float = 0.5, softness: float = 0.1) -> int:
    values = standing(luminance_parameters(threshold, softness))
    return int(LuminanceKey(side).mask(flat(colour), Fraction(0), values)[0, 0])


def chroma(key: tuple[int, int, int], colour: tuple[int, int, int], **moved: float) -> int:
    mask = ChromaKey(key).mask(flat(colour), Fraction(0), standing(chroma_parameters(), **moved))
    assert mask.shape == (4, 6)
    assert mask.dtype == np.uint8
    return int(mask[0, 0])


def test_bright_is_what_is_brighter() -> None:
    assert luminance("bright", (250, 250, 250)) == 255
    assert luminance("bright", (20, 20, 20)) == 0
    assert luminance("bright", (0, 255, 0)) > luminance("bright", (0, 0, 255)), "green looks brighter than blue"


@given(colour=COLOUR, threshold=SOFT, softness=SOFT)
def test_dark_is_the_opposite_of_bright(colour: tuple[int, int, int], threshold: float, softness: float) -> None:
    assert (
        abs(luminance("bright", colour, threshold, softness) + luminance("dark", colour, threshold, softness) - 255) < 2
    )


@given(grey=st.integers(0, 254), threshold=SOFT, softness=SOFT)
def test_more_light_is_never_less_inside(grey: int, threshold: float, softness: float) -> None:
    lighter = (grey + 1,) * 3
    assert luminance("bright", lighter, threshold, softness) >= luminance("bright", (grey,) * 3, threshold, softness)


def test_a_threshold_that_moves_is_heard() -> None:
    key, parameters = LuminanceKey("bright"), luminance_parameters()
    grey = flat((128, 128, 128))
    assert key.mask(grey, Fraction(0), standing(parameters, mask_threshold=0.2))[0, 0] == 255
    assert key.mask(grey, Fraction(0), standing(parameters, mask_threshold=0.8))[0, 0] == 0


def test_a_chroma_key_is_inside_where_its_colour_is() -> None:
    assert chroma(GREEN, GREEN) == 255
    assert chroma(GREEN, (30, 230, 40)) == 255
    assert chroma(GREEN, (255, 255, 255)) == chroma(GREEN, (0, 0, 0)) == chroma(GREEN, (220, 170, 150)) == 0


def test_a_chroma_key_ignores_how_bright_the_colour_is() -> None:
    assert chroma((0, 255, 0), (20, 200, 20), mask_tolerance=0.3) == 255
    assert chroma((0, 160, 0), (20, 255, 60), mask_tolerance=0.3) == 255


@given(colour=COLOUR, tolerance=st.floats(0, 0.9), more=st.floats(0, 0.1), softness=SOFT)
def test_more_tolerance_takes_nothing_away(
    colour: tuple[int, int, int], tolerance: float, more: float, softness: float
) -> None:
    narrow = chroma(GREEN, colour, mask_tolerance=tolerance, mask_softness=softness)
    assert chroma(GREEN, colour, mask_tolerance=tolerance + more, mask_softness=softness) >= narrow


@given(key=COLOUR, colour=COLOUR, tolerance=SOFT, softness=SOFT)
def test_a_key_is_the_distance_of_chroma(
    key: tuple[int, int, int], colour: tuple[int, int, int], tolerance: float, softness: float
) -> None:
    planes = [0.5 * r - 0.418688 * g - 0.081312 * b for r, g, b in (key, colour)]
    others = [-0.168736 * r - 0.331264 * g + 0.5 * b for r, g, b in (key, colour)]
    distance = float(np.hypot(planes[0] - planes[1], others[0] - others[1])) / 255
    try:
        got = chroma(key, colour, mask_tolerance=tolerance, mask_softness=softness)
    except MaskError:
        assert np.hypot(planes[0], others[0]) < 18
        return
    soft = max(softness, 1 / 255)
    wanted = 255 * min(max(0.5 + (tolerance - distance) / soft, 0), 1)
    assert got == pytest.approx(wanted, abs=2 + 255 * 0.008 / soft)  # both colours were rounded to bytes


@pytest.mark.parametrize("colour", [(0, 0, 0), (128, 128, 128), (255, 255, 255), (120, 128, 124)])
def test_a_grey_key_is_refused(colour: tuple[int, int, int]) -> None:
    with pytest.raises(MaskError, match=r"nearly grey.*bright, dark"):
        ChromaKey(colour)
