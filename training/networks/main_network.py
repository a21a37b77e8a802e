"""Johnson's main network: the feed-forward image transformation network of Johnson et al. (ECCV 2016).

Layer for layer as in its supplement, with the two changes that the Dynamic-Net paper (Shoshan et al., ICCV
2019) takes over: instance normalisation (Ulyanov et al. 2016) instead of batch normalisation, and nearest
upsampling followed by a 3x3 convolution instead of a transposed convolution (Odena et al. 2016). Colours come
in and go out normalised by `COLOUR_MEAN` and `COLOUR_STD`.
"""

from __future__ import annotations

from torch import Tensor, nn

from stylefader.training.networks.architectures import JOHNSON
from stylefader.training.networks.stages import ConvNorm, ResidualBlock, StagedNetwork


class OutputConv(nn.Module):
    """Reflection padding and the last 9x9 convolution to three colours, neither normalised nor clamped."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(4)
        self.conv = nn.Conv2d(in_channels, 3, 9)

    def forward(self, x_NCHW: Tensor, style: Tensor | None = None) -> Tensor:
        """Whatever the style, (N, C, H, W) to (N, 3, H, W)."""
        return self.conv(self.pad(x_NCHW))


class MainNetwork(StagedNetwork):
    """Johnson's network. `width` is that of the first convolution: 32 channels in the paper, 16 for lite."""

    def __init__(self, width: int, *, styled: bool = False) -> None:
        wide, wider = 2 * width, 4 * width
        stages = {
            "conv1": ConvNorm(3, width, kernel=9, styled=styled),
            "down1": ConvNorm(width, wide, kernel=3, stride=2, styled=styled),
            "down2": ConvNorm(wide, wider, kernel=3, stride=2, styled=styled),
            **{f"residual{index}": ResidualBlock(wider, styled=styled) for index in range(1, 6)},
            "up1": ConvNorm(wider, wide, kernel=3, upsample=True, styled=styled),
            "up2": ConvNorm(wide, width, kernel=3, upsample=True, styled=styled),
            "output": OutputConv(width),
        }
        super().__init__(JOHNSON, width, stages)
