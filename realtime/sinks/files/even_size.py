"""Odd sizes for encoders whose usual pixel format, 4:2:0, has even sides only: one line is cut, or put on.

H.264 in 4:4:4 would keep an odd size, but few players show it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def even_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) with both sides even: one less where a side is odd, 2 where it is 1."""
    return (2 if width == 1 else width // 2 * 2), (2 if height == 1 else height // 2 * 2)


def even_picture(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8 (H, W, ...) at the size that `even_size` says, C-contiguous: without its last line, or with it twice."""
    height, width = image.shape[:2]
    across, down = even_size(width, height)
    image = image[:down, :across]
    wider, higher = across - image.shape[1], down - image.shape[0]
    if wider or higher:
        image = np.pad(image, [(0, higher), (0, wider), *[(0, 0)] * (image.ndim - 2)], mode="edge")
    return np.ascontiguousarray(image)


def even_words(width: int, height: int) -> str:
    """What to say of a size that is not kept."""
    across, down = even_size(width, height)
    return (
        f"the odd size {width}x{height} is written as {across}x{down}, which every player shows; "
        "--exact-size keeps it, in 4:4:4"
    )


def exact_words(width: int, height: int) -> str:
    """What to say of an odd size that is kept."""
    return f"the odd size {width}x{height} is kept in 4:4:4, which some players cannot show"
