"""Pictures in memory, brought to another size: the one way in which it is done."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def resized(image: Image, width: int, height: int) -> Image:
    """A picture (H, W, channels) or a plane (H, W) at that size, C-contiguous; itself where nothing is to do.

    Area means where it shrinks, else bicubic.
    """
    if image.shape[1::-1] == (width, height):
        return np.ascontiguousarray(image)
    shrinks = width < image.shape[1] or height < image.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=how), np.uint8)
