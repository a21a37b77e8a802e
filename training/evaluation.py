"""Measuring a network on photographs that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from training.colours import denormalise, normalise
from training.data import Picture, to_rgb01
from training.losses import StyleTarget, content_loss
from training.networks import DynamicNet
from training.pack_header import LossCurve


@torch.inference_mode()
def stylize(net: DynamicNet, picture_HWC: Picture, alpha: Tensor) -> Picture:
    """One picture through the network: uint8 (H, W, 3) RGB, sides cut to multiples of 4; alpha float (n_blocks,)."""
    h, w = (side // 4 * 4 for side in picture_HWC.shape[:2])
    y_NCHW = net(normalise(to_rgb01(np.ascontiguousarray(picture_HWC[:h, :w]))), alpha)
    rgb01 = denormalise(y_NCHW).clamp(0, 1)
    return (rgb01 * 255).round().byte()[0].permute(1, 2, 0).contiguous().numpy()


@torch.inference_mode()
def measure_losses(
    net: DynamicNet,
    target: StyleTarget,
    photos_NHWC: Picture,
    alphas: Sequence[float],
    *,
    report: Callable[[int], None] = lambda done: None,
) -> LossCurve:
    """Mean content and style loss over photographs, uint8 (N, H, W, 3), with every block at each of the alphas.

    In the units of training: the target's loss network and pyramid. The output is clamped to what can be shown.
    `report` gets the number of photographs done.
    """
    layers = target.loss_network.layers.content
    sums = np.zeros((2, len(alphas)))
    for number, photo in enumerate(photos_NHWC, 1):
        rgb01 = to_rgb01(photo)
        photo_features = target.loss_network(rgb01, last=target.loss_network.last_content_layer)
        for place, alpha in enumerate(alphas):
            y = denormalise(net(normalise(rgb01), torch.full((net.n_blocks,), alpha))).clamp(0, 1)
            features = target.loss_network(y)
            sums[0, place] += float(content_loss(features, photo_features, layers))
            sums[1, place] += float(target.loss(y, features))
        report(number)
    content, style = (sums / len(photos_NHWC)).round(6)
    return LossCurve(
        photographs=len(photos_NHWC), alpha=tuple(alphas), content=tuple(content.tolist()), style=tuple(style.tolist())
    )
