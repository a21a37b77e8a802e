"""The training loop of a palette: one network and many paintings, each picture of a step in the style of one of them.

Everything but the pictures' styles is as for a single painting: first the main network and the numbers of the style
vectors that belong to it, then with these frozen the tuning-blocks and theirs. Paintings that are added to a finished
palette learn their vectors alone, by the same two parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.loop.trainer import Trainer, style_target
from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.losses.palette import PaletteTarget, palette_losses
from stylefader.training.losses.temporal import NextFrames
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.palette import Palette, slots_of
from stylefader.training.settings import TrainSettings

SHARE_OF_STYLES = 5.0
"""Style vectors learn at so many times the learning rate: each is seen in few of the steps, and begins far away."""
_DRAWN = 7
"""Makes the random numbers of styles others than those of crops."""


def styles_of_step(count: int, pictures: int, *, seed: int, step: int) -> list[int]:
    """Which style each picture of a step is in, from 0 on, by seed and step alone.

    Pictures are counted over all steps. Of every `count` of them, a round, each is in another style, in random order.
    """
    found = []
    for number in range(step * pictures, (step + 1) * pictures):
        order = np.random.default_rng((seed, number // count, _DRAWN)).permutation(count)
        found.append(int(order[number % count]))
    return found


class PaletteTrainer(Trainer):
    """A run of a palette; everything but what is said here is as in `Trainer`.

    net: its first `kept` styles are finished ones. Where there are any, the network and their vectors stay exactly as
    they are, and only the other vectors learn.
    paintings: of the other styles, in the order of the table.
    Raises TrainingError where these are not as many as the table has other styles, and as `Trainer`.
    """

    net: Palette

    def __init__(
        self,
        net: Palette,
        settings: TrainSettings,
        *,
        paintings: Sequence[Path],
        kept: int = 0,
        loss_network: LossNetwork,
        identity: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._kept, self._count = kept, len(paintings)
        if kept + self._count != len(net.styles) or not paintings:
            raise TrainingError(f"{len(net.styles)} styles of which {kept} are kept need as many paintings as are left")
        pictures = {f"painting {number}": file_hash(picture) for number, picture in enumerate(paintings)}
        super().__init__(
            net, settings, style=None, loss_network=loss_network,
            identity={**(identity or {}), **pictures, "kept": str(kept)}, **options,
        )  # fmt: skip
        self.targets = [style_target(self.loss_network, picture, settings) for picture in paintings]
        self._target = PaletteTarget(self.targets)

    def _choose_what_learns(self, *, blocks_only: bool) -> None:
        super()._choose_what_learns(blocks_only=blocks_only)
        if self._kept:
            self.net.net.requires_grad_(False)
        mask = torch.zeros_like(self.net.styles)
        for slot in slots_of(self.net.net):
            if slot.name.startswith("blocks.") == blocks_only:
                mask[self._kept :, slot.start : slot.end] = 1
        self.net.styles.register_hook(lambda gradient: gradient * mask)  # type: ignore[no-untyped-call]

    def _groups(self) -> list[dict[str, Any]]:
        others = [p for p in self._learning if p is not self.net.styles]
        return [{"params": others, "share": 1.0}, {"params": [self.net.styles], "share": SHARE_OF_STYLES}]

    def _losses(self, photo: Tensor, following: NextFrames | None) -> tuple[Tensor, Tensor]:
        drawn = styles_of_step(self._count, len(photo) * self.group.size, seed=self.settings.seed, step=self.iteration)[
            self.group.rank :: self.group.size
        ]
        self._which = drawn
        places = torch.tensor(drawn, device=photo.device) + self._kept
        self._weights_NK = F.one_hot(places, len(self.net.styles)).float()
        return super()._losses(photo, following)

    def _picture(self, photo: Tensor, alpha: Tensor, *, pairs: bool = False) -> Tensor:
        weights_NK = self._weights_NK[: len(photo) // 2].repeat(2, 1) if pairs else self._weights_NK[: len(photo)]
        return denormalise(self.net(normalise(photo), alpha, weights_NK).float())

    def looked_at(self, wanted_NCHW: Tensor, rgb01_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """As in `Trainer`, each picture by its own painting."""
        return palette_losses(self._target, wanted_NCHW, rgb01_NCHW, self._which)
