"""How fast this processor multiplies, by the best code at hand: OpenVINO's and PyTorch's convolutions and products.

No one library is the best for every precision, so a rate is the best seen of all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.machine.processor import cpu_precisions, has_bf16

if TYPE_CHECKING:
    import torch

_MATRIX = 2048
_CONVOLUTIONS = ((128, 128), (256, 64))
"""Channels and side of the pictures: large enough to be limited by arithmetic alone."""
_LAYERS = 4
_REPEATS = 5
_RUNTIME = {"f32": {"f32"}, "bf16": {"bf16"}, "int8": {"i8", "u8"}}
_TORCH = {"f32": "float32", "bf16": "bfloat16"}


def multiply_add_rates(
    precisions: tuple[str, ...], *, shapes: tuple[tuple[int, int], ...] = _CONVOLUTIONS, matrix: int = _MATRIX
) -> dict[str, float]:
    """Multiply-adds a second in each precision, with all cores; those that the processor does not have are left out."""
    rates: dict[str, float] = {}
    for precision in cpu_precisions(precisions):
        seen = [openvino_rate(precision, *shape) for shape in shapes]
        if precision in _TORCH:
            import torch

            dtype = getattr(torch, _TORCH[precision])
            seen += [_torch_products(dtype, matrix), _torch_convolutions(dtype, *shapes[0])]
        known = [rate for rate in seen if rate is not None]
        if known:
            rates[precision] = max(known)
    return rates


def openvino_rate(precision: str, channels: int, side: int) -> float | None:
    """Of a few 3x3 convolutions in a row, in OpenVINO; None where it does not compute them in this precision."""
    core = ov.Core()
    if precision == "bf16" and not has_bf16():
        return None
    hint = "f32" if precision == "int8" else precision  # between the quantised layers
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
    compiled = core.compile_model(_convolutions(channels, side, quantised=precision == "int8"), "CPU", settings)
    if not convolution_precisions(compiled) <= _RUNTIME[precision]:
        return None
    request = compiled.create_infer_request()
    request.get_input_tensor().data[:] = np.random.default_rng(0).random((1, channels, side, side), np.float32)
    return _LAYERS * 9 * channels**2 * side**2 / best_s(request.infer)


def convolution_precisions(compiled: Any) -> set[str]:
    """What the convolutions of a compiled model are really computed in, by OpenVINO's account."""
    infos = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    return {_text(info, "runtimePrecision") for info in infos if _text(info, "layerType") == "Convolution"}


def _text(info: Any, name: str) -> str:
    return str(info[name].astype(str)) if name in info else ""


def _convolutions(channels: int, side: int, *, quantised: bool) -> ov.Model:
    rng = np.random.default_rng(0)
    frame = ops.parameter([1, channels, side, side], np.float32, name="x")
    node: Any = frame
    for _ in range(_LAYERS):
        weights: Any = ops.constant(rng.uniform(-0.05, 0.05, (channels, channels, 3, 3)).astype(np.float32))
        if quantised:
            node = _quantised(node, 0.0, 2.55, 256)
            weights = _quantised(weights, -0.05, 0.05, 255)
        node = ops.relu(ops.convolution(node, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    return ov.Model([node], [frame])


def _quantised(node: Any, low: float, high: float, levels: int) -> Any:
    ends = [ops.constant(np.float32(end)) for end in (low, high, low, high)]
    return ops.fake_quantize(node, *ends, levels)


def _torch_products(dtype: torch.dtype, side: int) -> float:
    import torch

    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    out = torch.empty(side, side, dtype=dtype)
    return float(side**3 / best_s(lambda: torch.mm(a, b, out=out)))


def _torch_convolutions(dtype: torch.dtype, channels: int, side: int) -> float:
    import torch
    from torch import nn

    conv = nn.Conv2d(channels, channels, 3, padding=1).to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(1, channels, side, side).to(dtype=dtype, memory_format=torch.channels_last)
    with torch.inference_mode():
        return float(conv.weight.numel() * side**2 / best_s(lambda: conv(x)))


def best_s(call: Callable[[], object]) -> float:
    """The shortest of a few calls, in seconds, after one that does not count."""
    call()
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)
