"""What the networks are trained for: perceptual content loss and Gram style loss (Johnson et al. 2016).

Style is compared over two sizes of the picture, the full one and the half one, because the larger textures of
a painting live in the half one; each layer's Gram loss is divided by the mean square of the style's own Gram
matrix, so the layers weigh alike and the loss is 1 for a picture without any features.

The loss network halves a picture at fixed places, and a picture can gain style at just those places: it then has a
lattice of dots, whatever network made it. So training looks through a window whose place changes from step to step
(`random_window`), and no place of the grid is the same twice.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stylefader.training.losses.loss_network import LossNetwork


def gram(features_NCHW: Tensor) -> Tensor:
    """Gram matrices (N, C, C) of features (N, C, H, W), divided by the number of places H * W."""
    n, c, h, w = features_NCHW.shape
    flat = features_NCHW.reshape(n, c, h * w)
    if flat.dtype == torch.float16:  # whose largest number the sum would pass
        flat = flat / (h * w) ** 0.5
        return flat @ flat.transpose(1, 2)
    return flat @ flat.transpose(1, 2) / (h * w)


def grid_period(loss_network: LossNetwork, pyramid: int) -> int:
    """Pixels after which the grid of all poolings repeats, the loss network's and the pyramid's."""
    return int(loss_network.stride * 2 ** (pyramid - 1))


def smallest_crop(loss_network: LossNetwork, pyramid: int) -> int:
    """The fewest pixels a side of a picture that is looked at through the moving window."""
    return int(16 * 2 ** (pyramid - 1)) + grid_period(loss_network, pyramid)


def pyramid_levels(rgb01_NCHW: Tensor, pyramid: int) -> list[Tensor]:
    """Pictures, (N, 3, H, W), at `pyramid` sizes: their own first, each other half of the one before."""
    levels = [rgb01_NCHW]
    for _ in range(pyramid - 1):
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


class StyleTarget:
    """Gram matrices of one style picture over a pyramid of sizes; measures how far pictures are from it."""

    def __init__(self, loss_network: LossNetwork, style_rgb01_NCHW: Tensor, *, pyramid: int = 2) -> None:
        self.loss_network = loss_network
        self.pyramid = pyramid
        with torch.no_grad():
            self.grams = [self._grams(level) for level in pyramid_levels(style_rgb01_NCHW, pyramid)]

    @property
    def grid_period(self) -> int:
        """See the function of this name."""
        return grid_period(self.loss_network, self.pyramid)

    @property
    def smallest(self) -> int:
        """See `smallest_crop`."""
        return smallest_crop(self.loss_network, self.pyramid)

    def _grams(self, rgb01_NCHW: Tensor) -> dict[str, Tensor]:
        features = self.loss_network(rgb01_NCHW)
        return {layer: gram(features[layer]) for layer in self.loss_network.layers.style}

    def loss(self, rgb01_NCHW: Tensor, features: dict[str, Tensor]) -> Tensor:
        """Mean style loss, float32 scalar; `features` are the loss network's for the full-size pictures."""
        total = torch.zeros((), dtype=torch.float32, device=rgb01_NCHW.device)
        for level, picture in enumerate(pyramid_levels(rgb01_NCHW, self.pyramid)):
            here = features if level == 0 else self.loss_network(picture)
            for layer, target in self.grams[level].items():
                distance = (gram(here[layer]).float() - target.float()).square().mean()
                total = total + distance / target.float().square().mean()
        return total / (self.pyramid * len(self.loss_network.layers.style))

    def losses(self, rgb01_NCHW: Tensor, features: dict[str, Tensor]) -> Tensor:
        """As `loss`, of each picture: float32 (N,)."""
        total = torch.zeros(len(rgb01_NCHW), dtype=torch.float32, device=rgb01_NCHW.device)
        for level, picture in enumerate(pyramid_levels(rgb01_NCHW, self.pyramid)):
            here = features if level == 0 else self.loss_network(picture)
            for layer, target in self.grams[level].items():
                distance = (gram(here[layer]).float() - target.float()).square().mean((1, 2))
                total = total + distance / target.float().square().mean()
        return total / (self.pyramid * len(self.loss_network.layers.style))


def random_window(*pictures_NCHW: Tensor, period: int, seed: int, step: int) -> tuple[Tensor, ...]:
    """The same window of each picture, `period` pixels less on each side, at a place that seed and step decide.

    period: how far the window can move, in pixels; that of the grid (`StyleTarget.grid_period`), so that over the
    steps each pixel comes to stand at every place of it.
    """
    top, left = np.random.default_rng((seed, step)).integers(period, size=2).tolist()
    h, w = pictures_NCHW[0].shape[-2:]
    return tuple(x[..., top : top + h - period, left : left + w - period] for x in pictures_NCHW)


def content_loss(features: dict[str, Tensor], photo_features: dict[str, Tensor], layers: tuple[str, ...]) -> Tensor:
    """Mean squared difference of features at the content layers, float32 scalar."""
    parts = [(features[layer].float() - photo_features[layer].float()).square().mean() for layer in layers]
    return torch.stack(parts).mean()


def total_variation(x_NCHW: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, both ways (Rudin et al. 1992, the anisotropic form)."""
    across = (x_NCHW[..., 1:] - x_NCHW[..., :-1]).abs().mean()
    return across + (x_NCHW[..., 1:, :] - x_NCHW[..., :-1, :]).abs().mean()


def perceptual_losses(target: StyleTarget, photo_NCHW: Tensor, rgb01_NCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Content and style loss of pictures made of photographs, (N, 3, H, W) RGB in 0..1."""
    network = target.loss_network
    features = network(rgb01_NCHW)
    with torch.no_grad():
        photo_features = network(photo_NCHW, last=network.last_content_layer)
    return content_loss(features, photo_features, network.layers.content), target.loss(rgb01_NCHW, features)
