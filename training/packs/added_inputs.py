"""What every engine takes beside the inputs of a pack: `mix` and `colour`, and with a mask both sides' strengths.

They need nothing of the network but a picture of the frame's size, so no pack declares them. A pack whose own inputs
have one of these names keeps its own. Whatever is outside of a mask has the name of the inside with `_outside` at its
end: `alpha_outside`, `style_outside`, `mix_outside`, `colour_outside`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stylefader.training.packs.inputs import InputSpec

FRAME, ALPHA, STYLE, MIX, COLOUR, MASK = "frame", "alpha", "style", "mix", "colour", "mask"
MAPPED = (ALPHA, STYLE)
"""Inputs of a network that a mask makes maps of: one value inside, another outside."""
MIX_OUTSIDE = 0.0
"""Mix outside of a mask by default: the original, so that a mask shows at once."""
_OUTSIDE = "_outside"


def outside(name: str) -> str:
    """What an input of the inside is called outside of the mask."""
    return f"{name}{_OUTSIDE}"


FOLLOWS = {outside(STYLE): STYLE}
"""Inputs that are, where they are not given, what another one is: the style outside of a mask is that of the inside."""


_SHARE = InputSpec(name=MIX, kind="vector", shape=(1,), dtype="float32", low=0.0, high=1.0, default=1.0, live=True)
_MIX = replace(_SHARE, meaning="from the original picture (0) to the stylized one (1)")
_COLOUR = replace(
    _SHARE, name=COLOUR, default=0.0, meaning="from the style's colours (0) to those of the original picture (1)"
)
_MASK = InputSpec(
    name=MASK, kind="mask", shape=("H", "W"), dtype="uint8", low=0.0, high=255.0, default=255.0,
    meaning="where the picture is inside (255) and where outside (0)",
)  # fmt: skip
_SIDE_MIX = replace(_MIX, name=outside(MIX), default=MIX_OUTSIDE, meaning="mix outside of the mask")
_SIDE_COLOUR = replace(_COLOUR, name=outside(COLOUR), meaning="colour outside of the mask")


def stylizes(inputs: Iterable[InputSpec]) -> bool:
    """Whether a network with these inputs makes its picture of a frame, so that both can be mixed."""
    return any(spec.name == FRAME and spec.kind == "image" and spec.sized for spec in inputs)


def has_own_mask(inputs: Iterable[InputSpec]) -> bool:
    """Whether a network has an input of its own by the name of the mask; it can then have no other."""
    return any(spec.name == MASK for spec in inputs)


def finishing_inputs(inputs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    """What is done to the picture of a network with these inputs: `mix` and `colour`, where they can be had."""
    return _but_own((_MIX, _COLOUR), inputs) if stylizes(inputs) else ()


def side_inputs(inputs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    """What the outside of a mask has of its own for a network with these inputs; nothing where no mask can be had."""
    if not stylizes(inputs) or has_own_mask(inputs):
        return ()
    mapped = (spec for spec in inputs if spec.name in MAPPED and spec.kind == "vector")
    there = {spec.name for spec in finishing_inputs(inputs)}
    finishing = (spec for name, spec in ((MIX, _SIDE_MIX), (COLOUR, _SIDE_COLOUR)) if name in there)
    named = (replace(spec, name=outside(spec.name), meaning=f"{spec.name} outside of the mask") for spec in mapped)
    return _but_own((*named, *finishing), inputs)


def mask_input(inputs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    """The mask itself; nothing where none can be had."""
    return (_MASK,) if stylizes(inputs) and not has_own_mask(inputs) else ()


def _but_own(added: Iterable[InputSpec], inputs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    own = {spec.name for spec in inputs}
    return tuple(spec for spec in added if spec.name not in own)
