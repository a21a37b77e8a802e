"""A style that is asked for in a live session, with the values that come with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Parameter, Values, carried_over
from stylefader.realtime.parameters.targets import Target, parse_target


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


def without(wanted: Wanted, names: Collection[str]) -> Wanted:
    """The same without the values of some parameters."""
    return replace(wanted, values={name: values for name, values in wanted.values.items() if name not in names})


def whole_vectors(values: Mapping[str, Values], parameters: Iterable[Parameter]) -> dict[str, Values]:
    """Values by parameter, where some are given by the names of components, as `style/starry_night`.

    Such a parameter is given whole: components that are not named are 0. Names that it does not have are left out.
    """
    named = {one.name: one for one in parameters if one.labels}
    found: dict[str, Values] = {}
    for text, value in values.items():
        target = parse_target(text)
        if target is None or not isinstance(target.component, str):
            found[text] = value
        elif target.name in named:
            parameter = named[target.name]
            whole = found.setdefault(target.name, np.zeros(parameter.size, np.float32))
            place = parameter.place(target.component)
            if place is not None:
                whole[place] = value[0]
    return found
