"""Steadies a segmenter's masks over time without a trail behind what moves.

Each pixel of the mask goes towards the newest one. Where the picture stands still it goes slowly, so that a border does
not flicker; where the picture has changed, or a whole patch of the mask has, it goes there at once.
"""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

_CALM_S = 0.25
"""Time constant where nothing moves."""
_LONGEST_GAP_S = 0.5
"""After a longer pause the mask begins anew."""
_NOISE, _MOVED = 3.0, 9.0
"""Mean change of brightness around a pixel, of 255: up to the first it is noise, from the second on movement."""
_DOUBTFUL, _SURE = 0.3, 0.7
"""Mean change of the mask around a pixel: from the second on, a patch of it has really come or gone."""
_PATCH = 9
Plane = npt.NDArray[np.float32]


class Steadier:
    """Holds the mask that was given last, for masks of one size."""

    def __init__(self) -> None:
        self._mask: Plane | None = None
        self._grey: npt.NDArray[np.uint8] | None = None
        self._time = Fraction(0)

    def __call__(self, mask: Plane, picture: npt.NDArray[np.uint8], time: Fraction) -> Plane:
        """The steadied mask.

        Args:
            mask: float32 (h, w) of 0 to 1, as it comes from the network.
            picture: uint8 (H, W, 3) RGB that it was made of.
            time: Of the frame in seconds; times that go back, or far ahead, begin anew.

        Returns:
            float32 (h, w), to be read only, until the next call.
        """
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if grey.shape != mask.shape:
            grey = cv2.resize(grey, mask.shape[::-1], interpolation=cv2.INTER_AREA)
        passed = float(time - self._time)
        before, seen = self._mask, self._grey
        if before is None or seen is None or before.shape != mask.shape or not 0 <= passed <= _LONGEST_GAP_S:
            steady = mask.copy()
        else:
            pull = _pull(mask, before, np.asarray(cv2.absdiff(grey, seen), np.uint8), 1 - np.exp(-passed / _CALM_S))
            steady = before + pull * (mask - before)
        self._mask, self._grey, self._time = steady, np.asarray(grey, np.uint8), time
        return steady


def _pull(mask: Plane, before: Plane, change: npt.NDArray[np.uint8], calm: float) -> Plane:
    """How far each pixel goes towards the new mask, from `calm` to 1."""
    moved = cv2.blur(change.astype(np.float32), (_PATCH, _PATCH))
    turned = cv2.blur(cv2.absdiff(mask, before), (_PATCH, _PATCH))
    free = np.maximum((moved - _NOISE) / (_MOVED - _NOISE), (turned - _DOUBTFUL) / (_SURE - _DOUBTFUL))
    return np.asarray(np.float32(calm) + np.float32(1 - calm) * free.clip(0, 1), np.float32)
