"""A style that is asked for in a live session, with the values that come with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Values, carried_over
from stylefader.realtime.parameters.targets import Target


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A style that was asked for, and what its parameters fade to with it.

    values: By parameter, (size,) or one value each; those that are not there stay as they stand.
    scene: The name of what asked for them, if it has one.
    """

    style: int
    fade_s: float
    values: Mapping[str, Values] = field(default_factory=dict)
    scene: str | None = None


def fade(desk: AlphaDesk, wanted: Wanted, at_ns: int) -> None:
    """Let a desk glide to the values, in the time of the cross-fade."""
    for name, values in wanted.values.items():
        if name in desk.parameters:
            value = values[0] if len(values) == 1 else carried_over(values, desk.parameters[name].size)
            desk.glide(Target(name), value, wanted.fade_s, at_ns)
