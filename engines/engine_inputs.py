"""All inputs of an engine: those that its graph takes, and those of the finishing step behind it."""

from __future__ import annotations

from typing import TypedDict

from stylefader.engines.graph.families import graph_inputs
from stylefader.training.packs.added_inputs import MAPPED, finishing_inputs, mask_input, outside, side_inputs
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack_header import PackHeader


class EngineInputs(TypedDict):
    """What `Engine` is made with.

    inputs: of the compiled network, in its order. finishing: of what is done to its picture. masked: whether a mask is
    among them that no pack declares.
    """

    inputs: tuple[InputSpec, ...]
    finishing: tuple[InputSpec, ...]
    masked: bool


def engine_inputs(header: PackHeader, *, masked: bool = False) -> EngineInputs:
    """The inputs of an engine for a pack.

    Args:
        header: Of the pack.
        masked: Whether there is a mask, where the network can have one. Where its alpha cannot be a map, or it has
            none, the mask parts mix and colour alone.
    """
    graph, finishing = graph_inputs(header, masked=masked), finishing_inputs(header.inputs)
    mask = mask_input(header.inputs) if masked else ()
    if mask:
        in_graph = {spec.name for spec in graph}
        sides = (spec for spec in side_inputs(header.inputs) if spec.name not in map(outside, MAPPED))
        finishing = (*finishing, *sides, *(spec for spec in mask if spec.name not in in_graph))
    return EngineInputs(inputs=graph, finishing=finishing, masked=bool(mask))
