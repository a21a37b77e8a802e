"""The main network for laptops: Johnson's with nothing but its ends at full size, and half of its channels within.

At full size a pixel costs most. So the first convolution has a stride of 2, and the last one makes two by two pixels
at once and lays them side by side (pixel shuffle, Shi et al. 2016). All features are at half and at quarter size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stylefader.training.networks.architectures import COLOURS, NANO
from stylefader.training.networks.stages import ConvNorm, ResidualBlock, StagedNetwork

_SHUFFLE = 2


class ShuffleOutput(nn.Module):
    """Reflection padding, a 3x3 convolution to two by two pixels of three colours, and pixel shuffle.

    The four pixels begin with the same weights (ICNR, Aitken et al. 2017). So an untrained network has no checkerboard,
    and training has none to remove.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv = nn.Conv2d(in_channels, COLOURS * _SHUFFLE**2, 3)
        self.shuffle = nn.PixelShuffle(_SHUFFLE)
        assert self.conv.bias is not None
        with torch.no_grad():
            for parameter in (self.conv.weight, self.conv.bias):
                parameter.copy_(parameter[:: _SHUFFLE**2].repeat_interleave(_SHUFFLE**2, 0))

    def forward(self, x_NCHW: Tensor, style: Tensor | None = None) -> Tensor:
        """Whatever the style, (N, C, H, W) to (N, 3, 2H, 2W)."""
        return self.shuffle(self.conv(self.pad(x_NCHW)))


class NanoNetwork(StagedNetwork):
    """The nano network. `width` is the number of channels at half size; at quarter size there are twice as many."""

    def __init__(self, width: int, *, styled: bool = False) -> None:
        wide = 2 * width
        stages = {
            "conv1": ConvNorm(3, width, kernel=6, stride=2, styled=styled),
            "down1": ConvNorm(width, wide, kernel=3, stride=2, styled=styled),
            **{f"residual{index}": ResidualBlock(wide, styled=styled) for index in range(1, 6)},
            "up1": ConvNorm(wide, width, kernel=3, upsample=True, styled=styled),
            "output": ShuffleOutput(width),
        }
        super().__init__(NANO, width, stages)
