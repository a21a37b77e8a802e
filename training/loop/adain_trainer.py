"""The training loop of AdaIN: a decoder learns on photographs, each in the style of a crop of some painting.

The encoder is the front of the loss network and does not learn. As in the paper, alpha is 1 in training; a smaller one
gives the decoder features between those of the picture and those in the style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylefader.training.data.paintings import PaintingCrops
from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.loop.palette_trainer import styles_of_step
from stylefader.training.loop.trainer import Trainer
from stylefader.training.losses.adain import adain_losses, take_front
from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.losses.perceptual import total_variation
from stylefader.training.losses.temporal import NextFrames
from stylefader.training.networks.adain import AdainNet
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.settings import TrainSettings


class AdainTrainer(Trainer):
    """A run of AdaIN; everything but what is said here is as in `Trainer`.

    net: whose encoder becomes the front of the loss network, as the run has scaled it.
    paintings: at least one.
    Raises TrainingError where the settings have a temporal term, and as `Trainer`.
    """

    net: AdainNet

    def __init__(
        self,
        net: AdainNet,
        settings: TrainSettings,
        *,
        paintings: Sequence[Path],
        loss_network: LossNetwork,
        identity: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        if settings.temporal != "off":
            raise TrainingError("temporal has no effect on AdaIN, whose decoder learns as in the paper")
        pictures = {f"painting {number}": file_hash(picture) for number, picture in enumerate(paintings)}
        super().__init__(
            net, settings, style=None, loss_network=loss_network, blocks_only=False,
            identity={**(identity or {}), **pictures}, **options,
        )  # fmt: skip
        take_front(net.encoder, self.loss_network)
        self.paintings = PaintingCrops(paintings, side=settings.style_size)

    def _choose_what_learns(self, *, blocks_only: bool) -> None:
        self.net.encoder.requires_grad_(False)

    def _losses(self, photo: Tensor, following: NextFrames | None) -> tuple[Tensor, Tensor]:
        settings = self.settings
        with self.compute.autocast():
            y_NCHW, content, style = adain_losses(self.net, normalise(photo), normalise(self._styles(len(photo))))
        total = content + settings.style_weight * style
        if settings.smoothness:
            total = total + settings.smoothness * total_variation(denormalise(y_NCHW.float()))
        nothing = torch.zeros_like(total)
        return total, torch.stack([total, content, style, nothing, nothing]).detach()

    def _styles(self, count: int) -> Tensor:
        """Crops of paintings for this process' pictures of the step: RGB in 0..1, (N, 3, H, W)."""
        settings, group = self.settings, self.group
        together = count * group.size
        drawn = styles_of_step(len(self.paintings), together, seed=settings.seed, step=self.iteration)
        crops = [
            self.paintings.crop(
                drawn[place], self.iteration * together + place, seed=settings.seed, size=settings.crop
            )
            for place in range(group.rank, together, group.size)
        ]  # fmt: skip
        stacked = torch.from_numpy(np.stack(crops)).to(self.compute.device)
        return stacked.permute(0, 3, 1, 2).float() / 255
