"""Colours in words, and pictures put over them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.transparency import composite, parse_colour
from stylefader.training.errors import SourceError


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#00ff00", (0, 255, 0)), ("00FF7f", (0, 255, 127)), ("#0f0", (0, 255, 0)), ("0, 0", None),
        ("12,0,255", (12, 0, 255)), ("white", (255, 255, 255)), ("Navy", (0, 0, 128)), ("256,0,0", None),
        ("#12345", None), ("", None), ("rgb(1,2,3)", None), ("\u0661,0,0", None), ("9" * 5000, None),
    ],
)  # fmt: skip
def test_colours(text: str, colour: tuple[int, int, int] | None) -> None:
    if colour is not None:
        assert parse_colour(text) == colour
        return
    with pytest.raises(SourceError, match="is no colour") as caught:
        parse_colour(text)
    assert len(str(caught.value)) < 150


def test_composite_is_the_formula_to_the_nearest_level() -> None:
    levels = np.arange(256, dtype=np.uint8)
    rgb = np.broadcast_to(levels[:, None, None], (256, 256, 3)).copy()
    alpha = np.broadcast_to(levels[None, :], (256, 256)).copy()
    for background in ((0, 0, 0), (255, 7, 130)):
        wanted = np.rint((rgb * (alpha[..., None] / 255)) + np.array(background) * (1 - alpha[..., None] / 255))
        np.testing.assert_allclose(composite(rgb, alpha, background), wanted, atol=0.01)


def test_hidden_colours_go() -> None:
    rgb = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    alpha = np.array([[0, 255], [0, 128]], np.uint8)
    wanted = [[[0, 0, 0], [255, 0, 0]], [[0, 0, 0], [128, 0, 0]]]
    np.testing.assert_array_equal(composite(rgb, alpha), wanted)
    with pytest.raises(ValueError, match="alpha is uint8"):
        composite(rgb, alpha[:1])


def test_a_frame_checks_its_alpha() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    given = {"image": image, "pts": Fraction(0), "index": 0, "captured_ns": 0}
    assert Frame(**given, alpha_HW=np.zeros((4, 6), np.uint8)).alpha_HW is not None  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="alpha is uint8"):
        Frame(**given, alpha_HW=np.zeros((6, 4), np.uint8))  # type: ignore[arg-type]
