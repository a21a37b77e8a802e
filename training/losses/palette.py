"""Style loss over several paintings at once: each picture of a batch is measured against a painting of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.losses.perceptual import StyleTarget, content_loss, gram, pyramid_levels


class PaletteTarget:
    """The style targets of several paintings.

    targets: at least one; all have the loss network and the pyramid of the first.
    """

    def __init__(self, targets: Sequence[StyleTarget]) -> None:
        self.loss_network: LossNetwork = targets[0].loss_network
        self.pyramid = targets[0].pyramid
        self._grams_KCC = [
            {layer: torch.cat([target.grams[level][layer] for target in targets]) for layer in targets[0].grams[level]}
            for level in range(self.pyramid)
        ]

    def loss(self, rgb01_NCHW: Tensor, features: dict[str, Tensor], which: Sequence[int]) -> Tensor:
        """Mean style loss, float32 scalar.

        Args:
            rgb01_NCHW: Pictures, (N, 3, H, W) RGB in 0..1.
            features: The loss network's for the full-size pictures.
            which: The painting of each picture, by its number.
        """
        total = torch.zeros((), dtype=torch.float32, device=rgb01_NCHW.device)
        for level, pictures in enumerate(pyramid_levels(rgb01_NCHW, self.pyramid)):
            here = features if level == 0 else self.loss_network(pictures)
            for layer, grams_KCC in self._grams_KCC[level].items():
                goal_NCC = grams_KCC[list(which)].float()
                off_N = (gram(here[layer]).float() - goal_NCC).square().mean((1, 2))
                total = total + (off_N / goal_NCC.square().mean((1, 2))).mean()
        return total / (self.pyramid * len(self._grams_KCC[0]))


def palette_losses(
    target: PaletteTarget, photo_NCHW: Tensor, rgb01_NCHW: Tensor, which: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Mean content and style loss of pictures, each in its own style: two float32 scalars.

    Args:
        target: Of all paintings.
        photo_NCHW: The photographs, (N, 3, H, W) RGB in 0..1.
        rgb01_NCHW: What was made of them, alike.
        which: The painting of each picture, by its number.
    """
    network = target.loss_network
    features = network(rgb01_NCHW)
    with torch.no_grad():
        photo_features = network(photo_NCHW, last=network.last_content_layer)
    return content_loss(features, photo_features, network.layers.content), target.loss(rgb01_NCHW, features, which)
