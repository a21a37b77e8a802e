"""What an engine is given for a frame: the frame, its mask, and what the desk or an automation has for parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stylefader.engines import Engine
from stylefader.engines.inputs import Array, constrained
from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import STEADY, Values
from stylefader.training.packs.added_inputs import FRAME, MASK
from stylefader.training.packs.inputs import InputSpec


def has_steady(engine: Engine) -> bool:
    """Whether `steady` is an input of an engine's own network: then it is no strength of steadying."""
    return any(spec.name == STEADY for spec in engine.inputs)


class FrameInputs:
    """Made for the inputs of an engine; called for each frame.

    What is no input of the engine, such as the parameters of the output, is left out.
    Faders move the components of a vector one by one, so what they stand at need not keep the vector's constraint: it
    is brought there. Parameters that the engine does not take are left out: those of the outside where it has no mask,
    and those of the source of masks.
    """

    def __init__(self, inputs: Sequence[InputSpec], *, masked: bool = False) -> None:
        """inputs: all that the engine takes. masked: whether it has a mask that its pack does not declare."""
        self._names = {spec.name for spec in inputs}
        self._constrained = {spec.name: spec for spec in inputs if spec.constraint != "none"}
        self._masked = masked

    def __call__(self, image: Picture, values: Mapping[str, Values], mask: Mask | None = None) -> dict[str, Array]:
        """The inputs by name.

        Args:
            image: uint8 (H, W, 3) RGB.
            values: By parameter, float32 (size,). One without components is no input.
            mask: uint8 (H, W); None where all is inside.
        """
        given: dict[str, Array] = {FRAME: image}
        for name, value in values.items():
            if len(value) and name in self._names:
                spec = self._constrained.get(name)
                given[name] = value if spec is None else constrained(spec, value)
        if mask is not None and self._masked:
            given[MASK] = mask
        return given
