"""What an engine is given for a frame: the frame, its mask, and what the desk or an automation has for parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stylefader.engines import Engine
from stylefader.engines.inputs import Array, constrained
from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import STEADY, Values
from stylefader.realtime.pipeline.style_mixer import StyleMixer, Vectors
from stylefader.training.packs.added_inputs import FRAME, MASK
from stylefader.training.packs.inputs import InputSpec


def has_steady(engine: Engine) -> bool:
    """Whether `steady` is an input of an engine's own network: then it is no strength of steadying."""
    return any(spec.name == STEADY for spec in engine.inputs)


class FrameInputs:
    """Made for the inputs of an engine; called for each frame.

    What is no input of the engine, such as the parameters of the output, is left out.
    The weights of a palette's styles become its style vector.
    Faders move the components of a vector one by one, so what they stand at need not keep the vector's constraint: it
    is brought there. Parameters that the engine does not take are left out: those of the outside where it has no mask,
    and those of the source of masks.
    """

    def __init__(
        self,
        inputs: Sequence[InputSpec],
        *,
        masked: bool = False,
        styles: Mapping[str, Vectors] | None = None,
        under_way: int = 1,
    ) -> None:
        """See the class.

        Args:
            inputs: All that the engine takes.
            masked: Whether it has a mask that its pack does not declare.
            styles: Of a palette the style vectors by name, float32 (d,); None for other packs.
            under_way: How many frames the engine may be reading while another one begins.
        """
        self._names = {spec.name for spec in inputs}
        self._constrained = {spec.name: spec for spec in inputs if spec.constraint != "none"}
        self._masked = masked
        self.mixer = StyleMixer(styles, list(self._names), under_way=under_way) if styles else None

    def allow(self, under_way: int) -> None:
        """Another engine with the same inputs reads them from now on, with so many frames under way."""
        if self.mixer is not None:
            self.mixer.allow(under_way)

    def __call__(self, image: Picture, values: Mapping[str, Values], mask: Mask | None = None) -> dict[str, Array]:
        """The inputs by name.

        Args:
            image: uint8 (H, W, 3) RGB.
            values: By parameter, float32 (size,). One without components is no input.
            mask: uint8 (H, W); None where all is inside.
        """
        given: dict[str, Array] = {FRAME: image}
        mixed = {} if self.mixer is None else self.mixer(values)
        given |= mixed
        for name, value in values.items():
            if name not in mixed and len(value) and name in self._names:
                spec = self._constrained.get(name)
                given[name] = value if spec is None else constrained(spec, value)
        if mask is not None and self._masked:
            given[MASK] = mask
        return given
