"""What this machine could do at best: how much work a frame is, and how fast the machine multiplies and copies.

The floor of an engine's time is the larger of two: the network's multiply-adds over the matrix rate, and the bytes
that must move over the bandwidth; both rates are measured on the spot, never taken from a data sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from stylefader.engines.graph.sizes import padded
from stylefader.training.networks.dynamic_net import DynamicNet

_COPY_BYTES = 256 * 2**20
_BYTES = {"f32": 4, "bf16": 2, "fp16": 2, "int8": 1}
_UP_SAVING = 2.25
"""An up-convolution's 3x3 on nearest-upsampled features is four 2x2 at low resolution (see engines.graph.rewrite)."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one frame costs, at the size that the network sees.

    multiply_adds: of all convolutions, the two up-convolutions counted in their cheapest exact form.
    values: numbers that cross memory at least once: every convolution's input read and its output written, since
    the instance norm behind it must see the whole picture before it can go on; and the weights.
    """

    multiply_adds: int
    values: int


def frame_work(net: DynamicNet, height: int, width: int) -> Work:
    """Count a frame's work on the network's own layers, by the shapes of a forward pass without numbers."""
    multiply_adds, values = 0.0, 0

    def hook_for(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        saving = _UP_SAVING if name.startswith(("main.up1", "main.up2")) else 1

        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            nonlocal multiply_adds, values
            assert isinstance(module, nn.Conv2d)
            weights = module.weight.numel()
            multiply_adds += weights * output.shape[-1] * output.shape[-2] / saving
            read = inputs[0].numel() / (4 if saving > 1 else 1)
            values += int(read) + output.numel() + weights

        return hook

    handles = [m.register_forward_hook(hook_for(n)) for n, m in net.named_modules() if isinstance(m, nn.Conv2d)]
    try:
        meta = net.to("meta")
        style = (torch.empty(net.style_size, device="meta"),) if net.style_size else ()
        frame, alpha = (
            torch.empty(1, 3, padded(height), padded(width), device="meta"),
            torch.empty(net.n_blocks, device="meta"),
        )
        meta(frame, alpha, *style)
    finally:
        for handle in handles:
            handle.remove()
    return Work(multiply_adds=round(multiply_adds), values=values)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Measured rates: multiply-adds a second for each precision, and bytes a second of a copy (read and write)."""

    multiply_adds: dict[str, float]
    bandwidth: float

    def floor_s(self, work: Work, precision: str) -> float | None:
        """The least time that a frame can take, in seconds; None for a precision that was not measured."""
        rate = self.multiply_adds.get(precision)
        if rate is None:
            return None
        return max(work.multiply_adds / rate, work.values * _BYTES[precision] / self.bandwidth)


def measure_cpu_limits(precisions: tuple[str, ...] = ("f32", "bf16", "int8")) -> Limits:
    """Measure this CPU with all its cores: convolutions and matrix products, and a large copy; the best of each."""
    from stylefader.engines.selection.peak_rates import best_s, multiply_add_rates

    source = np.ones(_COPY_BYTES // 8)
    target = np.empty_like(source)
    bandwidth = 2 * _COPY_BYTES / best_s(lambda: np.copyto(target, source))
    return Limits(multiply_adds=multiply_add_rates(precisions), bandwidth=bandwidth)
