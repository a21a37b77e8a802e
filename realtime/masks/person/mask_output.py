"""Brings the output of a segmentation network to one mask of 0 to 1, as a part of its graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stylefader.training.errors import MaskError

if TYPE_CHECKING:
    import openvino as ov

_MOVES_ONLY = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Convert", "Interpolate", "Slice", "StridedSlice"}
"""Operations after which values are still within the range of those before."""
_WITHIN_0_1 = {"Sigmoid", "HardSigmoid", "Softmax"}


def with_mask_output(model: ov.Model, layout: str) -> ov.Model:
    """The same network with the output float32 (h, w): 0 outside, 1 inside.

    One channel is the mask: as it is where it comes from a sigmoid or a clamp to 0..1, or is bytes; else its sigmoid.
    Of several channels the first is the background: the mask is what a softmax gives to the others. Whole numbers of
    more than a byte are labels: 0 is the background.

    Args:
        model: With one output of a known size.
        layout: Of its input, NCHW or NHWC, which says where channels stand if the output could be read in two ways.

    Raises:
        MaskError: It is no mask.
    """
    import openvino as ov
    from openvino import opset13 as ops

    result = model.get_results()[0]
    before = result.input_value(0)
    shape = before.get_partial_shape()
    if shape.is_dynamic or before.get_element_type() == ov.Type.dynamic:
        raise MaskError(f"its output {shape} has no fixed size")
    sides = [side.get_length() for side in shape]
    channels, to_planes = _planes(sides, layout)
    height, width = (sides[place] for place in to_planes[-2:])
    if min(height, width) < 2:
        raise MaskError(f"its output {shape} is no mask")
    planes = ops.reshape(ops.transpose(before, to_planes), [channels, height, width], special_zero=False)
    mask = ops.reshape(_share_inside(planes, before, channels), [height, width], special_zero=False)
    return ov.Model([ops.result(mask)], model.get_parameters(), "segmenter")


def _planes(sides: list[int], layout: str) -> tuple[int, list[int]]:
    """How many channels there are, and the order of axes that puts them before height and width."""
    if len(sides) == 4:
        first, last = sides[1], sides[3]
        at_end = layout == "NHWC"
        if (first == 1) != (last == 1):
            at_end = last == 1
        return (last, [0, 3, 1, 2]) if at_end else (first, [0, 1, 2, 3])
    if len(sides) == 3 and sides[0] == 1:
        return 1, [0, 1, 2]
    if len(sides) == 2:
        return 1, [0, 1]
    raise MaskError(f"its output is {sides}; a mask is (1, 1, h, w), (1, h, w, 1), (1, h, w) or (h, w)")


def _share_inside(planes: ov.Node, before: ov.Output, channels: int) -> ov.Node:
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    kind = before.get_element_type()
    real = ops.convert(planes, "f32")
    if kind == ov.Type.u8 and channels == 1:
        return ops.divide(real, np.float32(255))
    if not kind.is_real():
        if channels != 1:
            raise MaskError(f"its output has {channels} channels of whole numbers; one of labels is needed")
        return ops.convert(ops.not_equal(real, np.float32(0)), "f32")
    within = _is_within_0_1(before)
    if channels == 1:
        return real if within else ops.sigmoid(real)
    shares = real if within else ops.softmax(real, 0)
    background = ops.slice(shares, [0], [1], [1], [0])
    return ops.subtract(np.float32(1), background)


def _is_within_0_1(output: Any) -> bool:
    """Whether an operation of the network itself keeps the values between 0 and 1."""
    node, low, high = output.get_node(), -math.inf, math.inf
    while low < 0 or high > 1:
        name = node.get_type_name()
        if name in _WITHIN_0_1:
            return True
        if name == "Clamp":
            limits = node.get_attributes()
            low, high = max(low, limits["min"]), min(high, limits["max"])
        elif name in ("Minimum", "Maximum"):
            limit = next((one for one in _inputs(node) if one.get_type_name() == "Constant"), None)
            if limit is None or limit.get_vector().size != 1:
                return False
            value = float(limit.get_vector()[0])
            low, high = (max(low, value), high) if name == "Maximum" else (low, min(high, value))
        elif name not in _MOVES_ONLY:
            return False
        before = [one for one in _inputs(node) if one.get_type_name() != "Constant"]
        if not before:
            return False
        node = before[0]
    return True


def _inputs(node: Any) -> list[Any]:
    return [node.input_value(place).get_node() for place in range(node.get_input_size())]
