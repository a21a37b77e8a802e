"""A mask in OpenVINO's graph of a style: every strength of a tuning-block becomes a map. Needs no torch.

It changes a finished graph, so it is the same for a graph in floating point and a quantised one, whatever the network
is made of: `alpha` is gathered there, number by number, and what is gathered is put in a map's place. The ranges of a
quantised graph hold for the maps as well, which are between two alphas.

A palette's `style` is split there, and maps are put in the place of the parts, as in `style_maps.py`. A part's map is
no array: OpenVINO computes it where it multiplies the features with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.graph.families import graph_inputs
from stylefader.engines.graph.openvino_names import name_inputs
from stylefader.engines.graph.openvino_parts import Node, edges_repeated
from stylefader.engines.graph.sizes import padded
from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import ALPHA, MASK, STYLE, outside
from stylefader.training.packs.pack_header import PackHeader


def with_mask(model: ov.Model, header: PackHeader, height: int, width: int) -> ov.Model:
    """Give a model, in place, the inputs of `graph_inputs` for a mask; one without `alpha` stays as it is.

    Args:
        model: For frames of one size, its inputs named.
        header: Of its pack.
        height: Of its frames, in pixels.
        width: Likewise.

    Raises:
        EngineError: Its alpha is not gathered number by number before features.
    """
    specs = graph_inputs(header, masked=True)
    if MASK not in (spec.name for spec in specs):
        return model
    alpha = next(port.get_node() for port in model.inputs if ALPHA in port.get_names())
    strengths = _following(alpha, "Gather")
    beyond = ops.parameter(list(alpha.get_output_shape(0)), np.float32, name=outside(ALPHA))
    mask = ops.parameter([height, width], np.uint8, name=MASK)
    others = ops.reshape(beyond, [-1, 1, 1, 1, 1], special_zero=False)
    wide = _wide(mask, height, width)
    if len(strengths) != alpha.get_output_shape(0)[0]:
        raise EngineError(f"the graph of {header.name} takes no mask: {len(strengths)} strengths are in it",
                          failure=True)  # fmt: skip
    sizes: dict[int, Node] = {}

    def share_at(node: Node) -> Node:
        stride = padded(width) // _features_width(node, header)
        if stride not in sizes:
            sizes[stride] = _averaged(wide, stride)
        return sizes[stride]

    for strength in strengths:
        share, readers = share_at(strength), strength.output(0).get_target_inputs()
        other = ops.gather(others, strength.input_value(1), strength.input_value(2))
        rest = ops.multiply(ops.subtract(np.float32(1), share), other)
        _read_instead(readers, ops.add(ops.multiply(share, strength.output(0)), rest))
    added = [beyond, *_style_maps(model, share_at), mask]
    model.add_parameters(added)
    model.validate_nodes_and_infer_types()
    return name_inputs(model, specs)


def _style_maps(model: ov.Model, share_at: Callable[[Node], Node]) -> list[Node]:
    """Put maps in the place of a style's parts; the parameter for the style of the outside, none without a style."""
    styles = [port.get_node() for port in model.inputs if STYLE in port.get_names()]
    if not styles:
        return []
    beyond = ops.parameter(list(styles[0].get_output_shape(0)), np.float32, name=outside(STYLE))
    (split,) = _following(styles[0], "VariadicSplit")
    others = ops.variadic_split(beyond, split.input_value(1), split.input_value(2))
    for number, part in enumerate(split.outputs()):
        for reshape in (reader.get_node() for reader in part.get_target_inputs()):
            share, readers = share_at(reshape), reshape.output(0).get_target_inputs()
            other = ops.reshape(others.output(number), reshape.input_value(1), special_zero=False)
            apart = ops.subtract(reshape.output(0), other)
            _read_instead(readers, ops.add(other, ops.multiply(share, apart)))
    return [beyond]


def _read_instead(readers: Iterable[Any], node: Node) -> None:
    """Let inputs read a node."""
    for reader in readers:
        reader.replace_source_output(node.output(0))


def _wide(mask: Node, height: int, width: int) -> Node:
    """From 0 to 1, (1, 1, height, width) of the padded size."""
    # A division, since 255 times a rounded 1/255 is not 1 in bf16.
    share = ops.divide(ops.convert(mask, np.float32), np.float32(255))
    # In int8 OpenVINO takes that for a quantised feature, moves the division into all maps, and changes layouts for it.
    return edges_repeated(ops.unsqueeze(ops.minimum(share, np.float32(1)), [0, 1]), height, width)


def _averaged(share: Node, stride: int) -> Node:
    if stride == 1:
        return share
    return ops.avg_pool(share, [stride] * 2, [0, 0], [0, 0], [stride] * 2, True)


def _readers(node: Node) -> list[Node]:
    return [reader.get_node() for reader in node.output(0).get_target_inputs()]


def _following(node: Node, kind: str) -> list[Node]:
    """The nodes of a kind that read a node, or what was only reshaped or quantised of it, in a fixed order."""
    found: list[Node] = []
    waiting = [node]
    while waiting:
        for reader in _readers(waiting.pop()):
            if reader.get_type_name() == kind:
                found.append(reader)
            elif reader.get_type_name() in ("Reshape", "FakeQuantize", "Convert", "Unsqueeze"):
                waiting.append(reader)
    return found


def _features_width(strength: Node, header: PackHeader) -> int:
    """The width of the features that a strength is multiplied with."""
    node = strength
    while node.get_output_partial_shape(0).rank.get_length() < 4 or node.get_output_shape(0)[3] == 1:
        readers = _readers(node)
        if not readers or readers[0].get_type_name() == "Result":
            raise EngineError(f"the graph of {header.name} takes no mask: a strength meets no features", failure=True)
        node = readers[0]
    return int(node.get_output_shape(0)[3])
