"""Measuring a network on photographs that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import Picture, to_rgb01
from stylefader.training.losses.perceptual import StyleTarget, content_loss
from stylefader.training.networks.adain import OneStyle
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.packs.pack_header import LossCurve

_PLAIN = Compute()
FixedLook = DynamicNet | OneStyle
"""A network whose look is settled but for alpha."""


@torch.inference_mode()
def stylize(net: FixedLook, picture_HWC: Picture, alpha: Tensor) -> Picture:
    """One picture through the network: uint8 (H, W, 3) RGB, sides cut to multiples of 4; alpha float (n_blocks,)."""
    h, w = (side // 4 * 4 for side in picture_HWC.shape[:2])
    device = next(net.parameters()).device
    y_NCHW = net(normalise(to_rgb01(np.ascontiguousarray(picture_HWC[:h, :w])).to(device)), alpha.to(device))
    rgb01 = denormalise(y_NCHW).clamp(0, 1)
    return (rgb01 * 255).round().byte()[0].permute(1, 2, 0).contiguous().cpu().numpy()


@torch.inference_mode()
def measure_losses(
    net: FixedLook,
    targets: Mapping[str, StyleTarget],
    photos_NHWC: Picture,
    alphas: Sequence[float],
    *,
    compute: Compute = _PLAIN,
    report: Callable[[int], None] = lambda done: None,
) -> LossCurve:
    """Mean losses over photographs, uint8 (N, H, W, 3), with every block at each of the alphas.

    targets: by the alpha that they were trained for, with one loss network between them; the first is the curve's
    `style`, the others its `style_at`. In the units of training; the output is clamped to what can be shown.
    compute: where the loss network is, and the numbers that it takes there, as in training; the network takes f32.
    `report` gets the number of photographs done.
    """
    loss_network = next(iter(targets.values())).loss_network
    assert all(target.loss_network is loss_network for target in targets.values())
    device, net = compute.device, net.to(compute.device)
    content, styles = np.zeros(len(alphas)), {end: np.zeros(len(alphas)) for end in targets}
    for number, photo in enumerate(photos_NHWC, 1):
        rgb01 = to_rgb01(photo).to(device)
        strengths = [torch.full((net.n_blocks,), alpha, device=device) for alpha in alphas]
        pictures = [denormalise(net(normalise(rgb01), alpha)) for alpha in strengths]
        with compute.autocast():
            photo_features = loss_network(rgb01, last=loss_network.last_content_layer)
            for place, picture in enumerate(pictures):
                shown = picture.clamp(0, 1)
                features = loss_network(shown)
                content[place] += float(content_loss(features, photo_features, loss_network.layers.content))
                for end, target in targets.items():
                    styles[end][place] += float(target.loss(shown, features))
        report(number)
    mean = {end: tuple((sums / len(photos_NHWC)).round(6).tolist()) for end, sums in styles.items()}
    return LossCurve(
        photographs=len(photos_NHWC),
        alpha=tuple(alphas),
        content=tuple((content / len(photos_NHWC)).round(6).tolist()),
        style=mean.pop(next(iter(targets))),
        style_at=mean,
    )
