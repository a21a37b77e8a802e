"""The training loop of a palette that learns from another one: its table of styles is its own, the mixtures are shared.

Each picture of a step is in a mixture of the teacher's styles: in most pictures one of them alone, at times two or
three by random weights, so that the student's mixtures look as the teacher's do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stylefader.training.loop.palette_trainer import SHARE_OF_STYLES, styles_of_step
from stylefader.training.loop.student_trainer import StudentTrainer
from stylefader.training.losses.temporal import NextFrames
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.palette import Palette
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_header import STYLES
from stylefader.training.settings import StudentSettings

_SHARES = (0.6, 0.25, 0.15)
"""How many of the pictures are in one style alone, in two, and in three."""
_DRAWN = 8
"""Makes the random numbers of mixtures others than those of crops and strengths."""


def mixtures_of_step(count: int, pictures: int, *, seed: int, step: int) -> npt.NDArray[np.float32]:
    """The weights of `count` styles in each picture of a step, (pictures, count), by seed and step alone.

    They sum to 1. Each style comes first in one picture of a round, as in `styles_of_step`; others are added by chance.
    """
    weights = np.zeros((pictures, count), np.float32)
    for place, first in enumerate(styles_of_step(count, pictures, seed=seed, step=step)):
        rng = np.random.default_rng((seed, step * pictures + place, _DRAWN))
        several = min(count, 1 + int(rng.choice(len(_SHARES), p=_SHARES)))
        others = [number for number in rng.permutation(count).tolist() if number != first]
        weights[place, [first, *others[: several - 1]]] = rng.dirichlet(np.ones(several))
    return weights


def palette_of(pack: StylePack) -> Palette:
    """A palette as it stands in its pack, for use: network and table, frozen."""
    palette = Palette(pack.network(), len(pack.header.styles))
    with torch.no_grad():
        palette.styles.copy_(pack.tensors[STYLES].float())
    return palette.requires_grad_(False).eval()


class PaletteStudentTrainer(StudentTrainer):
    """A run of a palette's student; everything but the mixtures is as in `StudentTrainer`.

    net: one row of its table for each style of the teacher, in the teacher's order.
    """

    net: Palette

    def __init__(
        self,
        net: Palette,
        settings: StudentSettings,
        *,
        teacher: StylePack,
        identity: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._count = len(teacher.header.styles)
        assert len(net.styles) == self._count
        table = hashlib.sha256(teacher.tensors[STYLES].contiguous().numpy().tobytes()).hexdigest()
        identity = {**(identity or {}), "teacher's styles": table}
        super().__init__(net, settings, teacher=teacher, identity=identity, **options)

    def _groups(self) -> list[dict[str, Any]]:
        others = [p for p in self._learning if p is not self.net.styles]
        return [{"params": others, "share": 1.0}, {"params": [self.net.styles], "share": SHARE_OF_STYLES}]

    def _network_of(self, teacher: StylePack) -> Palette:
        return palette_of(teacher)

    def _made_by(self, net: Any, pictures: Tensor, strengths: Tensor) -> Tensor:
        weights_NK = self._weights_NK[: len(pictures)]
        return denormalise(net(normalise(pictures), strengths, weights_NK).float())

    def _losses(self, photo: Tensor, following: NextFrames | None) -> tuple[Tensor, Tensor]:
        group = self.group
        weights = mixtures_of_step(self._count, len(photo) * group.size, seed=self.settings.seed, step=self.iteration)
        self._weights_NK = torch.from_numpy(weights[group.rank :: group.size].copy()).to(photo.device)
        return super()._losses(photo, following)
