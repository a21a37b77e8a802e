"""The pad: four styles of a palette at the corners of a square, mixed by where on it one stands.

    C ---- D
    |      |      pad_x to the right, pad_y upwards, both from 0 to 1; in the middle there is a quarter of each
    A ---- B

The pad is a hand on the faders: a move on it moves the weights of the styles. LFOs and sound on it move what comes of
the weights by as much as the place on the pad is moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stylefader.realtime.parameters.parameter import PAD_X, PAD_Y, Layout
from stylefader.realtime.parameters.targets import Target, labels_in, why_missing
from stylefader.training.errors import ControlError
from stylefader.training.packs.added_inputs import STYLE

Corners = tuple[str, str, str, str]
"""The styles at the corners: lower left, lower right, upper left, upper right."""
Weights = npt.NDArray[np.float64]


def parse_corners(text: str) -> Corners:
    """`A,B,C,D`. Raises ControlError unless these are four names."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 4 or not all(names):
        raise ControlError(f"a pad is four styles of a palette, as in A,B,C,D, not {text!r:.80}")
    first, second, third, fourth = names
    return first, second, third, fourth


def check_corners(corners: Corners, size: int) -> None:
    """Raise ControlError, with near names, unless all are styles of this session. size: of the weights."""
    for name in corners:
        why = why_missing(Target(STYLE, name), {STYLE: size}, "there are")
        if why is not None:
            raise ControlError(f"the pad: {why}")


def has_corners(corners: Corners, labels: Sequence[str]) -> bool:
    """Whether a palette has all of these styles."""
    return set(corners) <= set(labels)


class StylePad:
    """The pad of a palette. layout: of its parameters. corners: None for its first four styles."""

    def __init__(self, layout: Layout, corners: Corners | None = None) -> None:
        labels = labels_in(layout.sizes[STYLE])
        named = corners if corners is not None and has_corners(corners, labels) else None
        first = [labels[place % len(labels)] for place in range(4)]
        self._corners = [labels.index(name) for name in named or first]
        self._size, self._weights = len(labels), layout.parts[STYLE]
        self._x, self._y = layout.parts[PAD_X].start, layout.parts[PAD_Y].start

    def weights(self, x: float, y: float) -> Weights:
        """The weights of all styles at a place: float64 (number of styles,), of the sum 1."""
        found = np.zeros(self._size)
        for corner, share in zip(self._corners, ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y), strict=True):
            found[corner] += share
        return found

    def spread(self, moved: Weights, still: Weights) -> None:
        """Add to the weights, in place, what a move on the pad would change of them.

        Args:
            moved: All components of the parameters, as they are modulated.
            still: The same, as they stand.
        """
        x, y = (min(max(float(moved[place]), 0.0), 1.0) for place in (self._x, self._y))
        if x == still[self._x] and y == still[self._y]:
            return
        moved[self._weights] += self.weights(x, y) - self.weights(float(still[self._x]), float(still[self._y]))


def pad_of(layout: Layout, corners: Corners | None = None) -> StylePad | None:
    """The pad for these parameters; None where they are not a palette's."""
    return StylePad(layout, corners) if {STYLE, PAD_X, PAD_Y} <= layout.parts.keys() else None
