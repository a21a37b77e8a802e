"""Strips: one picture at several alphas side by side, captioned. What a style looks like at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from stylefader.training.data.photographs import Picture

_GAP = 6
_CAPTION = 26
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_DUPLEX, 0.5


def strip(pictures: Sequence[Picture], captions: Sequence[str]) -> Picture:
    """Pictures of one size in a row on white, each with its caption below.

    Args:
        pictures: uint8 (H, W, 3) RGB, at least one.
        captions: One for each picture; one that is wider than its picture is written smaller.

    Returns:
        uint8 (H + 26, W', 3) RGB.
    """
    height, width, _ = pictures[0].shape
    canvas = np.full((height + _CAPTION, (width + _GAP) * len(pictures) - _GAP, 3), 255, np.uint8)
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = place * (width + _GAP)
        canvas[:height, left : left + width] = picture
        _write(caption, canvas[height:, left : left + width])
    return canvas


def _write(caption: str, place_HWC: Picture) -> None:
    """A caption into the middle of a place, as large as captions are or as the place is wide."""
    width = place_HWC.shape[1]
    scale = _FONT_SCALE * min(1.0, width / max(1, _width(caption, _FONT_SCALE)))
    at = ((width - _width(caption, scale)) // 2, _CAPTION - 8)
    cv2.putText(place_HWC, caption, at, _FONT, scale, (60, 60, 60), 1, cv2.LINE_AA)


def _width(caption: str, scale: float) -> int:
    (width, _), _ = cv2.getTextSize(caption, _FONT, scale, 1)
    return width


def stack(strips: Sequence[Picture]) -> Picture:
    """Strips below each other on white, left-aligned."""
    width = max(row.shape[1] for row in strips)
    rows = [np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in strips]
    return np.concatenate(rows)


def encode_picture(picture: Picture, suffix: str) -> bytes:
    """The bytes of a picture file, `.png`, `.jpg` or `.jpeg`."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if suffix in (".jpg", ".jpeg") else []
    done, encoded = cv2.imencode(suffix, picture[:, :, ::-1], quality)
    assert done, f"OpenCV writes {suffix}"
    return encoded.tobytes()
