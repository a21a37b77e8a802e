"""An automation with modulations on top: what `render` asks where a mapping has sound or LFOs.

The same sum as live, where the alpha desk makes it: alpha as it was written, kept within the pack's range, and what
the modulations add at the frame's time, kept within it again.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stylefader.realtime.automation.keyframes import AlphaOverTime


class TimedModulation(Protocol):
    """What is added to alpha at a time of the clip."""

    def offsets_at(self, seconds: Fraction, n_blocks: int) -> npt.NDArray[np.float64]:
        """Alpha to add at a time as players show it: float64 (n_blocks,), finite. Times never go back."""
        ...


class ModulatedAutomation:
    """`base` with any number of modulations on top. low, high: the pack's range."""

    def __init__(self, base: AlphaOverTime, *modulations: TimedModulation, low: float, high: float) -> None:
        self._base, self._modulations = base, modulations
        self._low, self._high = low, high

    def check_blocks(self, n_blocks: int) -> None:
        """Raise AutomationError unless the base fits a style with that many blocks."""
        self._base.check_blocks(n_blocks)

    def bounds(self) -> tuple[float, float]:
        """Those of the base: that a modulation goes to the end of the range and stays there is its way."""
        return self._base.bounds()

    def alpha(self, at: Fraction, n_blocks: int) -> npt.NDArray[np.float32]:
        """The strengths at a time in seconds, which never goes back: float32 (n_blocks,)."""
        total = self._base.alpha(at, n_blocks).astype(np.float64).clip(self._low, self._high)
        for modulation in self._modulations:
            total += modulation.offsets_at(at, n_blocks)
        return total.clip(self._low, self._high).astype(np.float32)
