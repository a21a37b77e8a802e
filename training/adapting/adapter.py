"""Adapting a palette to one painting (compare MetaStyle, Zhang et al., AAAI 2019): its style vector alone learns.

Every step makes two pictures of one photograph, at alpha 0 and at alpha 1. As in the training of palettes, the numbers
of the main network's norms learn from the picture at alpha 0, and those of the tuning-blocks from the one at alpha 1.
With `deep` the weights learn as well, each from the end that its part stands for; trained from nothing is the same with
random weights.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from stylefader.training.adapting.crops import Crops
from stylefader.training.compute import Compute
from stylefader.training.data.photographs import to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.losses.both_ends import BothEnds, EndLosses
from stylefader.training.losses.perceptual import smallest_crop
from stylefader.training.networks.both_ends import pictures_at_both_ends
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.settings import AdaptSettings

_LAST_SHARE = 0.05
"""The learning rates fall to this share."""


class Adapter:
    """Learns the vector of one painting, step by step.

    net: of kind `palette`; changed only where the settings let its weights learn.
    start: the vector to begin with, float (d,). look: what is looked for, with its loss network on `compute`'s device.
    photos: what crops are taken from. Raises TrainingError for crops that are too small for the loss network.
    """

    def __init__(
        self,
        net: DynamicNet,
        start: Tensor,
        look: BothEnds,
        photos: Crops,
        settings: AdaptSettings,
        *,
        compute: Compute,
    ) -> None:
        smallest = smallest_crop(look.loss_network, look.target.pyramid)
        if settings.crop < smallest:
            raise TrainingError(f"crop must be at least {smallest} pixels with this loss network, not {settings.crop}")
        self.settings, self.look, self.compute, self.iteration = settings, look, compute, 0
        self.net = net.to(device=compute.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.net.requires_grad_(settings.weights_rate is not None)
        self._vector = start.detach().clone().to(compute.device).requires_grad_(True)
        self._photos = photos
        self._scaler = compute.scaler()
        groups: list[dict[str, Any]] = [{"params": [self._vector], "rate": settings.vector_rate}]
        if settings.weights_rate is not None:
            groups.append({"params": list(self.net.parameters()), "rate": settings.weights_rate})
        self._optimizer = torch.optim.Adam(groups, lr=settings.vector_rate)

    @property
    def vector(self) -> Tensor:
        """What was learnt so far: float32 (d,), a copy."""
        return self._vector.detach().cpu().clone()

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.iteration >= self.settings.steps

    def step(self) -> EndLosses:
        """One step of Adam; the losses before it, without a graph. Raises TrainingError where they are not finite."""
        settings = self.settings
        photo = self._crops()
        with self.compute.autocast():
            losses = self.look(photo, *self._pictures(photo), window=(settings.seed, self.iteration))
        total = losses.sum(self.look.ends)
        if not bool(total.isfinite()):
            raise TrainingError(f"the loss is not finite at step {self.iteration + 1}", failure=True)
        self._optimizer.zero_grad()
        self._scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * self._share_of_rate()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self.iteration += 1
        return losses.detached()

    def _share_of_rate(self) -> float:
        done = self.iteration / self.settings.steps
        return _LAST_SHARE + (1 - _LAST_SHARE) * (1 + math.cos(math.pi * min(1.0, done))) / 2

    def _crops(self) -> Tensor:
        settings, first = self.settings, self.iteration * self.settings.photographs
        crops = [
            self._photos.crop(number, seed=settings.seed, size=settings.crop)
            for number in range(first, first + settings.photographs)
        ]
        rgb01 = torch.cat([to_rgb01(crop) for crop in crops]).to(self.compute.device)
        return rgb01.contiguous(memory_format=torch.channels_last)

    def _pictures(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        return pictures_at_both_ends(self.net, photo, self._vector)
