"""What AdaIN's decoder is trained for: the features that it was given, and the style's statistics on every layer.

Both are seen by the encoder itself, as in the paper (Huang and Belongie, ICCV 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.networks.adain import AdainEncoder, AdainNet, mixed, statistics
from stylefader.training.networks.adain_layout import ENCODER


@torch.no_grad()
def take_front(encoder: AdainEncoder, network: LossNetwork) -> None:
    """Give an encoder the front of a loss network, rounded to what a pack holds.

    Its colours are normalised as those of all our networks are, so what the loss network does to its own goes into the
    first convolution. That is exact, also at the edge, since the encoder pads by reflection.
    """
    std, mean = (network.mean_rgb.new_tensor(rgb) * 255 for rgb in (COLOUR_STD, COLOUR_MEAN))
    own_std, own_mean = network.std_rgb.view(3), network.mean_rgb.view(3)
    for name, conv in encoder.items():
        known = network.convs[name]
        assert isinstance(conv, nn.Conv2d) and isinstance(known, nn.Conv2d)
        assert conv.bias is not None and known.bias is not None
        weight, bias = known.weight, known.bias
        if name == ENCODER[0][0]:
            bias = bias + (weight * ((mean - own_mean) / own_std).view(1, 3, 1, 1)).sum((1, 2, 3))
            weight = weight * (std / own_std).view(1, 3, 1, 1)
        conv.weight.copy_(weight.half())
        conv.bias.copy_(bias.half())


def adain_losses(net: AdainNet, x_NCHW: Tensor, style_NCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The content and the style loss of the paper, of pictures that are made at alpha 1.

    Args:
        net: Its encoder does not learn.
        x_NCHW: Photographs, normalised RGB (N, 3, H, W); H and W are multiples of 4.
        style_NCHW: As many pictures of styles, alike but of any size.

    Returns:
        The pictures, normalised RGB (N, 3, H, W), and content and style loss, float32 scalars.
    """
    with torch.no_grad():
        wanted = [statistics(features) for features in net.encoder.style_features(style_NCHW)]
        target_NCHW = mixed(net.encoder(x_NCHW), x_NCHW.new_ones(1), wanted[-1])
    y_NCHW = net.decoder(target_NCHW)
    found = net.encoder.style_features(y_NCHW)
    content = (found[-1].float() - target_NCHW).square().mean()
    distances = [(statistics(features) - goal).square() for features, goal in zip(found, wanted, strict=True)]
    # The mean squares of means and of deviations are added, as in the paper; each row here has both.
    return y_NCHW, content, torch.stack([2 * distance.mean() for distance in distances]).sum()
