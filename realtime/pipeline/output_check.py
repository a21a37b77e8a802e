"""Finds pictures whose engine computed with values that are not finite."""

from __future__ import annotations

import numpy as np

from stylefader.realtime.media.frame import Picture

_GRID = 17
"""Pixels a side that are looked at first, and are enough for nearly every picture."""
_SMALLEST = 4
"""Pictures of fewer pixels a side may be of one colour or at the ends by themselves."""


def is_broken(picture: Picture, original: Picture) -> bool:
    """Whether an engine computed with values that are not finite, by what they leave of its picture.

    Instance norms spread one such value over its whole feature, and the convolutions behind them over all features
    and colours. Clamp and rounding then make every byte 0 or 255, or, where a library's norm takes them for nothing,
    the picture is of one colour. Neither comes of a frame that is not so itself.
    """
    if min(picture.shape[:2]) < _SMALLEST:
        return False
    rows, columns = (max(1, side // _GRID) for side in picture.shape[:2])
    return any(
        looks(picture[::rows, ::columns]) and looks(picture) and not looks(original)
        for looks in (_at_ends, _of_one_colour)
    )


def _at_ends(picture: Picture) -> bool:
    return not ((picture + np.uint8(1)) & np.uint8(0xFE)).any()


def _of_one_colour(picture: Picture) -> bool:
    return bool((picture == picture[0, 0]).all())
