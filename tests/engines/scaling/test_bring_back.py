"""Small stylized pictures brought to the frame's size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.engines.scaling import bring_back as module
from stylefader.engines.scaling.bring_back import BringBack

Picture = npt.NDArray[np.uint8]
SIDES = st.integers(1, 40)


def shapes(height: int, width: int, *, seed: int = 0) -> Picture:
    """A picture of rectangles with sharp edges, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 90, np.uint8)
    for _ in range(12):
        top, left = rng.integers(0, height), rng.integers(0, width)
        picture[top : top + height // 4, left : left + width // 4] = rng.integers(0, 256, 3)
    return picture


def shrunk(frame: Picture, share: float) -> Picture:
    size = (max(1, round(frame.shape[1] * share)), max(1, round(frame.shape[0] * share)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def brought_back(small: Picture, small_frame: Picture, frame: Picture) -> Picture:
    out = np.empty_like(frame)
    BringBack(*frame.shape[:2])(small, small_frame, frame, out)
    return out


def style_of(picture: Picture) -> Picture:
    """A style that keeps edges and changes colours: darker, and blue goes the other way."""
    return np.stack([picture[..., 0] * 0.6 + 20, picture[..., 1] * 0.5, 200 - picture[..., 2] * 0.3], -1).astype("u1")


def error(one: Picture, other: Picture) -> float:
    """Of luma."""
    lumas = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), float) for picture in (one, other)]
    return float(np.abs(lumas[0] - lumas[1]).mean())


@pytest.mark.parametrize("share", [0.5, 2 / 3, 1 / 3])
def test_edges_are_those_of_the_frame(share: float) -> None:
    frame = shapes(120, 180)
    small_frame = shrunk(frame, share)
    small, wanted = style_of(small_frame), style_of(frame)
    cubic = np.asarray(cv2.resize(small, (180, 120), interpolation=cv2.INTER_CUBIC), np.uint8)
    brought = brought_back(small, small_frame, frame)
    assert error(brought, wanted) < 0.5 * error(cubic, wanted)


def test_strokes_that_the_frame_does_not_have_are_kept() -> None:
    frame = np.full((96, 128, 3), 120, np.uint8)
    strokes = np.zeros((48, 64, 3), np.uint8)
    strokes[:, np.arange(64) // 4 % 2 == 0] = (200, 160, 90)
    out = brought_back(strokes, shrunk(frame, 0.5), frame)
    middle = out[48, 4::8]
    assert (middle[::2].mean(0) > (180, 140, 75)).all() and (middle[1::2] < 20).all()


@given(SIDES, SIDES, SIDES, SIDES, st.tuples(*[st.integers(0, 255)] * 6))
def test_what_is_of_one_colour_stays_so_at_any_size(
    height: int, width: int, small_height: int, small_width: int, colours: tuple[int, ...]
) -> None:
    frame = np.full((height, width, 3), colours[:3], np.uint8)
    small = np.full((small_height, small_width, 3), colours[3:], np.uint8)
    small_frame = np.full_like(small, colours[:3])
    assert (brought_back(small, small_frame, frame) == colours[3:]).all()


@pytest.mark.parametrize("rows", [8, 9, 31])
def test_strips_leave_no_trace(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shapes(101, 64)
    small_frame = shrunk(frame, 0.5)
    whole = brought_back(style_of(small_frame), small_frame, frame)
    monkeypatch.setattr(module, "_AT_ONCE", rows * 64)
    assert np.array_equal(brought_back(style_of(small_frame), small_frame, frame), whole)


def test_one_that_is_larger_is_made_of_means() -> None:
    large = np.zeros((8, 12, 3), np.uint8)
    large[::2] = 100
    out = brought_back(large, large, np.zeros((4, 6, 3), np.uint8))
    assert (out == 50).all()


def test_buffers_of_one_size_do_not_mix_pictures() -> None:
    back, out = BringBack(60, 80), np.empty((60, 80, 3), np.uint8)
    for seed in (1, 2, 1):
        frame = shapes(60, 80, seed=seed)
        small_frame = shrunk(frame, 0.5)
        back(style_of(small_frame), small_frame, frame, out)
        assert np.array_equal(out, brought_back(style_of(small_frame), small_frame, frame))
