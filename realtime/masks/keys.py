"""Keys: masks made of the frame itself, by its brightness (luminance key) or by a colour (chroma key)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.masks.shapes import SOFTNESS
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.media.transparency import Colour
from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.training.errors import MaskError

Side = Literal["bright", "dark"]
THRESHOLD, TOLERANCE = "mask_threshold", "mask_tolerance"
_LEAST_SOFTNESS = 1 / 255
_LEAST_CHROMA = 16
"""A colour that is nearer to grey, in steps of Cb and Cr, is none that a picture can be keyed by."""
Table = npt.NDArray[np.uint8]


def luminance_parameters(threshold: float = 0.5, softness: float = 0.1) -> tuple[Parameter, ...]:
    """threshold: the brightness at the border, from 0 to 1. softness: over what range of it the border goes."""
    return (
        Parameter.even(THRESHOLD, 1, low=0.0, high=1.0, default=threshold),
        Parameter.even(SOFTNESS, 1, low=0.0, high=1.0, default=softness),
    )


def chroma_parameters(tolerance: float = 0.2, softness: float = 0.1) -> tuple[Parameter, ...]:
    """tolerance: how far a colour may be from the key, in Cb and Cr of 0 to 1. softness: how wide the border is."""
    return (
        Parameter.even(TOLERANCE, 1, low=0.0, high=1.0, default=tolerance),
        Parameter.even(SOFTNESS, 1, low=0.0, high=1.0, default=softness),
    )


class LuminanceKey:
    """A source of masks (`MaskSource`): inside is what is brighter, or darker, than the threshold."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._made: tuple[tuple[float, float], Table] | None = None

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask:
        """By the luma of BT.601, which OpenCV takes for grey."""
        asked = float(values[THRESHOLD][0]), float(values[SOFTNESS][0])
        if self._made is None or self._made[0] != asked:
            self._made = asked, luminance_table(self._side, *asked)
        return np.asarray(cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), self._made[1]), np.uint8)

    def close(self) -> None:
        """Nothing is held."""


class ChromaKey:
    """A source of masks (`MaskSource`): inside is what has about that colour, however bright.

    Raises MaskError for a colour that is nearly grey.
    """

    def __init__(self, colour: Colour) -> None:
        self._centre = chroma_of(colour)
        if np.hypot(self._centre[0] - 128, self._centre[1] - 128) < _LEAST_CHROMA:
            raise MaskError(
                f"{hex_of(colour)} is nearly grey, so nothing can be told apart by its colour: take a stronger colour, "
                "or the brightness (bright, dark)"
            )
        steps = np.arange(256, dtype=np.float32)
        self._squares = tuple((steps - np.float32(middle)) ** 2 for middle in self._centre)

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask:
        """By the distance in the plane of Cb and Cr."""
        tolerance, softness = float(values[TOLERANCE][0]), float(values[SOFTNESS][0])
        planes = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        squares = [cv2.LUT(cv2.extractChannel(planes, at), table) for at, table in enumerate(self._squares, 1)]
        distance = cv2.sqrt(cv2.add(squares[0], squares[1], dst=squares[0]), dst=squares[0])
        # 255 * (0.5 + (tolerance - distance / 255) / softness), rounded and kept within bytes.
        steep = 1 / max(softness, _LEAST_SOFTNESS)
        beta = 127.5 + 255 * steep * tolerance
        return np.asarray(cv2.addWeighted(distance, -steep, distance, 0, beta, dtype=cv2.CV_8U), np.uint8)

    def close(self) -> None:
        """Nothing is held."""


def luminance_table(side: Side, threshold: float, softness: float) -> Table:
    """The mask of each luma: uint8 (256,)."""
    over = np.arange(256) / 255 - threshold
    inside = (over if side == "bright" else -over) / max(softness, _LEAST_SOFTNESS)
    return np.rint(255 * np.clip(0.5 + inside, 0, 1)).astype(np.uint8)


def chroma_of(colour: Colour) -> tuple[float, float]:
    """Cr and Cb of a colour, as OpenCV has them of bytes."""
    _, cr, cb = cv2.cvtColor(np.array([[colour]], np.uint8), cv2.COLOR_RGB2YCrCb)[0, 0]
    return float(cr), float(cb)


def hex_of(colour: Colour) -> str:
    """A colour as #00ff00."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
