"""Weights of a palette's styles as people write them: `starry_night=0.5,great_wave=0.5`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from stylefader.realtime.parameters.targets import Components, Target, why_missing
from stylefader.training.errors import ControlError
from stylefader.training.packs.added_inputs import STYLE
from stylefader.training.packs.pack_file import PackFile


def parse_weights(text: str) -> dict[str, float]:
    """Weights by the names of styles. Raises ControlError for what is no `NAME=NUMBER,...`."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (word.strip() for word in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not name or not math.isfinite(value):
            raise ControlError(f"weights are NAME=NUMBER,..., as in starry_night=0.5,great_wave=0.5, not {text!r:.80}")
        if name in found:
            raise ControlError(f"the weights have {name} twice")
        found[name] = value
    return found


def check_weights(weights: Mapping[str, float], pack: PackFile) -> None:
    """Raise ControlError, with near names, unless these are weights for a palette."""
    palette = pack.network_pack
    if not palette.header.styles:
        raise ControlError(f"weights are for the styles of a palette: {palette.style} is one style")
    labels = Components(len(palette.header.styles), [one.name for one in palette.header.styles])
    for name, value in weights.items():
        why = why_missing(Target(STYLE, name), {STYLE: labels}, f"{palette.style} has")
        if why is not None:
            raise ControlError(why)
        if not 0 <= value <= 1:
            raise ControlError(f"a weight is from 0 to 1, not {value:g} for {name}")
    if not any(weights.values()):
        raise ControlError("the weights are all 0: give one of them above 0, as in starry_night=1")
