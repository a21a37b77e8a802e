"""The size of the strokes: the network computes at the frame's size divided by it, in a few steps.

A network paints strokes of so many pixels, whatever the size of its picture. On a picture of half the size they are
twice as large in the frame, and take a quarter of the time. Engines are compiled for a size, so there are steps; a
value between them counts as the nearest, by ratio.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import sqrt

from stylefader.realtime.parameters.parameter import STROKE, STROKES, Values, has_strokes
from stylefader.training.packs.pack_header import PackHeader

_LEAST = 16
"""Sides of the network's picture that are not gone below."""


def nearest_stroke(value: float) -> float:
    """The step that a value counts as."""
    return next((lower for lower, upper in pairwise(STROKES) if value < sqrt(lower * upper)), STROKES[-1])


def next_stroke(value: float, by: int) -> float:
    """The step that many above or below the one that a value counts as; the last where there is none."""
    place = STROKES.index(nearest_stroke(value)) + by
    return STROKES[min(max(place, 0), len(STROKES) - 1)]


def stroke_of(header: PackHeader, values: Mapping[str, Values]) -> float:
    """The step that values of a style's parameters ask for; 1 for a style whose strokes cannot be moved."""
    return nearest_stroke(float(values[STROKE][0])) if has_strokes(header) and STROKE in values else 1.0


def network_size(height: int, width: int, stroke: float) -> tuple[int, int]:
    """Height and width of the network's picture for frames of a size in pixels; sides are multiples of 4."""
    if stroke == 1:
        return height, width

    def side(whole: int) -> int:
        return max(min(whole, _LEAST), round(whole / stroke / 4) * 4)

    return side(height), side(width)
