"""Translators for OpenVINO's TensorFlow Lite front end, of operations that it does not know: MediaPipe's own.

`Convolution2DTransposeBias` is a transposed convolution with a bias. Its options are three integers of four bytes:
padding (1 same, 2 valid), and the steps across and down. The kernel is (out, height, width, in).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from stylefader.realtime.masks.person.tflite_file import CustomOperation
from stylefader.training.errors import MaskError

_TRANSPOSED = "Convolution2DTransposeBias"
_PADDING = {1: "same_upper", 2: "valid"}


def add_translators(reader: Any, custom: Iterable[CustomOperation]) -> None:
    """Tell a front end how these operations are computed.

    Args:
        reader: OpenVINO's front end of TensorFlow Lite.
        custom: Those of the file.

    Raises:
        MaskError: There is one that nobody knows.
    """
    from openvino.frontend import ConversionExtension

    operations = list(custom)
    unknown = sorted({operation.code for operation in operations} - {_TRANSPOSED})
    if unknown:
        raise MaskError(f"it has custom operations that are not known here: {', '.join(unknown)[:120]}")
    # A node does not give its options as bytes: they are looked up by the name of its kernel.
    options = {operation.inputs[1]: operation.options for operation in operations if len(operation.inputs) == 3}
    if operations:
        reader.add_extension(ConversionExtension(_TRANSPOSED, lambda node: _transposed(node, options)))


def _transposed(node: Any, options: dict[str, bytes]) -> list[Any]:
    from openvino import opset13 as ops

    picture, kernel, bias = (node.get_input(place) for place in range(3))
    padding, across, down = struct.unpack("<3i", next(options[name] for name in kernel.get_names() if name in options))
    result = ops.convolution_backprop_data(
        ops.transpose(picture, [0, 3, 1, 2]),
        ops.transpose(kernel, [3, 0, 1, 2]),
        strides=[down, across],
        auto_pad=_PADDING[padding],
    )
    return list(ops.add(ops.transpose(result, [0, 2, 3, 1]), bias).outputs())
