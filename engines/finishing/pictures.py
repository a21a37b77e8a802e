"""Finishing on the processor, in OpenCV on bytes, with buffers that are made once.

With original O, the network's picture S, luma Y' (BT.601) and D = S - O, `colour` c takes the chroma of the original in
Y'CbCr, which is O + Y'(D) for each of R, G and B, and `mix` m comes after it:

    S + c (O + Y'(D) - S) = O + (1 - c) D + c Y'(D);   O + m (1 - c) D + m c Y'(D)

The first part is between two pictures, so that it needs no room beyond bytes; luma is added to it. In linear light the
same looked worse: scaled by luminance, dark places that a style makes bright become garish; shifted by it, they become
grey. `tensors.py` is the same for GPUs.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.engines.finishing.settings import Finish, Side

Picture = npt.NDArray[np.uint8]


class Finisher:
    """Finishes pictures of one size; one thread at a time. Its buffers are made when they are first needed."""

    def __init__(self, height: int, width: int) -> None:
        self._shape = (height, width)

    def __call__(self, picture: Picture, original: Picture, finish: Finish, out: Picture) -> None:
        """Write a finished picture.

        Args:
            picture: The network's, uint8 (H, W, 3) RGB.
            original: The frame, alike.
            finish: What to do.
            out: Where it goes: another array, or `picture` itself.
        """
        if finish.outside is None:
            self._side(picture, original, finish.inside, out)
            return
        beyond = self._other
        self._side(picture, original, finish.outside, beyond)
        self._side(picture, original, finish.inside, out)
        self._blend(out, beyond, finish.mask)

    def _side(self, picture: Picture, original: Picture, side: Side, out: Picture) -> None:
        if side.plain:
            if out is not picture:
                np.copyto(out, picture)
        elif side.mix == 0:
            np.copyto(out, original)
        elif side.colour == 0:
            cv2.addWeighted(picture, side.mix, original, 1 - side.mix, 0, dst=out)
        else:
            self._recolour(picture, original, side, out)

    def _recolour(self, picture: Picture, original: Picture, side: Side, out: Picture) -> None:
        luma, other, change, wide = self._planes
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY, dst=luma)
        cv2.cvtColor(original, cv2.COLOR_RGB2GRAY, dst=other)
        by = side.mix * side.colour
        cv2.addWeighted(luma, by, other, -by, 0, dst=change, dtype=cv2.CV_16S)
        cv2.merge([change, change, change], dst=wide)
        kept = side.mix - by
        base = original if kept == 0 else out
        if kept:
            cv2.addWeighted(picture, kept, original, 1 - kept, 0, dst=out)
        cv2.add(base, wide, dst=out, dtype=cv2.CV_8U)

    def _blend(self, out: Picture, beyond: Picture, mask: Picture) -> None:
        """`out` where the mask is 255, `beyond` where it is 0."""
        rest, wide, wide_rest = self._masks
        cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB, dst=wide)
        cv2.bitwise_not(mask, dst=rest)
        cv2.cvtColor(rest, cv2.COLOR_GRAY2RGB, dst=wide_rest)
        cv2.multiply(out, wide, dst=out, scale=1 / 255)
        cv2.multiply(beyond, wide_rest, dst=beyond, scale=1 / 255)
        cv2.add(out, beyond, dst=out)

    @cached_property
    def _other(self) -> Picture:
        return np.empty((*self._shape, 3), np.uint8)

    @cached_property
    def _planes(self) -> tuple[Picture, Picture, npt.NDArray[np.int16], npt.NDArray[np.int16]]:
        shape = self._shape
        return (
            np.empty(shape, np.uint8), np.empty(shape, np.uint8), np.empty(shape, np.int16),
            np.empty((*shape, 3), np.int16),
        )  # fmt: skip

    @cached_property
    def _masks(self) -> tuple[Picture, Picture, Picture]:
        return np.empty(self._shape, np.uint8), np.empty((*self._shape, 3), np.uint8), np.empty_like(self._other)
