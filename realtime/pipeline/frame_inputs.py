"""What an engine is given for a frame: the frame, and what the desk or an automation has for the style's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stylefader.engines.inputs import Array, constrained
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Values
from stylefader.training.packs.inputs import InputSpec


class FrameInputs:
    """Made for the declared inputs of an engine; called for each frame.

    What is no input of the engine, such as the parameters of the output, is left out.
    Faders move the components of a vector one by one, so what they stand at need not keep the vector's constraint: it
    is brought there.
    """

    def __init__(self, inputs: Sequence[InputSpec]) -> None:
        self._names = {spec.name for spec in inputs}
        self._constrained = {spec.name: spec for spec in inputs if spec.constraint != "none"}

    def __call__(self, image: Picture, values: Mapping[str, Values]) -> dict[str, Array]:
        """The inputs by name.

        Args:
            image: uint8 (H, W, 3) RGB.
            values: By parameter, float32 (size,). One without components is no input.
        """
        given: dict[str, Array] = {"frame": image}
        for name, value in values.items():
            if len(value) and name in self._names:
                spec = self._constrained.get(name)
                given[name] = value if spec is None else constrained(spec, value)
        return given
