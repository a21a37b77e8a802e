"""Keys: masks made from the colours of the frame itself, by its brightness (luminance key) or by a colour (chroma key).

Each is a table that is looked up: it is made again only when a parameter has moved.
"""

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
        self._made: tuple[tuple[float, float], Table] | None = None

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask:
        """By the distance in the plane of Cb and Cr."""
        asked = float(values[TOLERANCE][0]), float(values[SOFTNESS][0])
        if self._made is None or self._made[0] != asked:
            self._made = asked, chroma_table(self._centre, *asked)
        planes = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        # Both bytes of a pixel as one number, in this machine's order: the table was built in the same way.
        pairs = np.ascontiguousarray(planes[:, :, 1:]).view(np.uint16)[:, :, 0]
        return np.asarray(self._made[1][pairs], np.uint8)

    def close(self) -> None:
        """Nothing is held."""


def luminance_table(side: Side, threshold: float, softness: float) -> Table:
    """The mask of each luma: uint8 (256,)."""
    over = np.arange(256) / 255 - threshold
    return _soft(over if side == "bright" else -over, softness)


def chroma_table(centre: tuple[float, float], tolerance: float, softness: float) -> Table:
    """The mask of each pair of bytes Cr and Cb, as a number of two bytes in memory order: uint8 (65536,)."""
    pairs = np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2).astype(np.float64)
    distance = np.hypot(pairs[:, 0] - centre[0], pairs[:, 1] - centre[1]) / 255
    return _soft(tolerance - distance, softness)


def chroma_of(colour: Colour) -> tuple[float, float]:
    """Cr and Cb of a colour, as OpenCV has them of bytes."""
    _, cr, cb = cv2.cvtColor(np.array([[colour]], np.uint8), cv2.COLOR_RGB2YCrCb)[0, 0]
    return float(cr), float(cb)


def hex_of(colour: Colour) -> str:
    """A colour as #00ff00."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _soft(inside: npt.NDArray[np.float64], softness: float) -> Table:
    """255 well above 0, 0 well below, and linear over `softness` around it."""
    return np.rint(255 * np.clip(0.5 + inside / max(softness, _LEAST_SOFTNESS), 0, 1)).astype(np.uint8)
