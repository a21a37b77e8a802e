"""How engines compute each network family: its whole frame path as a module, and as OpenVINO's graph.

A family whose module takes the declared inputs as they are, and gives the picture, needs no entry here: the general
way traces that module.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import MAPPED, mask_input, outside, side_inputs
from stylefader.training.packs.families.registry import family_of
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack_header import PackHeader

if TYPE_CHECKING:
    import openvino as ov
    from torch import nn

    from stylefader.engines.graph.rewrite import Rewrites
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

GRAPHS = {
    "single": "stylefader.engines.graph.dynamic_net:DynamicNetGraphs",
    "dual": "stylefader.engines.graph.dynamic_net:DynamicNetGraphs",
    "palette": "stylefader.engines.graph.dynamic_net:DynamicNetGraphs",
    "adain": "stylefader.engines.graph.adain:AdainGraphs",
}
"""`module:class` by the kind of network; kinds that are not here have `GraphFamily` itself."""


class GraphFamily:
    """How engines compute a network family; this class is the general way, and families may have their own.

    The module takes the inputs in their declared order, each an array as declared, without a batch dimension. It gives
    the picture, uint8 (height, width, 3), and has no state.
    """

    openvino_rewrites: str = "none"
    """What is rewritten in OpenVINO's graph, in words, for the key of its engines."""
    floating: tuple[str, ...] = ()
    """Names of the operations that stay in floating point when OpenVINO's graph is quantised."""
    alpha_map: bool = False
    """Whether its alpha, and a palette's style, may be maps: its forms then take `masked`, and with it `mask` and what
    both are outside."""

    def frame_graph(
        self, pack: StylePack | PackFile, height: int | None, width: int | None, *, rewrites: Rewrites | None = None,
        half: bool = False, masked: bool = False,
    ) -> nn.Module:  # fmt: skip
        """The whole numeric path as a module: inputs in the order of `graph_inputs` to the picture, in eval mode.

        Args:
            pack: Whose weights.
            height: Of the picture; None leaves it to each frame, for exports.
            width: Likewise.
            rewrites: Exact changes of the graph; a family that has none takes no notice.
            half: The network in fp16.
            masked: With a mask; without effect where alpha can be no map.

        Raises:
            EngineError: The family has no such form.
        """
        if half:
            raise EngineError(f"networks of kind {pack.header.kind} have no fp16 form: use f32")
        module: nn.Module = pack.network()
        return module

    def padded_graph(
        self, pack: StylePack | PackFile, precision: str, rewrites: Rewrites, *, masked: bool = False
    ) -> nn.Module:
        """The path without its ends, for compilers that know no uint8: images of padded size as numbers 0..255."""
        raise EngineError(f"networks of kind {pack.header.kind} have no form for TensorRT by Torch-TensorRT")

    def openvino_model(self, pack: StylePack | PackFile, height: int, width: int, *, masked: bool = False) -> ov.Model:
        """The whole path as an OpenVINO model, whose parameters have the names and the order of the inputs."""
        from stylefader.engines.graph.openvino_tracing import traced_model

        return traced_model(self.frame_graph(pack, height, width), pack.header, height, width)


def graphs_of(header: PackHeader) -> GraphFamily:
    """How engines compute the network of a pack with this header."""
    entry = GRAPHS.get(header.kind)
    if entry is None:
        return GraphFamily()
    module, _, class_name = entry.partition(":")
    family: GraphFamily = getattr(importlib.import_module(module), class_name)()
    return family


def graph_inputs(header: PackHeader, *, masked: bool = False) -> tuple[InputSpec, ...]:
    """What the compiled graph of a pack takes, in its order: what the pack declares, and what makes maps of it."""
    inputs = header.inputs
    if not masked or not graphs_of(header).alpha_map:
        return inputs
    sides = tuple(spec for spec in side_inputs(inputs) if spec.name in map(outside, MAPPED))
    return (*inputs, *sides, *mask_input(inputs)) if sides else inputs


def network_key(header: PackHeader, *, masked: bool = False) -> dict[str, Any]:
    """What makes a network another one beside its weights, as the keys of engines and measurements have it."""
    return {
        "network": header.kind, "architecture": header.architecture, "width": header.width, "places": header.places,
        "inputs": tuple(spec.words for spec in graph_inputs(header, masked=masked)),
    }  # fmt: skip


def full_size_channels(header: PackHeader) -> int:
    """Channels of the features at full size, by which memory is estimated."""
    return family_of(header.kind).channels(header)
