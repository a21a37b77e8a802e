"""What a palette makes of photographs at both ends of alpha at once; each part of it learns from its own end alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import functional_call

from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.palette import slots_of


def main_size(net: DynamicNet) -> int:
    """How many numbers of a style vector belong to the main network; those of the tuning-blocks follow."""
    return next((slot.start for slot in slots_of(net) if slot.name.startswith("blocks.")), net.style_size)


def pictures_at_both_ends(net: DynamicNet, photo_NCHW: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures at alpha 0 and at alpha 1, RGB about 0..1, (N, 3, H, W) each.

    As in the training of palettes, the main network and its numbers of the vector get no gradient from the picture at
    alpha 1. In training mode.

    Args:
        net: Of kind `palette`.
        photo_NCHW: RGB in 0..1.
        vector: float (d,).
    """
    x, size = normalise(photo_NCHW), main_size(net)
    low = net.main(x, vector)
    around = torch.cat([vector[:size].detach(), vector[size:]])
    weights = {name: weight.detach() if name.startswith("main.") else weight for name, weight in net.named_parameters()}
    high = functional_call(net, weights, (x, x.new_ones(net.n_blocks), around))
    return denormalise(low.float()), denormalise(high.float())
