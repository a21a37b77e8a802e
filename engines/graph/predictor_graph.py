"""A palette's prediction network as an OpenVINO model, written straight from the weights: no torch, no tracing.

The same function as `training.networks.predictor.StylePredictor` of one painting; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.networks.predictor_layout import SPREAD_FLOOR, STAGE_PARTS

Array = npt.NDArray[Any]
Node = Any  # openvino.Node and openvino.Output, which its operators take alike


def predictor_model(weights: Mapping[str, Array], stages: int, height: int, width: int) -> ov.Model:
    """The model: a painting, uint8 (height, width, 3) RGB, to its style vector, float32 (d,).

    Args:
        weights: float32 by the names of `predictor_shapes`.
        stages: Of the encoder.
        height: Of the painting, in pixels.
        width: Likewise.
    """
    painting = ops.parameter([height, width, 3], np.uint8, name="painting")
    x_NCHW = ops.unsqueeze(ops.transpose(ops.convert(painting, np.float32), [2, 0, 1]), [0])
    x_NCHW = ops.divide(ops.subtract(x_NCHW, _colour(COLOUR_MEAN)), _colour(COLOUR_STD))
    features: list[Node] = []
    for number in range(stages):
        for part, stride in zip(STAGE_PARTS, (2, 1), strict=True):
            x_NCHW = _conv(x_NCHW, weights, f"stages.{number}.{part}", stride)
        features += _statistics(x_NCHW)
    summary = ops.relu(_linear(ops.concat(features, 1), weights, "hidden"))
    offsets = ops.multiply(ops.constant(weights["spread"]), _linear(summary, weights, "style"))
    style = ops.add(ops.constant(weights["centre"]), offsets)
    return ov.Model([ops.result(ops.squeeze(style, [0]))], [painting], "predictor")


def _colour(values: tuple[float, float, float]) -> Node:
    return ops.constant((np.array(values, np.float32) * 255).reshape(1, 3, 1, 1))


def _conv(x_NCHW: Node, weights: Mapping[str, Array], name: str, stride: int) -> Node:
    kernel = ops.constant(np.ascontiguousarray(weights[f"{name}.weight"]))
    found = ops.convolution(x_NCHW, kernel, [stride] * 2, [1, 1], [1, 1], [1, 1])
    return ops.relu(ops.add(found, ops.constant(weights[f"{name}.bias"].reshape(1, -1, 1, 1))))


def _statistics(x_NCHW: Node) -> tuple[Node, Node]:
    """Mean and deviation of each channel, (1, C) each."""
    places = np.array([2, 3], np.int64)
    mean = ops.reduce_mean(x_NCHW, places, True)
    variance = ops.reduce_mean(ops.power(ops.subtract(x_NCHW, mean), np.float32(2)), places, False)
    return ops.squeeze(mean, [2, 3]), ops.sqrt(ops.add(variance, np.float32(SPREAD_FLOOR)))


def _linear(x_NF: Node, weights: Mapping[str, Array], name: str) -> Node:
    product = ops.matmul(x_NF, ops.constant(weights[f"{name}.weight"]), False, True)
    return ops.add(product, ops.constant(weights[f"{name}.bias"]))
