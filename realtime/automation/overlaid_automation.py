"""An automation with some parameters taken from other ones: a file, and beside it what the command line says of mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from stylefader.realtime.automation.keyframes import AlphaOverTime, Automation
from stylefader.realtime.parameters.parameter import ALPHA, Parameter, Values
from stylefader.realtime.parameters.targets import Sizes
from stylefader.training.errors import AutomationError


class OverlaidAutomation:
    """`base`, but for the parameters in `over`, which have an automation of their own each.

    Raises AutomationError where both move a parameter by keyframes.
    """

    def __init__(self, base: AlphaOverTime, over: Mapping[str, Automation]) -> None:
        self._base, self._over = base, dict(over)
        for name, automation in over.items():
            if isinstance(base, Automation) and name in base.names:
                raise AutomationError(f"{base.origin} moves {name} already: give it there, or by {automation.origin}")

    def check(self, sizes: Sizes) -> None:
        """Raise AutomationError unless all are for parameters of these sizes."""
        self._base.check(sizes)
        for automation in self._over.values():
            automation.check(sizes)

    def bounds(self, name: str = ALPHA) -> tuple[float, float] | None:
        """Smallest and largest value of a parameter that is asked for; None where nothing moves it."""
        return self._over[name].bounds(name) if name in self._over else self._base.bounds(name)

    def values(self, at: Fraction, parameters: Sequence[Parameter]) -> dict[str, Values]:
        """Every parameter at a time in seconds, float32 (size,) each."""
        found = self._base.values(at, parameters)
        for parameter in parameters:
            if parameter.name in self._over:
                found |= self._over[parameter.name].values(at, [parameter])
        return found
