"""Finishing on the processor, in OpenCV on bytes, strip by strip, with buffers that are made once.

With original O, the network's picture S, luma Y' (BT.601) and D = S - O, `colour` c takes the chroma of the original in
Y'CbCr, which is O + Y'(D) for each of R, G and B, and `mix` m comes after it:

    S + c (O + Y'(D) - S) = O + (1 - c) D + c Y'(D);   O + m (1 - c) D + m c Y'(D)

The first part is between two pictures, so that it needs no room beyond bytes. Luma is then added where it grows, and
taken off where it shrinks: of the two planes one is 0 everywhere, so that nothing is cut off in between. In linear
light the same looked worse: scaled by luminance, dark places that a style makes bright become garish; shifted by it,
they become grey. `tensors.py` is the same for GPUs.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.engines.finishing.settings import Finish, Side

Picture = npt.NDArray[np.uint8]
_STRIP_PIXELS = 1 << 15
"""Of a strip of rows, so that its pictures and buffers, about 20 bytes a pixel, stay in a core's own cache."""


class Finisher:
    """Finishes pictures of one size; one thread at a time."""

    def __init__(self, height: int, width: int) -> None:
        self._height = height
        self._rows = min(height, max(1, _STRIP_PIXELS // width))
        plane, picture = (self._rows, width), (self._rows, width, 3)
        self._more, self._less, self._plane = (np.empty(plane, np.uint8) for _ in range(3))
        self._wide, self._beyond = (np.empty(picture, np.uint8) for _ in range(2))

    def __call__(self, picture: Picture, original: Picture, finish: Finish, out: Picture) -> None:
        """Write a finished picture.

        Args:
            picture: The network's, uint8 (H, W, 3) RGB.
            original: The frame, alike.
            finish: What to do.
            out: Where it goes: another array, `picture` itself or `original` itself.
        """
        for top in range(0, self._height, self._rows):
            rows = slice(top, min(top + self._rows, self._height))
            self._strip(picture[rows], original[rows], finish, rows, out[rows])

    def _strip(self, picture: Picture, original: Picture, finish: Finish, rows: slice, out: Picture) -> None:
        """Finish some rows. What lies outside is put aside first, as `out` may be one of the two pictures."""
        sides = (finish.inside,) if finish.outside is None else (finish.outside, finish.inside)
        if any(side.mix and side.colour for side in sides):
            self._see_luma(picture, original)
        if finish.outside is None:
            found = self._side(picture, original, finish.inside, out)
            if found is not out:
                np.copyto(out, found)
            return
        mask, count = finish.mask[rows], len(out)
        beyond, wide, rest = self._beyond[:count], self._wide[:count], self._plane[:count]
        found = self._side(picture, original, finish.outside, beyond)
        cv2.bitwise_not(mask, dst=rest)
        cv2.cvtColor(rest, cv2.COLOR_GRAY2RGB, dst=wide)
        cv2.multiply(found, wide, dst=beyond, scale=1 / 255)
        found = self._side(picture, original, finish.inside, out)
        cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB, dst=wide)
        cv2.multiply(found, wide, dst=out, scale=1 / 255)
        cv2.add(out, beyond, dst=out)

    def _side(self, picture: Picture, original: Picture, side: Side, room: Picture) -> Picture:
        """The picture of one side: one of the two as it is, else a new one, which is in `room`."""
        if side.plain:
            return picture
        if side.mix == 0:
            return original
        by = side.mix * side.colour
        kept = side.mix - by
        base = original
        if kept:
            base = room
            cv2.addWeighted(picture, kept, original, 1 - kept, 0, dst=room)
        if by:
            self._add_luma(base, by, room)
        return room

    def _see_luma(self, picture: Picture, original: Picture) -> None:
        """How much lighter the picture is than the original, and how much darker."""
        count = len(picture)
        more, less, plane = self._more[:count], self._less[:count], self._plane[:count]
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY, dst=plane)
        cv2.cvtColor(original, cv2.COLOR_RGB2GRAY, dst=less)
        cv2.subtract(plane, less, dst=more)
        cv2.subtract(less, plane, dst=less)

    def _add_luma(self, base: Picture, by: float, out: Picture) -> None:
        count = len(out)
        plane, wide = self._plane[:count], self._wide[:count]
        for change, apply in ((self._more[:count], cv2.add), (self._less[:count], cv2.subtract)):
            scaled = change
            if by != 1:
                scaled = plane
                cv2.convertScaleAbs(change, dst=plane, alpha=by)
            cv2.cvtColor(scaled, cv2.COLOR_GRAY2RGB, dst=wide)
            apply(base, wide, dst=out)
            base = out
