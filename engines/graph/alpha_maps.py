"""alpha as a map: what each tuning-block gets in place of one number where a mask parts inside and outside.

A block computes z + alpha * psi(z), whatever its network is, and a map with one channel is multiplied like a number. So
neither networks nor blocks know of masks. The map of a block has the size of its features, each place the average of
the mask over the pixels that it stands for: the border is softer the deeper the block stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylefader.training.networks.dynamic_net import DynamicNet

_PROBE = 32
"""Pixels a side of the picture that strides are seen on: a multiple of every stride."""


def block_strides(net: DynamicNet) -> tuple[int, ...]:
    """How many pixels a side one place of each block's features stands for, in the order of alpha."""
    strides = strides_of(net, {place: net.blocks[place] for place in net.places})
    return tuple(strides[place] for place in net.places)


def strides_of(net: DynamicNet, modules: Mapping[str, nn.Module]) -> dict[str, int]:
    """How many pixels of the picture, on each side, one place of a module's features stands for.

    Args:
        net: The network; it is run once, on a small picture.
        modules: Those of its modules to look at, by their names.

    Returns:
        The stride of what each module takes, by the same names.
    """
    widths: dict[str, int] = {}

    def sees(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return module.register_forward_pre_hook(
            lambda _, given: widths.__setitem__(name, int(given[0].shape[-1]))
        )  # fmt: skip

    hooks = [sees(name, module) for name, module in modules.items()]
    try:
        parameter = next(net.parameters())
        with torch.no_grad():
            style = (parameter.new_zeros(net.style_size),) if net.style_size else ()
            net(parameter.new_zeros(1, 3, _PROBE, _PROBE), parameter.new_zeros(net.n_blocks), *style)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: _PROBE // widths[name] for name in modules}


def mask_shares(mask_NCHW: Tensor, strides: Iterable[int]) -> dict[int, Tensor]:
    """A mask from 0 to 1, float (1, 1, H, W) of the padded size, averaged: (1, 1, H / stride, W / stride) by stride."""
    return {stride: F.avg_pool2d(mask_NCHW, stride) if stride > 1 else mask_NCHW for stride in set(strides)}


def alpha_maps(inside: Tensor, outside: Tensor, shares: Mapping[int, Tensor], strides: Sequence[int]) -> list[Tensor]:
    """The map of each block.

    Args:
        inside: Strengths where the mask is 1, float (n_blocks, 1, 1, 1, 1).
        outside: Strengths where it is 0, alike.
        shares: As `mask_shares` has them.
        strides: As `block_strides` has them.

    Returns:
        Float (1, 1, H / stride, W / stride) for each block.
    """
    return [
        shares[stride] * inside[number] + (1 - shares[stride]) * outside[number]
        for number, stride in enumerate(strides)
    ]  # fmt: skip
