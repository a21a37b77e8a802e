"""The network in half precision, with its statistics in float32."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from stylefader.engines.graph.style_maps import StyleSides
from stylefader.training.networks.dynamic_net import DynamicNet


class FloatStatisticsNorm(nn.Module):
    """Instance norm of fp16 features, computed in float32.

    The sum over a plane of up to millions of fp16 values, and still more of their squares, passes fp16's largest
    number (65504) and loses the small ones on the way. The result is of the order of 1 and fits again.
    """

    def __init__(self, norm: nn.InstanceNorm2d) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Normalise in f32 and give the type of the input."""
        return self.norm(x_NCHW.float()).to(x_NCHW.dtype)


class HalfNet(nn.Module):
    """An fp16 copy of a network (rewritten or not) that takes and gives float32."""

    def __init__(self, net: DynamicNet) -> None:
        super().__init__()
        self.n_blocks = net.n_blocks
        self.net = copy.deepcopy(net).half()
        for module in list(self.net.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.InstanceNorm2d):
                    setattr(module, name, FloatStatisticsNorm(child.float()))

    def forward(
        self,
        x_NCHW: Tensor,
        alpha: Tensor | list[Tensor] | None = None,
        style: Tensor | StyleSides | None = None,
    ) -> Tensor:
        """Compute in fp16, with f32 in and out. alpha: one strength a block, or a map each. style: one, or two."""
        half = [each.half() for each in alpha] if isinstance(alpha, list) else alpha if alpha is None else alpha.half()
        return self.net(x_NCHW.half(), half, style if style is None else style.half()).float()
