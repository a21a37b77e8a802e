"""Where a network's graph is quantised: its convolutions, and the features that go into them.

Norms and sums stay in floating point. With the features before them in 8 bits as well, as NNCF does it, pictures lost
2 to 4 dB and no time was gained (lite and full, with AMX and with AVX2 alone).

A place is named by the kind of the operation that gives the features and its number among those of that kind, in the
graph's own order: `Relu 3`. So a name means the same for every frame size, and no graph has to be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import openvino as ov

Node = Any
CONVOLUTIONS = ("Convolution", "ConvolutionBackpropData")
_UNCHANGED = ("Pad", "DepthToSpace", "SpaceToDepth")
"""Operations that only move values: what is quantised before them is quantised behind them."""


def named_nodes(model: ov.Model) -> dict[str, Node]:
    """Every operation by its name as a place."""
    numbers: Counter[str] = Counter()
    found = {}
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        found[f"{kind} {numbers[kind]}"] = node
        numbers[kind] += 1
    return found


def convolutions(model: ov.Model, floating: Collection[str]) -> list[Node]:
    """The convolutions that are quantised. floating: names of operations that stay in floating point."""
    return [
        node
        for node in model.get_ordered_ops()
        if node.get_type_name() in CONVOLUTIONS and node.get_friendly_name() not in floating
    ]


def features(model: ov.Model, floating: Collection[str]) -> dict[str, Node]:
    """The operations whose output goes into those convolutions, by their names as places."""
    names = {node.get_name(): name for name, node in named_nodes(model).items()}
    found = {}
    for node in convolutions(model, floating):
        giver = node.input_value(0).get_node()
        while giver.get_type_name() in _UNCHANGED:
            giver = giver.input_value(0).get_node()
        found[names[giver.get_name()]] = giver
    return found
