"""Paintings of outside as a prediction network looks at them: over white, at one size, of very long ones the middle.

Needs no torch. The reading itself, with its limits, is in `pictures.py`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.training.errors import SourceError
from stylefader.training.reading.pictures import PictureFile

_FEWEST = 16
"""Pixels a side: fewer show no style."""
_LONGEST = 3
"""Longer side to shorter side, at most."""


def read_painting(path: Path, side: int) -> npt.NDArray[np.uint8]:
    """Read a painting at a size.

    Args:
        path: A picture of any kind and size that `PictureFile` reads; upright by its EXIF tag.
        side: The shorter side of what comes of it, in pixels.

    Returns:
        uint8 (H, W, 3) RGB, C-contiguous; transparent places are white, as paper is. The longer side is at most three
        times the shorter one: of a longer picture the middle.

    Raises:
        SourceError: In one line: it is no picture, is damaged, larger than is allowed, or too small to show a style.
    """
    with PictureFile(path) as file:
        width, height = file.image.size
        if min(width, height) < _FEWEST:
            raise SourceError(
                f"{path} is {width}x{height}: too small to show a style, which takes {_FEWEST} pixels on each side"
            )
        file.decode_smaller(side)
        image_HWC, alpha_HW = file.pixels()
    if alpha_HW is not None:
        shown = cv2.multiply(image_HWC, cv2.merge([alpha_HW] * 3), scale=1 / 255)
        image_HWC = np.asarray(cv2.add(shown, cv2.merge([255 - alpha_HW] * 3)), np.uint8)
    return np.ascontiguousarray(_resized(_middle(image_HWC), side))


def _middle(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The middle of a picture, (H, W) or (H, W, 3), whose longer side is too long."""
    most = _LONGEST * min(image.shape[:2])
    top, left = (max(0, have - most) // 2 for have in image.shape[:2])
    return image[top : top + most, left : left + most]


def _resized(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size_wh = (max(side, round(width * scale)), max(side, round(height * scale)))
    if size_wh == (width, height):
        return image
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size_wh, interpolation=how), np.uint8)
