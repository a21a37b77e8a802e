"""A family's module as an OpenVINO model, by tracing it: for networks without a hand-written graph. Needs torch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import openvino as ov
import torch

from stylefader.engines.example_inputs import example_inputs
from stylefader.engines.graph.openvino_names import name_inputs
from stylefader.training.errors import EngineError, first_line
from stylefader.training.packs.pack_header import PackHeader

if TYPE_CHECKING:
    from torch import nn


def traced_model(graph: nn.Module, header: PackHeader, height: int, width: int) -> ov.Model:
    """Trace a frame graph at one size.

    Args:
        graph: Takes the inputs in their declared order and gives the picture.
        header: Of the pack, for its inputs.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Raises:
        EngineError: OpenVINO cannot convert it, or an input has no effect in it.
    """
    values = example_inputs(header.inputs, height, width)
    tensors = tuple(torch.from_numpy(values[spec.name]) for spec in header.inputs)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ov.convert_model(graph.eval(), example_input=tensors)
            if len(model.inputs) != len(tensors):
                raise EngineError(f"{header.name} does not use all of its inputs", failure=True)
            model.reshape({place: list(tensor.shape) for place, tensor in enumerate(tensors)})
    except RuntimeError as error:
        raise EngineError(f"cannot convert {header.name} for OpenVINO: {first_line(error)}", failure=True) from error
    return name_inputs(model, header.inputs)
