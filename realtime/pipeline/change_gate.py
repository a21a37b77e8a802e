"""Where a frame differs from what was seen before by more than the camera's noise.

The frame is looked at in half size and blurred a little, which averages noise and keeps edges. It is compared with what
was held of the frames before, not with the last one: a slow motion, whose single steps are below the noise, adds up and
is seen.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.realtime.media.frame import Picture

Floats = npt.NDArray[np.float32]
_BLUR = (5, 5)
_KEPT_BY_BLUR = 0.273
"""How much of white noise is left behind the blur: the root of the sum of its squared weights."""
_CLOSED, _OPEN = 4.0, 9.0
"""Up to how many times the noise the gate stays closed, and from how many on it is open."""
_LEAST_NOISE, _MOST_NOISE = 0.15, 2.0
"""Of the blurred half-size frame, in levels of 255."""
_QUARTILE_OF_NORMAL = 0.3186
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_LAPLACIAN_GAIN = 6.0
_NOISE_RISES_S, _NOISE_FALLS_S = 2.0, 0.2
_SAMPLE = 2
_REACH = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
"""A style's picture changes a little around what moves, too. In half-size pixels."""
_SOFT = (5, 5)
_CUT_FROM, _CUT_TO = 0.4, 0.7
"""From this share of the picture on, what changes opens all of it: a cut, or a camera that moves."""


class ChangeGate:
    """Frames of one size come one after the other.

    noise: what is taken for the camera's noise, one standard deviation of the blurred half-size luma.
    """

    def __init__(self, height: int, width: int) -> None:
        self._size_wh = (max(1, width // 2), max(1, height // 2))
        self._held: Floats | None = None  # what was held of the frames before
        self._before: Floats | None = None  # luma of the last one
        self.noise = 1.0

    def forget(self) -> None:
        """The next frame is the first."""
        self._held = self._before = None

    def opening(self, image: Picture, passed_s: float) -> Floats:
        """How far the gate is open, 0 to 1, float32 of half the size. passed_s: since the frame before."""
        small = cv2.resize(image, self._size_wh, interpolation=cv2.INTER_AREA)
        luma: npt.NDArray[Any] = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        self._small = np.asarray(cv2.GaussianBlur(small, _BLUR, 0), np.float32)
        blurred = np.asarray(cv2.GaussianBlur(luma.astype(np.float32), _BLUR, 0), np.float32)
        held, before, self._before = self._held, self._before, blurred
        if held is None or before is None:
            return np.ones(luma.shape, np.float32)
        self._watch_noise(luma, blurred, before, passed_s)
        # Of each colour, so that a change of hue alone is one as well; weighed as luma, after the difference was taken.
        change = cv2.transform(cv2.absdiff(self._small, held), np.array([[0.35, 0.45, 0.2]], np.float32))
        low, high = _CLOSED * self.noise, _OPEN * self.noise
        opening = np.clip((np.asarray(change, np.float32) - low) * (1 / (high - low)), 0, 1)
        whole = (float(opening.mean()) - _CUT_FROM) / (_CUT_TO - _CUT_FROM)
        opening = cv2.GaussianBlur(cv2.dilate(opening, _REACH), _SOFT, 0)
        return np.maximum(opening, np.float32(min(1.0, max(0.0, whole))))

    def hold(self, share: Floats) -> None:
        """Take the frame over as far as its picture was: float32 of half the size, 0 to 1."""
        held = self._held
        self._held = self._small if held is None else np.asarray(cv2.blendLinear(held, self._small, 1 - share, share))

    def _watch_noise(self, luma: npt.NDArray[Any], blurred: Floats, before: Floats, passed_s: float) -> None:
        """Take the lower of two estimates, each of which something else makes too large.

        The difference of two frames sees motion as noise, the second differences within one see texture. Both look at
        the calmer parts of the picture only. The noise of a camera stays, so a high estimate is believed slowly.
        """
        differs = np.abs(blurred - before)[::_SAMPLE, ::_SAMPLE]
        over_time = _quartile(differs) / _QUARTILE_OF_NORMAL / np.sqrt(2)
        rough = cv2.filter2D(luma, cv2.CV_32F, _LAPLACIAN)[::_SAMPLE, ::_SAMPLE]
        in_picture = _quartile(np.abs(rough)) / _QUARTILE_OF_NORMAL / _LAPLACIAN_GAIN * _KEPT_BY_BLUR
        found = min(max(min(over_time, in_picture), _LEAST_NOISE), _MOST_NOISE)
        pace = _NOISE_RISES_S if found > self.noise else _NOISE_FALLS_S
        self.noise += (found - self.noise) * (1 - float(np.exp(-passed_s / pace)))


def _quartile(values: npt.NDArray[np.generic]) -> float:
    """The value below which a quarter of them lie."""
    flat = values.ravel()
    place = flat.size // 4
    return float(np.partition(flat, place)[place])
