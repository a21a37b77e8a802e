"""An automation with one more parameter that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from stylefader.realtime.automation.keyframes import AlphaOverTime
from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.realtime.parameters.targets import Sizes, Target, why_missing
from stylefader.training.errors import AutomationError


class HeldValue:
    """`base`, and all components of the parameter `name` at `value` throughout.

    origin: where the value was given, for error messages. Raises AutomationError where `base` moves that itself.
    """

    def __init__(self, base: AlphaOverTime, name: str, value: float, *, origin: str) -> None:
        if base.bounds(name) is not None:
            raise AutomationError(f"{origin}: the automation moves {name} already")
        self._base, self._name, self._value, self._origin = base, name, value, origin

    def check(self, sizes: Sizes) -> None:
        """Raise AutomationError unless it is for parameters of these sizes."""
        self._base.check(sizes)
        if (why := why_missing(Target(self._name), sizes)) is not None:
            raise AutomationError(f"{self._origin}: {why}")

    def bounds(self, name: str = "alpha") -> tuple[float, float] | None:
        """Smallest and largest value of a parameter; None where it does not move that."""
        return (self._value, self._value) if name == self._name else self._base.bounds(name)

    def values(self, at: Fraction, parameters: Sequence[Parameter]) -> dict[str, Values]:
        """Every parameter at a time in seconds, float32 (size,) each."""
        values = self._base.values(at, parameters)
        values[self._name] = np.full(values[self._name].shape, self._value, np.float32)
        return values
