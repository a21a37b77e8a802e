"""Steadying: where the picture in front of the camera stands still, the stylized one does, too.

A style makes more of a camera's noise than the eye saw in it, so a still scene shimmers. Each pixel of the output goes
towards the newest stylized picture: slowly at rest, at once where the frame changes by more than its noise (see
`change_gate.py`), and everywhere while a parameter moves. Everything goes by the frames' own times, so a frame that was
dropped makes no difference at rest, and a render comes out the same each time.

There is no motion compensation: in motion the gate is open, and the picture is the style's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import STEADY, Values
from stylefader.realtime.pipeline.change_gate import ChangeGate

_REST_S = 0.5
"""Time constant at rest, at full strength."""
_LATE = 0.01
"""How far a parameter may be ahead of what is shown, at most."""
_LONGEST_GAP = Fraction(1)
_MASK_ALIKE, _MASK_CHANGED = 8, 32
"""Between these differences of a mask, of 255, the gate opens for it."""


class Steady:
    """Frames come one after the other, of any size; where one does not follow the one before, it starts again.

    One thread calls it. Nothing is kept and nothing costs time while its strength is 0.
    """

    def __init__(self) -> None:
        self._gate: ChangeGate | None = None
        self._shown: npt.NDArray[np.float32] = np.empty((0, 0, 3), np.float32)
        self._mask: npt.NDArray[np.float32] | None = None  # as far as it is in what is shown, at the gate's size
        self._held: dict[str, Values] = {}  # parameters, as far as they are in what is shown
        self._time: Fraction | None = None
        self._style: object = None

    def forget(self) -> None:
        """The next frame is the first: another source, or frames that did not pass here."""
        self._time = None

    def __call__(
        self,
        image: Picture,
        stylized: Picture,
        time: Fraction,
        values: Mapping[str, Values],
        *,
        style: object = None,
        mask: Mask | None = None,
        opens: bool = False,
        own: bool = False,
    ) -> None:
        """Steady a picture in place.

        Args:
            image: The frame, uint8 (H, W, 3) RGB.
            stylized: Made of it, uint8 (H, W, 3) RGB; written to.
            time: Of the frame, in seconds.
            values: All parameters that it was made with, by name; `steady` is how strong this is, 0 to 1.
            style: Whose picture it is; another one than before starts again.
            mask: That it was made with, uint8 (H, W); where it changes, the picture does at once.
            opens: Show this picture as it is, as during a cross-fade.
            own: Whether `steady` is an input of the style's own network, whose pictures are left alone.
        """
        strength = float(values[STEADY][0]) if STEADY in values and not own else 0.0
        if strength <= 0:
            self._gate = self._mask = None
            return
        height, width = stylized.shape[:2]
        passed = None if self._time is None else time - self._time
        again = passed is None or not 0 < passed <= _LONGEST_GAP or style != self._style
        self._time, self._style = time, style
        if self._gate is None or self._shown.shape != stylized.shape:
            self._gate, again = ChangeGate(height, width), True
        if again:
            self._gate.forget()
            self._held.clear()
        seconds = 0.0 if passed is None else float(passed)
        opening = self._gate.opening(image, seconds)
        inside = None if mask is None else _as_small(mask, opening)
        if (inside is None) != (self._mask is None):
            opens = True
        elif inside is not None and self._mask is not None and not again:
            opening = np.maximum(opening, _changed(inside, self._mask))
        rest = 1 - math.exp(-seconds / (_REST_S * strength))
        least = 1.0 if again or opens else max(rest, self._moved(values, rest))
        share = np.asarray(opening * (1 - least) + least, np.float32)
        if inside is not None and self._mask is not None and not again:
            inside = self._mask + (inside - self._mask) * share
        self._mask = inside
        self._gate.hold(share)
        self._blend(stylized, share, whole=least >= 1)

    def _moved(self, values: Mapping[str, Values], rest: float) -> float:
        """How far the gate opens for parameters: all the way where one is ahead of what is shown."""
        ahead = 0.0
        for name, value in values.items():
            held = self._held.get(name)
            if name == STEADY:
                continue
            if held is None or held.shape != value.shape:
                ahead = _LATE
            elif value.size:
                ahead = max(ahead, float(np.abs(value - held).max()))
        opens = max(rest, min(1.0, ahead / _LATE))
        for name, value in values.items():
            held = self._held.get(name)
            known = held is not None and held.shape == value.shape
            self._held[name] = held + (value - held) * np.float32(opens) if known and held is not None else value.copy()
        return opens

    def _blend(self, stylized: Picture, share: npt.NDArray[np.float32], *, whole: bool) -> None:
        if whole:
            self._shown = stylized.astype(np.float32)
            return
        height, width = stylized.shape[:2]
        share = np.asarray(cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        self._shown = np.asarray(
            cv2.blendLinear(self._shown, stylized.astype(np.float32), 1 - share, share), np.float32
        )
        cv2.convertScaleAbs(self._shown, dst=stylized)


def _as_small(mask: Mask, like: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.resize(mask, like.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _changed(mask: npt.NDArray[np.float32], before: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How far the gate opens where a mask has changed, 0 to 1."""
    share = (np.abs(mask - before) - _MASK_ALIKE) / (_MASK_CHANGED - _MASK_ALIKE)
    return np.asarray(share.clip(0, 1), np.float32)
