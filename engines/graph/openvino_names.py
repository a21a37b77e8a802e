"""The names of an OpenVINO model's inputs, which are those that the pack declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openvino as ov

from stylefader.training.errors import EngineError
from stylefader.training.packs.inputs import InputSpec


def name_inputs(model: ov.Model, specs: Sequence[InputSpec]) -> ov.Model:
    """Give the parameters of a model, which are in the declared order, the names of the inputs."""
    for port, spec in zip(model.inputs, specs, strict=True):
        port.get_node().set_friendly_name(spec.name)
        port.get_tensor().set_names({spec.name})
    return model


def input_places(compiled: Any, specs: Sequence[InputSpec]) -> dict[str, int]:
    """Where each input stands among those of a compiled model. Raises EngineError for a model of other inputs."""
    places = {name: place for place, port in enumerate(compiled.inputs) for name in port.get_names()}
    if len(compiled.inputs) != len(specs) or any(spec.name not in places for spec in specs):
        raise EngineError(f"its graph takes {', '.join(sorted(places)) or 'nothing'}, "
                          f"not {', '.join(spec.name for spec in specs)}")  # fmt: skip
    return {spec.name: places[spec.name] for spec in specs}
