"""A network's graph in 8 bits: the ranges of a form, put where they belong, and the weights quantised from the pack.

Each output channel's weights are scaled by its own largest one, to 63 and not to 127: without VNNI a processor adds two
products of bytes in 16 bits, which 127 overflows. That cost 5 to 7 dB on a processor held to AVX2; 63 costs 0.5 dB at
most, and gives the same picture everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.int8.places import convolutions, features
from stylefader.training.errors import EngineError

_LEVELS = 256
_MOST = 63


def quantise_graph(
    model: ov.Model, ranges: Mapping[str, tuple[float, float]], floating: Collection[str]
) -> ov.Model:  # fmt: skip
    """The graph with the inputs and weights of its convolutions in 8 bits; it is changed in place.

    Args:
        model: As the network's family gives it.
        ranges: The lowest and highest value at every place of `features`.
        floating: Names of the operations that stay in floating point.

    Raises:
        EngineError: The ranges are of another graph.
    """
    places = features(model, floating)
    if places.keys() != ranges.keys():
        strangers = sorted(places.keys() ^ ranges.keys())
        raise EngineError(f"the int8 form is of another graph ({strangers[0]!r:.40}): quantise again", failure=True)
    for node in convolutions(model, floating).values():
        _quantise_weights(node)
    for name, node in places.items():
        output = node.output(0)
        readers = output.get_target_inputs()
        low, high = (ops.constant(np.float32(end)) for end in ranges[name])
        written = ops.fake_quantize(output, low, high, low, high, _LEVELS).output(0)
        for reader in readers:
            reader.replace_source_output(written)
    return model


def _quantise_weights(node: Any) -> None:
    weights: npt.NDArray[Any] = np.asarray(node.input_value(1).get_node().data, np.float32)
    channels = 1 if node.get_type_name() == "ConvolutionBackpropData" else 0
    axes = tuple(axis for axis in range(weights.ndim) if axis != channels)
    scale = np.maximum(np.abs(weights).max(axes, keepdims=True), np.finfo(np.float32).tiny) / np.float32(_MOST)
    whole = np.clip(np.rint(weights / scale), -_MOST, _MOST).astype(np.int8)
    back = ops.multiply(ops.convert(ops.constant(whole), np.float32), ops.constant(scale))
    node.input(1).replace_source_output(back.output(0))
