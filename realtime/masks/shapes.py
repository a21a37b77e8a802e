"""A rectangle or an ellipse as a mask: its centre, size and border are parameters that performers move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Parameter, Values

Kind = Literal["ellipse", "rectangle"]
X, Y, WIDTH, HEIGHT, SOFTNESS = "mask_x", "mask_y", "mask_width", "mask_height", "mask_softness"
LEAST_SIDE = 1e-3
"""The narrowest shape, as a share of the picture's side."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Where a shape stands.

    Attributes:
        x: Of its centre: 0 is the picture's left edge, 1 its right edge.
        y: Of its centre: 0 is the picture's upper edge, 1 its lower edge.
        width: A share of the picture's width.
        height: A share of the picture's height.
        softness: How wide the border is, as a share of the picture's height; half of it lies inside.
    """

    x: float = 0.5
    y: float = 0.5
    width: float = 0.5
    height: float = 0.75
    softness: float = 0.1


def shape_parameters(at_first: Shape) -> tuple[Parameter, ...]:
    """What performers move of a shape. The centre may leave the picture, and the shape may be larger than it."""
    return (
        Parameter.even(X, 1, low=-0.5, high=1.5, default=at_first.x),
        Parameter.even(Y, 1, low=-0.5, high=1.5, default=at_first.y),
        Parameter.even(WIDTH, 1, low=0.0, high=2.0, default=at_first.width),
        Parameter.even(HEIGHT, 1, low=0.0, high=2.0, default=at_first.height),
        Parameter.even(SOFTNESS, 1, low=0.0, high=1.0, default=at_first.softness),
    )


class ShapeMask:
    """A source of masks (`MaskSource`) that draws a shape. It is drawn again only when a parameter has moved."""

    def __init__(self, kind: Kind, height: int, width: int) -> None:
        self._kind, self._size = kind, (height, width)
        self._drawn: tuple[Shape, Mask] | None = None

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask:
        """The shape where the parameters have it."""
        x, y, width, height, softness = (float(values[name][0]) for name in (X, Y, WIDTH, HEIGHT, SOFTNESS))
        shape = Shape(x=x, y=y, width=width, height=height, softness=softness)
        if self._drawn is None or self._drawn[0] != shape:
            self._drawn = shape, draw(self._kind, shape, *self._size)
        return self._drawn[1]

    def close(self) -> None:
        """Nothing is held."""


def draw(kind: Kind, shape: Shape, height: int, width: int) -> Mask:
    """A shape as a mask of that size.

    Args:
        kind: What it is.
        shape: Where it stands.
        height: Of the mask, in pixels.
        width: Of the mask, in pixels.

    Returns:
        uint8 (height, width): 255 inside, 0 outside. The border is linear; it is at least one pixel wide.
    """
    if shape.width < LEAST_SIDE or shape.height < LEAST_SIDE:
        return np.zeros((height, width), np.uint8)
    across = np.arange(width, dtype=np.float32) + np.float32(0.5 - shape.x * width)
    down = np.arange(height, dtype=np.float32) + np.float32(0.5 - shape.y * height)
    half = shape.width * width / 2, shape.height * height / 2
    distance = _from_ellipse(across, down, *half) if kind == "ellipse" else _from_rectangle(across, down, *half)
    # In place: a performer who drags the shape has it drawn for every frame.
    distance *= np.float32(-255 / max(1.0, shape.softness * height))
    distance += np.float32(128)
    np.clip(distance, 0, 255, out=distance)
    return distance.astype(np.uint8)


Line = npt.NDArray[np.float32]


def _from_rectangle(across: Line, down: Line, half_width: float, half_height: float) -> Line:
    """How far each pixel is from the nearest side, in pixels; below 0 inside."""
    beside = np.abs(across) - np.float32(half_width)
    above = np.abs(down) - np.float32(half_height)
    outer = _length(np.maximum(beside, 0), np.maximum(above, 0))
    return np.asarray(outer + np.minimum(np.maximum(beside[None, :], above[:, None]), 0), np.float32)


def _from_ellipse(across: Line, down: Line, half_width: float, half_height: float) -> Line:
    """The same for an ellipse, to the first order: (r - 1) / |gradient of r| with r = 1 on the border."""
    x, y = across / np.float32(half_width), down / np.float32(half_height)
    r = _length(x, y)
    # |gradient of r| is the length of (x / half_width, y / half_height), over r.
    steep = _length(x / np.float32(half_width), y / np.float32(half_height))
    np.maximum(steep, np.float32(1e-9), out=steep)
    np.divide(np.maximum(r, np.float32(1e-6)), steep, out=steep)
    r -= 1
    r *= steep
    return r


def _length(across: Line, down: Line) -> Line:
    """Of the vectors (across, down): (H, W). np.hypot guards against overflow, which takes four times as long."""
    squares = (across * across)[None, :] + (down * down)[:, None]
    return np.asarray(np.sqrt(squares, out=squares), np.float32)
