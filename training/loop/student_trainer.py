"""The training loop of a student: a small network that learns from the pictures of a larger one, its teacher.

Main network and blocks learn together, in one run. Each picture of a step has strengths of its own, over the whole
range of the teacher's alpha.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from stylefader.training.data.plain_pictures import PlainPictures
from stylefader.training.loop.trainer import Trainer
from stylefader.training.losses.distillation import grid_loss, lesson_strengths, pixel_loss, teaching_losses
from stylefader.training.losses.perceptual import random_window, total_variation
from stylefader.training.losses.temporal import NextFrames, temporal_weight
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.palette import Palette
from stylefader.training.packs.pack import StylePack
from stylefader.training.settings import StudentSettings


class StudentTrainer(Trainer):
    """A run of a student; everything but the losses is as in `Trainer`.

    net: its blocks stand where the teacher's do. teacher: its weights are part of what a checkpoint belongs to.
    """

    settings: StudentSettings

    def __init__(
        self,
        net: DynamicNet | Palette,
        settings: StudentSettings,
        *,
        teacher: StylePack,
        identity: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        identity = {**(identity or {}), "teacher": teacher.weights_hash()}
        super().__init__(net, settings, style=None, blocks_only=False, identity=identity, **options)
        self._teacher = self._network_of(teacher).to(device=self.compute.device, memory_format=torch.channels_last)
        self._range = teacher.header.alpha.low, teacher.header.alpha.high

    def _network_of(self, teacher: StylePack) -> Any:
        """What makes the lessons, as `_made_by` takes it."""
        return teacher.network()

    def _made_by(self, net: Any, pictures: Tensor, strengths: Tensor) -> Tensor:
        """RGB of 0..1 that student or teacher makes of the first pictures of a step, or of their next frames."""
        return denormalise(net(normalise(pictures), strengths).float())

    def _row_of_crops(self) -> PlainPictures:
        return PlainPictures(self.photos, self.settings.plain_share)

    def _losses(self, photo: Tensor, following: NextFrames | None) -> tuple[Tensor, Tensor]:
        settings = self.settings
        self._strengths = self._drawn(len(photo))
        with self.compute.autocast():
            lesson = self._lesson(photo)
            rgb01 = self._made_by(self.net, photo, self._strengths)
            window = random_window(lesson, rgb01, period=self.window_moves, seed=settings.seed, step=self.iteration)
            content, style = self.looked_at(*window)
            temporal = self._temporal(photo, rgb01, following) if following else torch.zeros_like(content)
        pixel = pixel_loss(rgb01, lesson)
        total = settings.pixel_weight * pixel + content + settings.style_weight * style
        total = total + temporal_weight(settings) * temporal
        if settings.grid_weight:
            total = total + settings.grid_weight * grid_loss(rgb01, lesson)
        if settings.smoothness:
            total = total + settings.smoothness * total_variation(rgb01)
        return total, torch.stack([total, content, style, temporal, pixel]).detach()

    def looked_at(self, wanted_NCHW: Tensor, rgb01_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """As in `Trainer`; `wanted_NCHW` are the teacher's pictures."""
        return teaching_losses(self.loss_network, wanted_NCHW, rgb01_NCHW, pyramid=self.settings.pyramid)

    def _drawn(self, pictures: int) -> Tensor:
        """Strengths (n_blocks, pictures, 1, 1, 1) of this process' share of the batch of all."""
        (low, high), group = self._range, self.group
        strengths = lesson_strengths(
            self.net.n_blocks, pictures * group.size, low=low, high=high, seed=self.settings.seed, step=self.iteration
        )
        mine = torch.from_numpy(strengths[:, group.rank :: group.size].copy())
        return mine.view(self.net.n_blocks, pictures, 1, 1, 1).to(self.compute.device, non_blocking=True)

    def _lesson(self, photo: Tensor) -> Tensor:
        """The teacher's pictures, within what can be shown; a copy, since inference tensors take part in no graph."""
        with torch.inference_mode():
            rgb01 = self._made_by(self._teacher, photo, self._strengths).clamp(0, 1)
        return rgb01.clone()

    def _of_both(self, photo: Tensor, after: Tensor, rgb01: Tensor, following: NextFrames) -> tuple[Tensor, Tensor]:
        """As in `Trainer`, at the strengths that the first picture was made with."""
        return rgb01, self._made_by(self.net, after, self._strengths[:, : len(after)])
