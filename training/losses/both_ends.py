"""What a style looks for at both ends of alpha at once: lightly stylized at 0, strongly at 1, one photograph for both.

The photograph's features are needed once for both pictures that are made of it, so a step costs less than one of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.losses.perceptual import StyleTarget, random_window, total_variation


@dataclass(frozen=True, kw_only=True)
class End:
    """What is minimised at one end of alpha: content + style_weight * style + smoothness * total variation."""

    style_weight: float
    smoothness: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class EndLosses:
    """Losses of the low and the high end of alpha, float32 (2,) each, mean over the photographs.

    total is what is minimised; content and style are unweighted.
    """

    total: Tensor
    content: Tensor
    style: Tensor

    def detached(self) -> EndLosses:
        """The same numbers without their graph."""
        return EndLosses(total=self.total.detach(), content=self.content.detach(), style=self.style.detach())

    def sum(self, ends: tuple[End, End]) -> Tensor:
        """One number to minimise, a scalar, in which both ends count alike whatever their style weights."""
        scale = self.total.new_tensor([1 / (1 + end.style_weight) for end in ends])
        return (self.total * scale).sum()


class BothEnds:
    """Measures pictures at both ends of alpha against one painting.

    target: of the painting. ends: of alpha 0 and of alpha 1.
    """

    def __init__(self, target: StyleTarget, ends: tuple[End, End]) -> None:
        self.target, self.ends = target, ends
        self.loss_network: LossNetwork = target.loss_network

    def __call__(
        self, photo_NCHW: Tensor, low_NCHW: Tensor, high_NCHW: Tensor, *, window: tuple[int, int] | None = None
    ) -> EndLosses:
        """Losses of what was made of the photographs at alpha 0 and 1, RGB in 0..1, (N, 3, H, W) each.

        window: seed and step that decide through which window they are seen; None sees all of them.
        """
        network, count = self.loss_network, len(photo_NCHW)
        variation = torch.stack([total_variation(low_NCHW), total_variation(high_NCHW)])
        if window is not None:
            photo_NCHW, low_NCHW, high_NCHW = random_window(
                photo_NCHW, low_NCHW, high_NCHW, period=self.target.grid_period, seed=window[0], step=window[1]
            )
        both = torch.cat([low_NCHW, high_NCHW])
        features = network(both)
        with torch.no_grad():
            wanted = network(photo_NCHW, last=network.last_content_layer)
        content = torch.stack([
            (features[layer].float() - wanted[layer].float().repeat(2, 1, 1, 1)).square().mean((1, 2, 3))
            for layer in network.layers.content
        ]).mean(0).view(2, count).mean(1)  # fmt: skip
        style = self.target.losses(both, features).view(2, count).mean(1)
        weights = torch.tensor([[end.style_weight, end.smoothness] for end in self.ends], device=content.device).T
        return EndLosses(total=content + weights[0] * style + weights[1] * variation, content=content, style=style)
