"""Brings the soft border of a small mask to the edges of the frame: a fast guided filter.

He, Sun, Tang, "Guided Image Filtering" (2010) and He, Sun, "Fast Guided Filter" (2015): around each pixel the mask is
a linear function of the frame's brightness, whose coefficients are found on a small copy and scaled up.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture

_SMALL, _LARGE = 320, 960
"""The longer side of the copy on which the coefficients are found, and the most on which they are applied."""
_RADIUS = 4
_FLAT = 0.02**2
"""Variance of brightness, of 0 to 1, below which a place has no edge."""
_LOW, _HIGH = 0.15, 0.85
"""What of the filtered mask is outside and inside altogether."""
Plane = npt.NDArray[np.float32]


def refined(mask: Plane, image: Picture) -> Mask:
    """A mask of the frame's size.

    Args:
        mask: float32 (h, w) of 0 to 1, of any size.
        image: uint8 (H, W, 3) RGB.

    Returns:
        uint8 (H, W).
    """
    height, width = image.shape[:2]
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    slope, offset = _coefficients(mask, _shrunk(grey, _SMALL))
    guide = _shrunk(grey, _LARGE)
    size = guide.shape[::-1]
    # In bytes already, so that the last sum rounds and keeps within them in one pass.
    larger = cv2.resize(slope, size, interpolation=cv2.INTER_LINEAR)
    cv2.multiply(larger, guide, dst=larger, dtype=cv2.CV_32F)
    filtered = cv2.add(larger, cv2.resize(offset, size, interpolation=cv2.INTER_LINEAR), dtype=cv2.CV_8U)
    if size != (width, height):
        filtered = cv2.resize(filtered, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(filtered, np.uint8)


def _coefficients(mask: Plane, guide: npt.NDArray[np.uint8]) -> tuple[Plane, Plane]:
    """Slope and offset of the stretched mask in bytes, for brightness in bytes, around each pixel of the guide."""
    kernel = (2 * _RADIUS + 1, 2 * _RADIUS + 1)

    def mean(plane: Plane) -> Plane:
        return np.asarray(cv2.blur(plane, kernel), np.float32)

    light = np.multiply(guide, np.float32(1 / 255), dtype=np.float32)
    wanted = np.asarray(cv2.resize(mask, guide.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    mean_light, mean_wanted = mean(light), mean(wanted)
    variance = mean(light * light) - mean_light * mean_light
    shared = mean(light * wanted) - mean_light * mean_wanted
    slope = np.asarray(shared / (variance + np.float32(_FLAT)), np.float32)
    offset = mean(mean_wanted - slope * mean_light)
    stretch = 1 / (_HIGH - _LOW)
    return mean(slope) * np.float32(stretch), (offset - np.float32(_LOW)) * np.float32(255 * stretch)


def _shrunk(grey: npt.NDArray[np.uint8], longest: int) -> npt.NDArray[np.uint8]:
    height, width = grey.shape
    scale = longest / max(height, width)
    if scale >= 1:
        return grey
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
