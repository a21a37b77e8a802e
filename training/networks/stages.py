"""What main networks are made of: stages with names, between which tuning-blocks can stand."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylefader.training.networks.architectures import Architecture


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation (Ulyanov et al. 2016), trained picture by picture.

    PyTorch's own brings a batch in channels-last order into the other order and back, a quarter of a training step in
    bf16 on a CPU. For one picture, batch normalisation is the same computation and keeps the order. Its sums are less
    exact, which bf16 hides and f32 would show, so f32 keeps PyTorch's own.
    """

    def __init__(self, channels: int, *, affine: bool = True) -> None:
        super().__init__(channels, affine=affine)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if not self.training or input.device.type != "cpu" or input.dtype == torch.float32:
            return super().forward(input)
        return torch.cat(
            [F.batch_norm(x, None, None, self.weight, self.bias, True, eps=self.eps) for x in torch.split(input, 1)]
        )


class Styled(nn.Module):
    """Scales and shifts features by a style vector: x * (1 + scale) + shift, each channel by its own two numbers.

    start: where its numbers stand in the vector, `channels` scales and then as many shifts; see `style_vector.py`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.start = channels, 0

    def forward(self, x_NCHW: Tensor, style: Tensor) -> Tensor:
        """(N, C, H, W) and the style of all pictures, (d,), or of each of them, (N, d), to (N, C, H, W)."""
        scale, shift = self.numbers(style)
        return self.before(x_NCHW) * (1 + scale) + shift

    def before(self, x_NCHW: Tensor) -> Tensor:
        """What is scaled and shifted: here the features as they are."""
        return x_NCHW

    def numbers(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Its own of a style's numbers: what is added to a scale of 1, and to a shift of 0, (N, C, 1, 1) each."""
        middle, end = self.start + self.channels, self.start + 2 * self.channels
        scale = style[..., self.start : middle].reshape(-1, self.channels, 1, 1)
        return scale, style[..., middle:end].reshape(-1, self.channels, 1, 1)


class StyledNorm(Styled):
    """Conditional instance normalisation (Dumoulin et al. 2017): scale and shift come from a style vector."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.norm = InstanceNorm(channels, affine=False)

    def before(self, x_NCHW: Tensor) -> Tensor:
        """The features, normalised."""
        normalised: Tensor = self.norm(x_NCHW)
        return normalised


class ConvNorm(nn.Module):
    """Reflection padding, convolution, instance norm with affine, and a ReLU unless `relu=False`.

    (N, in_channels, H, W) -> (N, out_channels, H/stride, W/stride); with `upsample` (N, out, 2H, 2W).
    kernel: odd; or even with a stride of 2, which centres it between the pixels.
    styled: the norm's scale and shift come from a style vector.
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
        styled: bool = False,
    ) -> None:
        super().__init__()
        self.upsample: nn.Module = nn.Upsample(scale_factor=2, mode="nearest") if upsample else nn.Identity()
        self.pad: nn.Module = nn.ReflectionPad2d((kernel - 1) // 2)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride)
        self.norm: StyledNorm | InstanceNorm = StyledNorm(out_channels) if styled else InstanceNorm(out_channels)
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, x_NCHW: Tensor, style: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to the stage's channels and size."""
        features = self.conv(self.pad(self.upsample(x_NCHW)))
        return self.relu(self.norm(features) if style is None else self.norm(features, style))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), 3x3 each, no ReLU after the sum (Gross and Wilber 2016)."""

    def __init__(self, channels: int, *, styled: bool = False) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, kernel=3, styled=styled)
        self.second = ConvNorm(channels, channels, kernel=3, relu=False, styled=styled)

    def forward(self, x_NCHW: Tensor, style: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x_NCHW + self.second(self.first(x_NCHW, style), style)


class StagedNetwork(nn.ModuleDict):
    """A main network as an ordered list of named stages, so that tuning-blocks can stand between them.

    (N, 3, H, W) normalised RGB -> the same; H and W multiples of 4 and at least 8. Batch entries do not mix.

    architecture: what the stages are, by the same names. width: the unit of their channels.
    """

    def __init__(self, architecture: Architecture, width: int, stages: Mapping[str, nn.Module]) -> None:
        super().__init__(dict(stages))
        self.architecture, self.width = architecture, width

    def forward(self, x_NCHW: Tensor, style: Tensor | None = None) -> Tensor:
        """Normalised RGB (N, 3, H, W) to the same; H and W are multiples of 4."""
        for stage in self.values():
            x_NCHW = stage(x_NCHW, style)
        return x_NCHW

    def channels_before(self, stage: str) -> int:
        """Channels of the features that enter the named stage."""
        return self.architecture.channels_before(stage, self.width)
