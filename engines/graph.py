"""The whole numeric path of a frame as one module, which every engine compiles: uint8 in, uint8 out.

Nothing numeric happens outside it: conversion to float, colour normalisation, padding, the network, cropping,
clamp and rounding are all in the graph, and alpha is one of its two inputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.networks import COLOUR_MEAN, COLOUR_STD, DynamicNet

MULTIPLE = 4
"""The network halves the picture twice, so padded sides are multiples of this."""
SMALLEST = 8
"""Reflection padding of 4 at full size and of 1 at quarter size needs padded sides of at least this."""


def padded(side: int) -> int:
    """The side that the network sees for a frame's side: the next multiple of 4, at least 8."""
    return max(SMALLEST, -(-side // MULTIPLE) * MULTIPLE)


class FrameGraph(nn.Module):
    """frame uint8 (height, width, 3) RGB, alpha float32 (n_blocks,) -> stylized uint8 (height, width, 3) RGB.

    The right and bottom edges are repeated up to the padded size and cut off again at the end.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: DynamicNet, height: int, width: int) -> None:
        super().__init__()
        self.net = net
        self.height, self.width = height, width
        self.register_buffer("mean", torch.tensor(COLOUR_MEAN).view(1, 3, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(COLOUR_STD).view(1, 3, 1, 1) * 255)

    def forward(self, frame_HWC: Tensor, alpha: Tensor) -> Tensor:
        x_NCHW = frame_HWC.float().permute(2, 0, 1).unsqueeze(0)
        x_NCHW = (x_NCHW - self.mean) / self.std
        right, bottom = padded(self.width) - self.width, padded(self.height) - self.height
        if right or bottom:
            x_NCHW = F.pad(x_NCHW, (0, right, 0, bottom), mode="replicate")
        y_NCHW = self.net(x_NCHW, alpha)[:, :, : self.height, : self.width]
        y_NCHW = (y_NCHW * self.std + self.mean).clamp(0, 255).round()
        return y_NCHW.squeeze(0).permute(1, 2, 0).to(torch.uint8)
