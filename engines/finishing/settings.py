"""What is to be done to a network's picture, read from the inputs of a call: nothing at all by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import COLOUR, MASK, MIX, MIX_OUTSIDE, outside


@dataclass(frozen=True)
class Side:
    """`mix` and `colour` of one side of the mask, or of the whole picture."""

    mix: float = 1.0
    colour: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether the network's picture stays as it is."""
        return self.mix == 1 and self.colour == 0


@dataclass(frozen=True)
class Finish:
    """What to do to a picture. outside: of the mask; None where the whole picture is inside.

    mask: uint8 (H, W), an array or a tensor; None where there is no outside.
    """

    inside: Side
    outside: Side | None = None
    mask: Any = None

    @property
    def plain(self) -> bool:
        """Whether the network's picture stays as it is."""
        return self.inside.plain and (self.outside is None or self.outside.plain)


UNTOUCHED = Finish(Side())
"""The network's own picture."""


def read_finish(values: Mapping[str, Any], *, masked: bool) -> Finish:
    """What the inputs of a call ask for.

    Args:
        values: Arrays by name, of the types and shapes that were declared; those that are missing have their defaults.
        masked: Whether `mask` is among them.

    Raises:
        EngineError: A number is not from 0 to 1.
    """
    inside = Side(_share(values, MIX, 1.0), _share(values, COLOUR, 0.0))
    if not masked:
        return Finish(inside)
    beyond = Side(_share(values, outside(MIX), MIX_OUTSIDE), _share(values, outside(COLOUR), 0.0))
    return Finish(inside) if beyond == inside else Finish(inside, beyond, values[MASK])


def _share(values: Mapping[str, Any], name: str, default: float) -> float:
    if name not in values:
        return default
    value = float(values[name][0])
    if not 0 <= value <= 1:
        raise EngineError(f"{name} must be from 0 to 1, not {value:g}")
    return value
