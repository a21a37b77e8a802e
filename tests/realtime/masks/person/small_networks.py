"""Made-up segmenters: small ONNX files that say of each pixel how red it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="made-up segmenters are written by onnx, of the extra rtx")


def redness(
    path: Path,
    *,
    layout: str = "NCHW",
    size: tuple[int | str, int | str] = (24, 32),
    end: str = "Sigmoid",
    kind: str = "FLOAT",
    channels: int = 1,
    words: Mapping[str, str] | None = None,
    second: str = "",
) -> Path:
    """A network whose mask is its input's red channel, then `end`.

    layout: of its input and output. kind: of its input. channels: of its output; red is the last of two. words:
    metadata. second: `picture` or `mask`, to have two of these.
    """
    helper, types = onnx.helper, onnx.TensorProto
    nodes: list[Any] = []
    last = "x"

    def then(operation: str, *others: str, **settings: object) -> None:
        nonlocal last
        name = f"after{len(nodes)}"
        nodes.append(helper.make_node(operation, [last, *others], [name], **settings))
        last = name

    if kind != "FLOAT":
        then("Cast", to=types.FLOAT)
    if layout == "NHWC":
        then("Transpose", perm=[0, 3, 1, 2])
    then("Conv", "kernel")
    if second == "picture":
        then("Add", "y")
    if end:
        then(end, *(("zero", "one") if end == "Clip" else ()), **({"axis": 1} if end == "Softmax" else {}))
    if layout == "NHWC":
        then("Transpose", perm=[0, 2, 3, 1])
    kernel = np.zeros((channels, 3, 1, 1), np.float32)
    kernel[-1, 0] = 1
    constants = {"kernel": kernel, "zero": np.float32(0), "one": np.float32(1)}
    shapes = [[1, count, *size] if layout == "NCHW" else [1, *size, count] for count in (3, channels)]
    inputs = [helper.make_tensor_value_info("x", getattr(types, kind), shapes[0])]
    if second == "picture":
        inputs.append(helper.make_tensor_value_info("y", types.FLOAT, [1, 1, 1, 1]))
    outputs = [helper.make_tensor_value_info(last, types.FLOAT, shapes[1])]
    if second == "mask":
        outputs.append(helper.make_tensor_value_info(nodes[0].output[0], types.FLOAT, None))
    graph = helper.make_graph(
        nodes, "redness", inputs, outputs,
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for name, value in (words or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, value
    onnx.save(model, str(path))
    return path
