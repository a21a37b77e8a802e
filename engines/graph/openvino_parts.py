"""The parts of OpenVINO's graphs that are written straight from a pack's weights. Needs no torch.

Each part is the same function as its module in `training.networks`; tests hold the graphs together with these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from openvino import opset13 as ops

from stylefader.engines.graph.sizes import padded
from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

Node = Any  # openvino.Node and openvino.Output, which its operators take alike
Weight = npt.NDArray[np.float32]
Weights = Mapping[str, Weight]
PLACES = np.array([2, 3], np.int64)
"""The axes of height and width."""


def float_weights(pack: StylePack | PackFile, prefix: str = "") -> dict[str, Weight]:
    """The weights of a pack whose names begin so, as float32, by the rest of their names. Raises PackError."""
    return {
        name.removeprefix(prefix): array.astype(np.float32)
        for name, array in pack.arrays().items()
        if name.startswith(prefix)
    }


def picture_input(height: int, width: int, name: str) -> Node:
    """The parameter for a picture, uint8 (height, width, 3) RGB."""
    return ops.parameter([height, width, 3], np.uint8, name=name)


def colours_in(picture: Node) -> Node:
    """A picture, uint8 (H, W, 3) RGB, as the network's colours, float32 (1, 3, H, W)."""
    x_NCHW = ops.unsqueeze(ops.transpose(ops.convert(picture, np.float32), [2, 0, 1]), [0])
    return ops.divide(ops.subtract(x_NCHW, _of_colours(COLOUR_MEAN)), _of_colours(COLOUR_STD))


def colours_out(y_NCHW: Node) -> Node:
    """The network's colours, (1, 3, H, W), as a picture, uint8 (H, W, 3) RGB."""
    y_NCHW = ops.add(ops.multiply(y_NCHW, _of_colours(COLOUR_STD)), _of_colours(COLOUR_MEAN))
    whole = ops.round(ops.clamp(y_NCHW, 0, 255), "half_to_even")
    return ops.convert(ops.transpose(ops.squeeze(whole, [0]), [1, 2, 0]), np.uint8)


def edges_repeated(x_NCHW: Node, height: int, width: int) -> Node:
    """What has the size of a frame, brought to the size that the network sees: its right and bottom edges repeated."""
    bottom, right = padded(height) - height, padded(width) - width
    return ops.pad(x_NCHW, [0, 0, 0, 0], [0, 0, bottom, right], "edge") if bottom or right else x_NCHW


def edges_cut(y_NCHW: Node, height: int, width: int) -> Node:
    """The way back from `edges_repeated`."""
    if (height, width) == (padded(height), padded(width)):
        return y_NCHW
    return ops.slice(y_NCHW, [0, 0], [height, width], [1, 1], [2, 3])


def convolved(
    x_NCHW: Node, weight: Weight, *, stride: int = 1, margin: int | None = None,
    border: Literal["reflect", "zeros"] = "reflect",
) -> Node:  # fmt: skip
    """A convolution without its bias, behind a border.

    Args:
        x_NCHW: The features.
        weight: float32 (outputs, inputs, side, side).
        stride: Of the places at which it is computed.
        margin: How wide the border is; None keeps the size where the stride is 1.
        border: What it is made of.
    """
    side = (weight.shape[-1] - 1) // 2 if margin is None else margin
    inside = 0
    if border == "reflect":
        x_NCHW = ops.pad(x_NCHW, [0, 0, side, side], [0, 0, side, side], "reflect")
    else:
        inside = side
    kernel = ops.constant(np.ascontiguousarray(weight))
    return ops.convolution(x_NCHW, kernel, [stride] * 2, [inside] * 2, [inside] * 2, [1, 1])


def named_conv(
    x_NCHW: Node, weights: Weights, name: str, *, stride: int = 1, border: Literal["reflect", "zeros"] = "reflect"
) -> Node:
    """The convolution of a name, with its bias; the size is kept where the stride is 1."""
    return biased(convolved(x_NCHW, weights[f"{name}.weight"], stride=stride, border=border), weights[f"{name}.bias"])


def biased(x_NCHW: Node, bias: Weight) -> Node:
    """Each channel of features with its number added."""
    return ops.add(x_NCHW, channel_numbers(bias))


def channel_numbers(numbers: Weight) -> Node:
    """One number for each channel, (C,), in the shape that features are multiplied with, (1, C, 1, 1)."""
    return ops.constant(numbers.reshape(1, -1, 1, 1))


def mean_and_deviation(x_NCHW: Node, floor: float) -> Node:
    """The means and then the deviations of all channels, (1, 2 C, 1, 1).

    floor: is added to a variance before its root.
    """
    mean = ops.reduce_mean(x_NCHW, PLACES, True)
    off = ops.subtract(x_NCHW, mean)
    variance = ops.reduce_mean(ops.multiply(off, off), PLACES, True)
    return ops.concat([mean, ops.sqrt(ops.add(variance, np.float32(floor)))], 1)


def _of_colours(values: tuple[float, float, float]) -> Node:
    """Numbers of the three colours, of 0 to 1, for colours of 0 to 255."""
    return channel_numbers(np.array(values, np.float32) * 255)
