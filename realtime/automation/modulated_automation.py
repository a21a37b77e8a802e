"""An automation with modulations on top: what `render` asks where a mapping has sound or LFOs.

The same sum as live, where the alpha desk makes it: values as they were written, kept within their ranges, and what
the modulations add at the frame's time, kept within it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stylefader.realtime.automation.keyframes import AlphaOverTime
from stylefader.realtime.parameters.parameter import ALPHA, Layout, Parameter, Values
from stylefader.realtime.parameters.style_pad import Corners, pad_of
from stylefader.realtime.parameters.targets import Sizes


class TimedModulation(Protocol):
    """What is added to the parameters at a time of the clip."""

    def offsets_at(self, seconds: Fraction, layout: Layout) -> npt.NDArray[np.float64]:
        """What to add at a time as players show it: float64 (layout.size,), finite. Times never go back."""
        ...


class ModulatedAutomation:
    """`base` with any number of modulations on top.

    parameters: what the style declares. corners: the styles at the corners of a palette's pad.
    """

    def __init__(
        self,
        base: AlphaOverTime,
        *modulations: TimedModulation,
        parameters: Sequence[Parameter],
        corners: Corners | None = None,
    ) -> None:
        self._base, self._modulations = base, modulations
        self._parameters, self._layout = tuple(parameters), Layout(parameters)
        self._pad = pad_of(self._layout, corners)
        self._low = np.array([value for parameter in parameters for value in parameter.low], np.float64)
        self._high = np.array([value for parameter in parameters for value in parameter.high], np.float64)

    def check(self, sizes: Sizes) -> None:
        """Raise AutomationError unless the base is for parameters of these sizes."""
        self._base.check(sizes)

    def bounds(self, name: str = ALPHA) -> tuple[float, float] | None:
        """The extremes of the base; a modulation is expected to reach the ends of the range."""
        return self._base.bounds(name)

    def values(self, at: Fraction, parameters: Sequence[Parameter]) -> dict[str, Values]:
        """The parameters at a time in seconds, which never goes back: float32 (size,) each, by name."""
        base = self._base.values(at, self._parameters)
        total = np.concatenate([base[parameter.name] for parameter in self._parameters]).astype(np.float64)
        total = total.clip(self._low, self._high)
        still = total.copy()
        for modulation in self._modulations:
            total += modulation.offsets_at(at, self._layout)
        if self._pad is not None:
            self._pad.spread(total, still)
        found = self._layout.split(total.clip(self._low, self._high))
        return {parameter.name: found[parameter.name] for parameter in parameters}
