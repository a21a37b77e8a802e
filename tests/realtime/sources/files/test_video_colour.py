"""The conversions between YCbCr and RGB against the formulas of BT.601, BT.709 and BT.2020."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame

from stylefader.realtime.media.colour import SRGB, ColourTags, FromRgb, ToRgb, matrix_for_height, tags_of, tags_to_write

KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
PATCHES = np.random.default_rng(0).integers((60, 90, 90), (200, 166, 166), (12, 3))


def to_rgb_by_formula(ycbcr: np.ndarray, matrix: int, full_range: bool, bits: int) -> np.ndarray:
    """RGB 0..255 (not rounded) of one colour, as the recommendations define it."""
    kr, kb = KR_KB[matrix]
    unit = 2 ** (bits - 8)
    low, luma, chroma = (0, 2**bits - 1, 2**bits - 1) if full_range else (16 * unit, 219 * unit, 224 * unit)
    y, cb, cr = (ycbcr[0] - low) / luma, (ycbcr[1] - 128 * unit) / chroma, (ycbcr[2] - 128 * unit) / chroma
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.array([red, green, blue]) * 255, 0, 255)


@pytest.mark.parametrize("matrix", list(KR_KB))
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_to_rgb(matrix: int, full_range: bool, pixel_format: str) -> None:
    convert = ToRgb()
    bits = 10 if pixel_format.endswith("10le") else 8
    for patch in PATCHES:
        values = patch * 2 ** (bits - 8)
        frame = VideoFrame(62, 46, pixel_format)
        for plane, value in zip(frame.planes, values, strict=True):
            dtype = np.uint8 if bits == 8 else np.uint16
            plane.update(np.full(plane.buffer_size // dtype().itemsize, value, dtype).tobytes())
        frame.colorspace, frame.color_range = matrix, 2 if full_range else 1
        image = convert(frame, tags_of(frame), 62, 46)
        assert np.abs(image - to_rgb_by_formula(values, matrix, full_range, bits)).max() <= 2


@pytest.mark.parametrize("matrix", list(KR_KB))
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_there_and_back(matrix: int, pixel_format: str) -> None:
    there, back = FromRgb(pixel_format, ColourTags(matrix=matrix)), ToRgb()
    for colour in np.random.default_rng(1).integers(0, 256, (30, 3)):
        image = np.empty((47, 63, 3), np.uint8)
        image[:] = colour
        frame = there(image)
        assert np.abs(back(frame, tags_of(frame), 63, 47).astype(int) - colour).max() <= 2


@pytest.mark.parametrize(("tag", "levels"), [(0, (0, 100, 255)), (2, (0, 100, 255)), (1, (0, 98, 255))])
def test_grey(tag: int, levels: tuple[int, int, int]) -> None:
    """Untagged grey is full range; grey that says limited is stretched."""
    for level, wanted in zip((0, 100, 255) if tag != 1 else (16, 100, 235), levels, strict=True):
        frame = VideoFrame(32, 16, "gray")
        frame.planes[0].update(bytes([level]) * frame.planes[0].buffer_size)
        frame.color_range = tag
        assert np.unique(ToRgb()(frame, tags_of(frame), 32, 16)).tolist() == [wanted]


def test_what_is_not_said_follows_the_height() -> None:
    assert [matrix_for_height(lines) for lines in (480, 719, 720, 1080)] == [6, 6, 1, 1]
    frame = VideoFrame(1280, 720, "yuv420p")
    assert tags_of(frame) == ColourTags(matrix=1)
    assert tags_to_write(SRGB, 720) == ColourTags(matrix=1, primaries=1, transfer=13)
    assert tags_to_write(None, 576) == ColourTags(matrix=6, primaries=6, transfer=6)
    # An upscaled SD video keeps the matrix that it came with.
    assert tags_to_write(ColourTags(matrix=6, full_range=True), 1080) == ColourTags(matrix=6)
