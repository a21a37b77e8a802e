"""The prediction network as a module: from a painting to a style vector of a palette. See `predictor_layout.py`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stylefader.training.networks.architectures import COLOURS
from stylefader.training.networks.colours import normalise
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.palette import AroundPalette
from stylefader.training.networks.predictor_layout import SPREAD_FLOOR, feature_count

_LEAST_SHARE = 0.25
"""The least spread of a number of the vector, against the mean of all: one that no painting moved can still move."""


class EncoderStage(nn.Module):
    """Two 3x3 convolutions with a ReLU each, to half of the size: (N, C, H, W) to (N, outputs, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        for conv in (self.first, self.second):
            assert conv.bias is not None
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """The features behind the second ReLU."""
        return torch.relu(self.second(torch.relu(self.first(x_NCHW))))


class StylePredictor(nn.Module):
    """Says a style vector of a painting (Ghiasi et al., BMVC 2017); `predictor_layout.py` says how it is built.

    It begins with the centre of the styles that it is given (`lay_around`), whatever it sees.

    channels: of each stage. hidden: numbers between the linear layers. style_size: of the vector.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, channels: Sequence[int], hidden: int, style_size: int) -> None:
        super().__init__()
        inputs = (COLOURS, *channels)
        self.stages = nn.ModuleList(
            EncoderStage(before, after) for before, after in zip(inputs, channels, strict=False)
        )
        self.hidden = nn.Linear(feature_count(channels), hidden)
        self.style = nn.Linear(hidden, style_size)
        nn.init.zeros_(self.style.weight)
        nn.init.zeros_(self.style.bias)
        self.register_buffer("centre", torch.zeros(style_size))
        self.register_buffer("spread", torch.ones(style_size))

    @torch.no_grad()
    def lay_around(self, styles_KD: Tensor) -> None:
        """Begin between the styles that there are, and move each number as far as they differ in it.

        Args:
            styles_KD: float (K, style_size), the vectors of a palette.
        """
        self.centre.copy_(styles_KD.mean(0))
        spread = styles_KD.std(0, correction=0) if len(styles_KD) > 1 else styles_KD.abs()[0]
        least = _LEAST_SHARE * float(spread.mean())
        self.spread.copy_(spread.clamp(min=least) if least > 0 else torch.ones_like(spread))

    def features(self, rgb01_NCHW: Tensor) -> Tensor:
        """What it sees of paintings, RGB in 0..1: float32 (N, features), by stages: means, then deviations."""
        x_NCHW, found = normalise(rgb01_NCHW), []
        for stage in self.stages:
            x_NCHW = stage(x_NCHW)
            wide = x_NCHW.float()
            mean = wide.mean((2, 3))
            variance = (wide - mean[:, :, None, None]).square().mean((2, 3))
            found += [mean, (variance + SPREAD_FLOOR).sqrt()]
        return torch.cat(found, 1)

    def summary(self, features_NF: Tensor) -> Tensor:
        """The numbers between the linear layers, (N, hidden)."""
        return torch.relu(self.hidden(features_NF))

    def vector(self, summary_NK: Tensor) -> Tensor:
        """Style vectors, (N, style_size), of what `summary` gave."""
        return self.centre + self.spread * self.style(summary_NK)

    def forward(self, rgb01_NCHW: Tensor) -> Tensor:
        """Paintings of one size, (N, 3, H, W) RGB in 0..1, to their style vectors, float32 (N, style_size)."""
        return self.vector(self.summary(self.features(rgb01_NCHW)))


class PredictedStyles(AroundPalette):
    """A palette's network, which stays as it is, with a prediction network that learns to speak to it.

    hint: from the predictor's summary to what the loss network says of a painting, so many numbers; used in training
    alone.
    """

    def __init__(self, net: DynamicNet, predictor: StylePredictor, *, hints: int) -> None:
        super().__init__(net)
        self.predictor = predictor
        self.hint = nn.Linear(predictor.hidden.out_features, hints)

    def forward(self, x_NCHW: Tensor, alpha: Tensor, style_ND: Tensor) -> Tensor:
        """As `DynamicNet`, each picture in a style of its own: float (N, d)."""
        return self.net(x_NCHW, alpha, style_ND)
