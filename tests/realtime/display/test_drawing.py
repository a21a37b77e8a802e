"""What is drawn over the picture, against NumPy: the split, the help, words and signs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.controls.keyboard.key_table import KeyMap
from stylefader.realtime.display import overlay
from stylefader.realtime.display.overlay import (
    TextStyle,
    compose_split,
    darken,
    draw_help,
    draw_lines,
    draw_sign,
    draw_split,
)
from stylefader.realtime.display.window import Window
from stylefader.realtime.media.frame import Frame


@pytest.mark.parametrize("at", [0, 1, 31, 63, 64])
def test_split_is_original_before_the_line_and_stylized_after_it(picture, at: int) -> None:
    original = picture(48, 64)
    stylized = 255 - original
    canvas = np.zeros((48, 64, 3), np.uint8)
    compose_split(original, stylized, at, canvas)
    expected = np.concatenate([original[:, :at], stylized[:, at:]], axis=1)[..., ::-1]
    assert np.array_equal(canvas, expected)


@pytest.mark.parametrize(("width", "height", "least"), [(640, 360, 14), (1280, 720, 24), (720, 1280, 14)])
def test_the_help_fits_and_can_be_read(width: int, height: int, least: int) -> None:
    window = Window("test", width, height)
    rows = KeyMap({"alpha4 up": ("y",), "alpha4 down": ("z",)}).rows()
    before = np.full_like(window._canvas, 255)
    window._canvas[:] = before
    drawn: list[tuple[int, int, int]] = []

    class Style(TextStyle):
        def put(self, canvas: Any, text: str, left: int, top: int, colour: Any = (240, 240, 240)) -> None:
            drawn.append((left, left + self.width(text), self.line))
            super().put(canvas, text, left, top, colour)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlay, "TextStyle", Style)
        window._style.__class__ = Style
        draw_help(window._canvas, rows, window._style)
    assert len(drawn) == 2 * len(rows)
    assert min(left for left, _, _ in drawn) >= 0 and max(right for _, right, _ in drawn) <= width
    assert min(line for _, _, line in drawn) >= least
    changed = (window._canvas != before).any(axis=2)
    assert changed.any() and not changed[: height // 4].any(), "the numbers have their place above"


@pytest.mark.parametrize("size", [(64, 48), (32, 24), (128, 96), (200, 96), (64, 150)])
@pytest.mark.parametrize("mode", ["stylized", "original", "split"])
def test_each_view_at_any_size(size: tuple[int, int], mode: Any) -> None:
    """Two colours, so that every pixel away from the line must be one of them, and black beside the picture."""
    window = Window("test", *size)
    window.mode = mode
    stylized, original = (np.full((48, 64, 3), colour, np.uint8) for colour in ((10, 20, 200), (200, 30, 10)))
    frame = Frame(image=stylized, original=original, pts=Fraction(0), index=0, captured_ns=0)
    window._canvas[:] = 77  # whatever stood there
    canvas = window.draw(frame)
    x, y, across, down = window._inside
    inside = canvas[y : y + down, x : x + across, ::-1]
    left, right = inside[: down // 4, : across // 2 - 4], inside[: down // 4, across // 2 + 4 :]
    assert (left == (stylized if mode == "stylized" else original)[0, 0]).all()
    assert (right == (original if mode == "original" else stylized)[0, 0]).all()
    assert {"stylized": 1, "original": 1}.get(mode, 2) <= len(np.unique(inside.reshape(-1, 3), axis=0))
    canvas[y : y + down, x : x + across] = 0
    assert canvas.shape[1::-1] == size and not canvas.any()


def test_darken_leaves_a_quarter_and_stays_within(picture) -> None:
    canvas = picture(48, 64)
    before = canvas.copy()
    darken(canvas, -5, 40, 10, 99)
    assert np.array_equal(canvas[40:, :10], before[40:, :10] // 4)
    canvas[40:, :10] = before[40:, :10]
    assert np.array_equal(canvas, before)


@pytest.mark.parametrize("value", [0, 127, 255])
def test_text_is_readable_on_every_picture_and_nothing_else_changes(value: int) -> None:
    canvas = np.full((360, 640, 3), value, np.uint8)
    draw_lines(canvas, ["fps in 30.0 out 29.9", "alpha 0.50"], TextStyle(360))
    box = canvas[6:52, 6:100]
    assert box.min() <= 64 and box.max() >= 200
    assert (canvas[80:] == value).all() and (canvas[:, 400:] == value).all()
    draw_sign(canvas, "camera lost", TextStyle(360))
    assert (canvas[:60, 540:] != value).any()
    assert (canvas[80:] == value).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (20, 30), (180, 320)])
def test_drawing_on_small_pictures_does_no_harm(size: tuple[int, int]) -> None:
    canvas = np.zeros((*size, 3), np.uint8)
    style = TextStyle(size[0])
    for at in (0, size[1] - 1):
        draw_split(canvas, at, style)
    draw_lines(canvas, ["a line that is longer than the picture"] * 9, style)
    draw_sign(canvas, "camera lost", style)
    draw_help(canvas, [("a", "what it does")] * 9, style)
    draw_help(canvas, [], style)
