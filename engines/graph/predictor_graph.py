"""A palette's prediction network as an OpenVINO model, written straight from the weights: no torch, no tracing.

The same function as `training.networks.predictor.StylePredictor` of one painting; a test holds the two together.
"""

from __future__ import annotations

import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.graph.openvino_parts import (
    Node,
    Weights,
    colours_in,
    mean_and_deviation,
    named_conv,
    picture_input,
)
from stylefader.training.networks.predictor_layout import SPREAD_FLOOR, STAGE_PARTS


def predictor_model(weights: Weights, stages: int, height: int, width: int) -> ov.Model:
    """The model: a painting, uint8 (height, width, 3) RGB, to its style vector, float32 (d,).

    Args:
        weights: float32 by the names of `predictor_shapes`.
        stages: Of the encoder.
        height: Of the painting, in pixels.
        width: Likewise.
    """
    painting = picture_input(height, width, "painting")
    x_NCHW = colours_in(painting)
    seen: list[Node] = []
    for number in range(stages):
        for part, stride in zip(STAGE_PARTS, (2, 1), strict=True):
            x_NCHW = ops.relu(named_conv(x_NCHW, weights, f"stages.{number}.{part}", stride=stride, border="zeros"))
        seen.append(mean_and_deviation(x_NCHW, SPREAD_FLOOR))
    summary = ops.relu(_linear(ops.squeeze(ops.concat(seen, 1), [2, 3]), weights, "hidden"))
    offsets = ops.multiply(ops.constant(weights["spread"]), _linear(summary, weights, "style"))
    style = ops.add(ops.constant(weights["centre"]), offsets)
    return ov.Model([ops.result(ops.squeeze(style, [0]))], [painting], "predictor")


def _linear(x_NF: Node, weights: Weights, name: str) -> Node:
    product = ops.matmul(x_NF, ops.constant(weights[f"{name}.weight"]), False, True)
    return ops.add(product, ops.constant(weights[f"{name}.bias"]))
