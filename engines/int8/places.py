"""Where a network's graph is quantised: its convolutions, and the features that go into them.

Norms and sums stay in floating point. With the features before them in 8 bits as well, as NNCF does it, pictures lost
2 to 4 dB and no time was gained (lite and full, with AMX and with AVX2 alone).

A place is named by the first convolution that takes its features, counted in the graph's own order: `convolution 3`.
So a name means the same for every frame size, and no graph has to be kept.
"""

from __future__ import annotations

from collections.abc import Collection

import openvino as ov

from stylefader.engines.graph.openvino_parts import Node

CONVOLUTIONS = ("Convolution", "ConvolutionBackpropData")
_UNCHANGED = ("Pad", "DepthToSpace", "SpaceToDepth")
"""Operations that only move values: what is quantised before them is quantised behind them."""


def convolutions(model: ov.Model, floating: Collection[str]) -> dict[str, Node]:
    """The convolutions that are quantised, by name. floating: names of operations that stay in floating point."""
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() in CONVOLUTIONS]
    return {
        f"convolution {number}": node
        for number, node in enumerate(nodes)
        if node.get_friendly_name() not in floating
    }  # fmt: skip


def features(model: ov.Model, floating: Collection[str]) -> dict[str, Node]:
    """The operations whose output goes into those convolutions, by the name of the first that takes it."""
    found: dict[str, Node] = {}
    seen: set[str] = set()
    for name, node in convolutions(model, floating).items():
        giver = node.input_value(0).get_node()
        while giver.get_type_name() in _UNCHANGED:
            giver = giver.input_value(0).get_node()
        if giver.get_name() not in seen:
            seen.add(giver.get_name())
            found[name] = giver
    return found
