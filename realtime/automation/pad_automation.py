"""An automation of a palette whose weights come from the place on the pad."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from stylefader.realtime.automation.keyframes import AlphaOverTime
from stylefader.realtime.parameters.parameter import ALPHA, PAD_X, PAD_Y, Parameter, Values
from stylefader.realtime.parameters.style_pad import StylePad
from stylefader.realtime.parameters.targets import Sizes
from stylefader.training.packs.added_inputs import STYLE


class PadAutomation:
    """`base`, and the weights of the styles where `pad_x` and `pad_y` of it are on the pad."""

    def __init__(self, base: AlphaOverTime, pad: StylePad) -> None:
        self._base, self._pad = base, pad

    def check(self, sizes: Sizes) -> None:
        """Raise AutomationError unless the base is for parameters of these sizes."""
        self._base.check(sizes)

    def bounds(self, name: str = ALPHA) -> tuple[float, float] | None:
        """Smallest and largest value of a parameter; None where it does not move that."""
        return (0.0, 1.0) if name == STYLE else self._base.bounds(name)

    def values(self, at: Fraction, parameters: Sequence[Parameter]) -> dict[str, Values]:
        """Every parameter at a time in seconds, float32 (size,) each."""
        found = self._base.values(at, parameters)
        x, y = (min(max(float(found[name][0]), 0.0), 1.0) for name in (PAD_X, PAD_Y))
        return found | {STYLE: self._pad.weights(x, y).astype(np.float32)}
