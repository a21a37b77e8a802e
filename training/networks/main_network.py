"""The main network: the feed-forward image transformation network of Johnson et al. (ECCV 2016).

Layer for layer as in its supplement, with the two changes that the Dynamic-Net paper (Shoshan et al., ICCV
2019) takes over: instance normalisation (Ulyanov et al. 2016) instead of batch normalisation, and nearest
upsampling followed by a 3x3 convolution instead of a transposed convolution (Odena et al. 2016). Colours come
in and go out normalised by `COLOUR_MEAN` and `COLOUR_STD`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation (Ulyanov et al. 2016) with affine, trained picture by picture.

    PyTorch's own brings a batch in channels-last order into the other order and back. That is a tenth of a training
    step on a CPU. For one picture, batch normalisation is the same computation and keeps the order.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if not self.training or input.device.type != "cpu":
            return super().forward(input)
        return torch.cat(
            [F.batch_norm(x, None, None, self.weight, self.bias, True, eps=self.eps) for x in torch.split(input, 1)]
        )


class ConvNorm(nn.Module):
    """Reflection padding, convolution, instance norm with affine, and a ReLU unless `relu=False`.

    (N, in_channels, H, W) -> (N, out_channels, H/stride, W/stride); with `upsample` (N, out, 2H, 2W).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        upsample: bool = False,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest") if upsample else nn.Identity()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride)
        self.norm = InstanceNorm(out_channels)
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to the stage's channels and size."""
        return self.relu(self.norm(self.conv(self.pad(self.upsample(x_NCHW)))))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), 3x3 each, no ReLU after the sum (Gross and Wilber 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, kernel=3)
        self.second = ConvNorm(channels, channels, kernel=3, relu=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x_NCHW + self.second(self.first(x_NCHW))


class OutputConv(nn.Module):
    """Reflection padding and the last 9x9 convolution to three colours, neither normalised nor clamped."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(4)
        self.conv = nn.Conv2d(in_channels, 3, 9)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 3, H, W)."""
        return self.conv(self.pad(x_NCHW))


class MainNetwork(nn.ModuleDict):
    """The main network as an ordered list of named stages, so that tuning-blocks can stand between them.

    `width` is the number of channels after the first convolution: 32 in the paper, 16 for the lite form.
    (N, 3, H, W) normalised RGB -> the same; H and W multiples of 4 and at least 8. Batch entries do not mix.
    """

    def __init__(self, width: int) -> None:
        wide, wider = 2 * width, 4 * width
        super().__init__(
            {
                "conv1": ConvNorm(3, width, kernel=9),
                "down1": ConvNorm(width, wide, kernel=3, stride=2),
                "down2": ConvNorm(wide, wider, kernel=3, stride=2),
                **{f"residual{index}": ResidualBlock(wider) for index in range(1, 6)},
                "up1": ConvNorm(wider, wide, kernel=3, upsample=True),
                "up2": ConvNorm(wide, width, kernel=3, upsample=True),
                "output": OutputConv(width),
            }
        )
        self.width = width

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Normalised RGB (N, 3, H, W) to the same; H and W are multiples of 4."""
        for stage in self.values():
            x_NCHW = stage(x_NCHW)
        return x_NCHW

    def channels_before(self, stage: str) -> int:
        """Channels of the features that enter the named stage."""
        module = self[stage]
        if isinstance(module, ResidualBlock):
            return module.first.conv.in_channels
        assert isinstance(module, ConvNorm | OutputConv)
        return module.conv.in_channels
