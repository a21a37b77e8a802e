"""AdaIN as modules: the encoder, the exchange of statistics, and the decoder (Huang and Belongie, ICCV 2017).

Differences from the paper: the encoder ends with relu3_1 in place of relu4_1, since that is the front of the loss
network that we have. As there, every convolution pads by reflection; the loss network itself pads by zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylefader.training.networks.adain_layout import (
    ADAIN,
    DECODER,
    ENCODER,
    ENLARGED,
    FEATURES,
    POOLED,
    STYLE_SIZE,
    WIDTH,
)

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1")
"""Whose statistics make a style in training: the first of each size."""
_EPS = 1e-5


class _Convs(nn.ModuleDict):
    """3x3 convolutions by name, in order, each padded by reflection."""

    def __init__(self, convs: Sequence[tuple[str, int, int]]) -> None:
        super().__init__({name: nn.Conv2d(inputs, outputs, 3) for name, inputs, outputs in convs})

    def conv(self, name: str, x_NCHW: Tensor) -> Tensor:
        """One of them."""
        y_NCHW: Tensor = self[name](F.pad(x_NCHW, (1, 1, 1, 1), mode="reflect"))
        return y_NCHW


class AdainEncoder(_Convs):
    """Normalised RGB (N, 3, H, W) to features (N, 256, H / 4, W / 4), none below 0."""

    def __init__(self) -> None:
        super().__init__(ENCODER)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """The last features."""
        *_, (_, features) = self._walk(x_NCHW)
        return features

    def style_features(self, x_NCHW: Tensor) -> tuple[Tensor, ...]:
        """The features of `STYLE_LAYERS`, the last of which are those that `forward` gives."""
        return tuple(features for name, features in self._walk(x_NCHW) if name in STYLE_LAYERS)

    def _walk(self, x_NCHW: Tensor) -> Iterator[tuple[str, Tensor]]:
        for name in self:
            x_NCHW = F.relu(self.conv(name, F.max_pool2d(x_NCHW, 2) if name in POOLED else x_NCHW))
            yield name, x_NCHW


class AdainDecoder(_Convs):
    """Features (N, 256, h, w) to normalised RGB (N, 3, 4 h, 4 w)."""

    def __init__(self) -> None:
        super().__init__(DECODER)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Features to a picture."""
        *inner, last = self
        for name in inner:
            larger = F.interpolate(x_NCHW, scale_factor=2.0, mode="nearest") if name in ENLARGED else x_NCHW
            x_NCHW = F.relu(self.conv(name, larger))
        return self.conv(last, x_NCHW)


class AdainNet(nn.Module):
    """Encoder, AdaIN and decoder; called as a `DynamicNet` of kind `palette` is."""

    kind, width, places = ADAIN, WIDTH, (ADAIN,)
    n_blocks, style_size = 1, STYLE_SIZE

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = AdainEncoder(), AdainDecoder()

    def forward(self, x_NCHW: Tensor, alpha: Tensor, style: Tensor) -> Tensor:
        """A picture of a picture.

        Args:
            x_NCHW: Normalised RGB (N, 3, H, W); H and W are multiples of 4.
            alpha: float (1,), from the picture as the decoder makes it again (0) to the style (1).
            style: float (512,), or (N, 512) with a style for each picture.
        """
        y_NCHW: Tensor = self.decoder(mixed(self.encoder(x_NCHW), alpha, style))
        return y_NCHW


class OneStyle(nn.Module):
    """An AdaIN network in one style, called like a network that has no others."""

    style: Tensor
    n_blocks = 1

    def __init__(self, net: AdainNet, style: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("style", style)

    def forward(self, x_NCHW: Tensor, alpha: Tensor) -> Tensor:
        """As `AdainNet`."""
        y_NCHW: Tensor = self.net(x_NCHW, alpha, self.style)
        return y_NCHW


def statistics(features_NCHW: Tensor) -> Tensor:
    """The mean of each channel, then the deviation of each (1e-5 is added to its square): float32 (N, 2 C)."""
    features = features_NCHW.float()
    mean_NC = features.mean((2, 3))
    variance_NC = (features - mean_NC[..., None, None]).square().mean((2, 3))
    return torch.cat([mean_NC, (variance_NC + _EPS).sqrt()], dim=1)


def mixed(features_NCHW: Tensor, alpha: Tensor, style: Tensor) -> Tensor:
    """The paper's t = (1 - alpha) f + alpha AdaIN(f, s), float32 (N, 256, h, w); alpha and style as in `AdainNet`."""
    features = features_NCHW.float()
    mean = style[..., :FEATURES].reshape(-1, FEATURES, 1, 1)
    deviation = style[..., FEATURES:].reshape(-1, FEATURES, 1, 1)
    stylized = F.instance_norm(features, eps=_EPS) * deviation + mean
    return (1 - alpha[0]) * features + alpha[0] * stylized


@torch.no_grad()
def style_of(encoder: AdainEncoder, x_NCHW: Tensor) -> Tensor:
    """The style vectors of pictures, float32 (N, 512), each of a picture in normalised RGB."""
    return statistics(encoder(x_NCHW))
