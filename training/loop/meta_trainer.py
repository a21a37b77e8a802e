"""Meta-training of a palette (MetaStyle, Zhang et al., AAAI 2019): one step from a shared vector leads to a painting.

In every step one painting is drawn. The shared vector takes one step of gradient descent towards it; the network, and
the shared vector, learn from the loss after that step, on the same photographs, through the step itself: the gradient
is of second order. In the inner step only the norms' numbers move, which here are the style vector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from stylefader.training.errors import TrainingError
from stylefader.training.loop.palette_trainer import PaletteTrainer, styles_of_step
from stylefader.training.losses.both_ends import BothEnds, End, EndLosses
from stylefader.training.losses.temporal import NextFrames
from stylefader.training.networks.both_ends import pictures_at_both_ends
from stylefader.training.networks.palette import Palette
from stylefader.training.settings import MetaSettings

_DECAY = 2.5e-5
START = "start"
"""The shared vector's name; it is the first row of the table."""


def one_step(vector: Tensor, loss: Callable[[Tensor], Tensor], rate: float) -> Tensor:
    """The vector after one step of gradient descent, float (d,), as a function that can be differentiated itself.

    Args:
        vector: float (d,), with a gradient.
        loss: Of a vector, a scalar.
        rate: How far the step goes along the gradient.
    """
    (gradient,) = torch.autograd.grad(loss(vector), vector, create_graph=True)
    return vector - rate * gradient


class MetaTrainer(PaletteTrainer):
    """A run of meta-training. The first row of the net's table is the shared vector, the others are the paintings'.

    The paintings' rows stay as they are; `adapted` gives what belongs there. Raises TrainingError as `PaletteTrainer`,
    and for fp16.
    """

    settings: MetaSettings

    def __init__(self, net: Palette, settings: MetaSettings, **options: Any) -> None:
        super().__init__(net, settings, kept=1, blocks_only=False, **options)
        if self.compute.numbers == "fp16":
            raise TrainingError("meta-training differentiates a gradient, which fp16 cannot hold: take precision f32")
        ends = (
            End(style_weight=settings.light_style_weight, smoothness=settings.light_smoothness),
            End(style_weight=settings.style_weight, smoothness=settings.smoothness),
        )
        self._looks = [BothEnds(target, ends) for target in self.targets]

    def _choose_what_learns(self, *, blocks_only: bool) -> None:
        self.net.requires_grad_(True)

    def _decay(self) -> float:
        return 1 / (1 + _DECAY * self.iteration)

    def _rate(self) -> float:
        return self.settings.learning_rate * self._decay()

    def _losses(self, photo: Tensor, following: NextFrames | None) -> tuple[Tensor, Tensor]:
        """The loss after the inner step; content and style are means over both ends of alpha."""
        seed, step = self.settings.seed, self.iteration
        (which,) = styles_of_step(self._count, 1, seed=seed, step=step)
        look = self._looks[which]
        with self.compute.autocast():
            after = self._stepped(self.net.styles[0], look, photo, step)
            losses = self._seen(after, look, photo, step)
        total = losses.sum(look.ends)
        content, style = losses.content.mean(), losses.style.mean()
        zero = torch.zeros_like(total)
        return total, torch.stack([total, content, style, zero, zero]).detach()

    def _seen(self, vector: Tensor, look: BothEnds, photo: Tensor, step: int) -> EndLosses:
        pictures = pictures_at_both_ends(self.net.net, photo, vector)
        return look(photo, *pictures, window=(self.settings.seed, step))

    def _stepped(self, vector: Tensor, look: BothEnds, photo: Tensor, step: int) -> Tensor:
        rate = self.settings.inner_rate * self._decay()
        return one_step(vector, lambda at: self._seen(at, look, photo, step).sum(look.ends), rate)

    def adapted(self, number: int) -> Tensor:
        """The vector of a painting after one step from the shared one, on the first photographs: float32 (d,)."""
        settings, device = self.settings, self.compute.device
        self.net.to(device)
        crops = [self.photos.crop(place, seed=settings.seed, size=settings.crop) for place in range(settings.batch)]
        photo = torch.stack([torch.from_numpy(crop) for crop in crops]).permute(0, 3, 1, 2).float() / 255
        start = self.net.styles[0].detach().clone().requires_grad_(True)
        with self.compute.autocast():
            after = self._stepped(start, self._looks[number], photo.to(device), 0)
        return after.detach().cpu()
