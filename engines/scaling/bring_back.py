"""Brings a small stylized picture to the frame's size with the edges of the frame.

Interpolation alone is soft. So luma follows the frame's: on windows of 3x3 pixels of the small pictures the stylized
luma is about a * (the frame's luma) + b, as in the guided filter (He, Sun and Tang 2013), with coefficients computed at
the small size (He and Sun 2015). The plain filter would give up every stroke that the frame does not have, and leave a
tinted photograph. Here half of what it loses is kept, which also halves the grain of the network's own grid, and the
frame's detail comes on top:

    small' = small - (1 - KEPT) (small - (a I + b));   picture = up(small') + up(a) (I_frame - up(I))

Then luma is sharpened, but never beyond its neighbours, so strokes have crisp borders without halos. Colours are only
interpolated: eyes hardly see their edges. All of it is OpenCV on bytes and 16-bit numbers, in strips of rows that stay
in the processor's cache.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

_KEPT = 0.5
"""The share of what the guided filter loses that is kept."""
_NOISE = 8.0
"""Differences of the frame's luma, in levels, below which a window counts as flat."""
_MIDDLE, _STEPS = 128, 127
"""Slopes from -1 to 1 are kept as bytes: around which one, and of how many steps each way."""
_SHARP = 1.0
"""How much is added of what a blur of 5x5 pixels takes away."""
_WINDOW = (3, 3)
_HALO = 2
"""Rows beyond a strip that its blur looks at."""
_AT_ONCE = 49152
"""Pixels of a strip."""
_NEIGHBOURS = np.ones(_WINDOW, np.uint8)


class BringBack:
    """Brings pictures to a frame's size; one thread at a time. Its buffers are made when they are first needed.

    Args:
        height: Of the frame, in pixels.
        width: Likewise.
    """

    def __init__(self, height: int, width: int) -> None:
        self._height, self._width = height, width

    def __call__(self, small: Picture, small_frame: Picture, frame: Picture, out: Picture) -> None:
        """Write a picture of the frame's size. One that is larger than the frame is made smaller.

        Args:
            small: The network's, uint8 (h, w, 3) RGB.
            small_frame: What it was made of, alike: the frame at that size.
            frame: uint8 (H, W, 3) RGB.
            out: Where the picture goes, alike.
        """
        size = (self._width, self._height)
        if small.shape[0] >= self._height:
            cv2.resize(small, size, dst=out, interpolation=cv2.INTER_AREA)
            return
        guide = cv2.cvtColor(small_frame, cv2.COLOR_RGB2GRAY)
        slopes, calmer = _follow(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), guide)
        calm = cv2.add(small, cv2.merge([calmer, calmer, calmer]), dtype=cv2.CV_8U)
        luma, soft, slope = self._planes
        cv2.resize(calm, size, dst=out, interpolation=cv2.INTER_CUBIC)
        cv2.cvtColor(out, cv2.COLOR_RGB2GRAY, dst=luma)
        cv2.resize(guide, size, dst=soft, interpolation=cv2.INTER_CUBIC)
        cv2.resize(slopes, size, dst=slope, interpolation=cv2.INTER_LINEAR)
        for top in range(0, self._height, self._rows):
            self._finish(out, frame, top, min(top + self._rows, self._height))

    def _finish(self, out: Picture, frame: Picture, top: int, end: int) -> None:
        """Add the frame's detail to these rows, in the way in which the style follows the frame there, and sharpen."""
        first, last = max(0, top - _HALO), min(end + _HALO, self._height)
        before, soft, slope = (plane[first:last] for plane in self._planes)
        detail, share = (buffer[: last - first] for buffer in self._numbers)
        luma: Any = cv2.cvtColor(frame[first:last], cv2.COLOR_RGB2GRAY)
        np.subtract(luma, soft, out=detail, dtype=np.int16)
        np.subtract(slope, _MIDDLE, out=share, dtype=np.int16)
        cv2.multiply(detail, share, dst=detail, scale=1 / _STEPS)
        luma = _sharpened(cv2.add(before, detail, dtype=cv2.CV_8U))[top - first : end - first]
        before, rows = before[top - first : end - first], out[top:end]
        # Bytes up and bytes down: three times as fast as 16-bit numbers with a sign.
        cv2.add(rows, cv2.cvtColor(cv2.subtract(luma, before), cv2.COLOR_GRAY2RGB), dst=rows)
        cv2.subtract(rows, cv2.cvtColor(cv2.subtract(before, luma), cv2.COLOR_GRAY2RGB), dst=rows)

    @property
    def _rows(self) -> int:
        """Of a strip."""
        return max(4 * _HALO, _AT_ONCE // self._width)

    @cached_property
    def _planes(self) -> tuple[Picture, Picture, Picture]:
        shape = (self._height, self._width)
        return np.empty(shape, np.uint8), np.empty(shape, np.uint8), np.empty(shape, np.uint8)

    @cached_property
    def _numbers(self) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
        shape = (self._rows + 2 * _HALO, self._width)
        return np.empty(shape, np.int16), np.empty(shape, np.int16)


def _follow(luma: Any, guide: Any) -> tuple[Any, Any]:
    """How the stylized luma follows the frame's, both uint8 (h, w).

    Returns:
        The slopes as bytes, and what is added to the luma to calm it, int16; both (h, w).
    """
    y, i = luma.astype(np.float32), guide.astype(np.float32)
    mean_y, mean_i = _mean(y), _mean(i)
    slope = _mean(y * i)
    slope -= mean_y * mean_i
    spread = _mean(i * i)
    spread -= mean_i * mean_i
    spread += _NOISE**2
    slope /= spread
    # y less what the line through the window's means gives for its middle.
    y -= mean_y
    i -= mean_i
    i *= slope
    y -= i
    y *= _KEPT - 1
    slope = cv2.convertScaleAbs(_mean(slope).clip(-1, 1), alpha=_STEPS, beta=_MIDDLE)
    return slope, y.astype(np.int16)


def _mean(values: Any) -> Any:
    return cv2.blur(values, _WINDOW, borderType=cv2.BORDER_REFLECT)


def _sharpened(luma: Any) -> Any:
    """Luma with crisp edges, kept between the least and the greatest of its neighbours."""
    sharp = cv2.addWeighted(luma, 1 + _SHARP, cv2.blur(luma, (5, 5)), -_SHARP, 0)
    return cv2.min(cv2.max(sharp, cv2.erode(luma, _NEIGHBOURS)), cv2.dilate(luma, _NEIGHBOURS))
