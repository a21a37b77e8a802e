"""What an engine is given for a frame: the frame, and what the desk or an automation has for the style's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stylefader.engines.inputs import Array
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Values
from stylefader.training.packs.inputs import InputSpec

_LEAST = 1e-6


class FrameInputs:
    """Made for the declared inputs of an engine; called for each frame.

    Faders move the components of a vector one by one, so what they stand at need not keep the vector's constraint: it
    is brought there. A `simplex` is divided by its sum and a `sphere` by its root mean square; where all of it is
    zero, which no factor helps, it is the default.
    """

    def __init__(self, inputs: Sequence[InputSpec]) -> None:
        self._constrained = {
            spec.name: (spec.constraint, _default(spec))
            for spec in inputs
            if spec.kind == "vector" and spec.constraint != "none"
        }

    def __call__(self, image: Picture, values: Mapping[str, Values]) -> dict[str, Array]:
        """The inputs by name.

        Args:
            image: uint8 (H, W, 3) RGB.
            values: By parameter, float32 (size,). One without components is no input.
        """
        given: dict[str, Array] = {"frame": image}
        for name, value in values.items():
            if len(value):
                given[name] = self._kept(name, value) if name in self._constrained else value
        return given

    def _kept(self, name: str, value: Values) -> Values:
        constraint, default = self._constrained[name]
        wide = value.astype(np.float64)
        if constraint == "simplex":
            wide = wide.clip(0)
        size = wide.sum() if constraint == "simplex" else np.sqrt(np.mean(wide * wide))
        return (wide / size).astype(np.float32) if size > _LEAST else default


def _default(spec: InputSpec) -> Values:
    """Its default, or without one what is even in all components."""
    size = int(spec.shape[0])
    if spec.default is None:
        return np.full(size, 1 / size if spec.constraint == "simplex" else 1, np.float32)
    return np.broadcast_to(np.asarray(spec.default, np.float32), (size,)).copy()
