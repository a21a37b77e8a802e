"""The fade-in: one fader rides mix first and alpha after it, so that it begins at the original picture.

The lowest part of alpha's way, `share` of it, brings mix from 0 to where it stands, with alpha at 0; the rest of the
way brings alpha from 0 to its end. It is done where the desk's values go to the frames, so it holds for every control
and for automation alike; targets, scenes and what faders show stay positions of the fader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.training.errors import ControlError
from stylefader.training.packs.added_inputs import ALPHA, MIX, outside

_SIDES = ((ALPHA, MIX), (outside(ALPHA), outside(MIX)))


def check_fade_in(share: float | None) -> float:
    """The share of a fade-in; 0 where there is none. Raises ControlError unless it is from 0 to below 1."""
    if share is None:
        return 0.0
    if not (isinstance(share, int | float) and 0 <= share < 1):
        raise ControlError(f"a fade-in is a share of alpha's way from 0 to below 1, such as 0.3, not {share!r:.80}")
    return float(share)


class FadeIn:
    """Made for the parameters of a style; called with the values of a moment.

    Where alpha goes below 0 as well, both ways from 0 begin like that. A style of several tuning-blocks has one mix, so
    the block whose fader is the furthest along brings it.
    """

    def __init__(self, parameters: Sequence[Parameter], share: float) -> None:
        there = {parameter.name: parameter for parameter in parameters}
        self._share = share
        self._sides = [
            (there[alpha], mix) for alpha, mix in _SIDES if alpha in there and there[alpha].size and mix in there
        ] if share else []  # fmt: skip

    def __call__(self, values: Mapping[str, Values]) -> dict[str, Values]:
        """Values by parameter, float32 (size,) each, as the frame is to have them."""
        changed = dict(values)
        for alpha, mix in self._sides:
            low, high = np.array(alpha.low, np.float32), np.array(alpha.high, np.float32)
            zero = np.clip(np.float32(0), low, high)
            way = values[alpha.name] - zero
            whole = np.where(way < 0, zero - low, high - zero)
            begun = np.float32(self._share) * whole
            along = np.divide(np.abs(way), begun, out=np.ones_like(way), where=begun > 0)
            changed[mix] = values[mix] * np.float32(min(1.0, float(along.max())))
            beyond = np.sign(way) * np.maximum(np.abs(way) - begun, 0) / np.float32(1 - self._share)
            changed[alpha.name] = (zero + beyond).astype(np.float32)
        return changed
