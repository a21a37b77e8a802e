"""The whole numeric path of a frame as one module, which every engine compiles: uint8 in, uint8 out.

Nothing numeric happens outside it: conversion to float, colour normalisation, padding, the network, cropping,
clamp and rounding are all in the graph, and alpha is one of its inputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylefader.engines.graph.alpha_maps import alpha_maps, block_strides, mask_shares
from stylefader.engines.graph.half import HalfNet
from stylefader.engines.graph.rewrite import Rewrites, rewrite
from stylefader.engines.graph.sizes import MULTIPLE, SMALLEST, padded
from stylefader.engines.graph.style_maps import MaskedStyled, StyleSides, with_style_maps
from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.networks.dynamic_net import DynamicNet

PADDED_TYPES = {"fp16": torch.float16, "f32": torch.float32}
"""The type of colours in a `PaddedGraph`, by precision."""


class FrameGraph(nn.Module):
    """frame uint8 (height, width, 3) RGB, alpha float32 (n_blocks,) -> stylized uint8 (height, width, 3) RGB.

    A network without blocks takes the frame alone. A palette takes a style vector behind alpha, float32 (d,). With
    `masked` it takes as well what these are outside of the mask, and the mask, uint8 (height, width), as its last
    inputs; a network without blocks has no use for them.

    The right and bottom edges are repeated up to the padded size and cut off again at the end.

    rewrites: exact changes to the network's graph; with none the network runs as trained.
    half: the network in fp16 with its statistics in f32, instead of all in f32.
    height, width: None leaves the side to each frame (an export must then mark it as dynamic).
    """

    mean: Tensor
    std: Tensor
    picture_type = torch.uint8

    def __init__(
        self,
        net: DynamicNet,
        height: int | None,
        width: int | None,
        *,
        rewrites: Rewrites | None = None,
        half: bool = False,
        masked: bool = False,
    ) -> None:
        super().__init__()
        self.n_blocks, self.styled = net.n_blocks, net.style_size > 0
        self.strides = block_strides(net) if masked else ()
        self.height, self.width = height, width
        self.folded = rewrites is not None and rewrites.colours
        net = net if rewrites is None else rewrite(net, rewrites)
        if masked and self.styled:
            with_style_maps(net)
        self.style_strides = [module.stride for module in net.modules() if isinstance(module, MaskedStyled)]
        self.net = HalfNet(net) if half else net
        self.register_buffer("mean", torch.tensor(COLOUR_MEAN).view(1, 3, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(COLOUR_STD).view(1, 3, 1, 1) * 255)

    def forward(
        self,
        frame_HWC: Tensor,
        alpha: Tensor | None = None,
        third: Tensor | None = None,
        fourth: Tensor | None = None,
        fifth: Tensor | None = None,
        sixth: Tensor | None = None,
    ) -> Tensor:
        """Stylize a frame, uint8 (H, W, 3), at alpha, float32 (n_blocks,); the others are as said above."""
        more = [given for given in (third, fourth, fifth, sixth) if given is not None]
        style: Tensor | StyleSides | None = None
        style, rest = (more[0], more[1:]) if self.styled else (None, more)
        height = frame_HWC.shape[0] if self.height is None else self.height
        width = frame_HWC.shape[1] if self.width is None else self.width
        x_NCHW = frame_HWC.float().permute(2, 0, 1).unsqueeze(0)
        if not self.folded:
            x_NCHW = (x_NCHW - self.mean) / self.std
        x_NCHW = self._pad(x_NCHW, height, width)
        strengths: Tensor | list[Tensor] | None = None
        if alpha is not None:
            # Four dimensions a strength: with a bare scalar OpenVINO reorders the features around every block.
            strengths = alpha = alpha.view(-1, 1, 1, 1, 1)
            if rest:
                alpha_outside, *style_outside, mask_HW = rest
                share_NCHW = self._pad(mask_HW.float()[None, None] / 255, height, width)
                shares = mask_shares(share_NCHW, (*self.strides, *self.style_strides))
                strengths = alpha_maps(alpha, alpha_outside.view(-1, 1, 1, 1, 1), shares, self.strides)
                style = StyleSides(style, style_outside[0], shares) if style_outside and style is not None else style
        y_NCHW = self.net(x_NCHW, strengths) if style is None else self.net(x_NCHW, strengths, style)
        y_NCHW = self._crop(y_NCHW, height, width)
        if not self.folded:
            y_NCHW = y_NCHW * self.std + self.mean
        return y_NCHW.clamp(0, 255).round().squeeze(0).permute(1, 2, 0).to(self.picture_type)

    def _crop(self, y_NCHW: Tensor, height: int, width: int) -> Tensor:
        if (self.height, self.width) == (padded(height), padded(width)):
            return y_NCHW  # nothing was padded; without a slice the graph is good for other such sizes, too
        return y_NCHW[:, :, :height, :width]

    def _pad(self, x_NCHW: Tensor, height: int, width: int) -> Tensor:
        if self.height is None or self.width is None:
            # `padded` for a symbolic side; never divide a negative one, which ONNX rounds towards zero.
            bottom = torch.sym_max(SMALLEST, (height + MULTIPLE - 1) // MULTIPLE * MULTIPLE) - height  # type: ignore[no-untyped-call]
            right = torch.sym_max(SMALLEST, (width + MULTIPLE - 1) // MULTIPLE * MULTIPLE) - width  # type: ignore[no-untyped-call]
            return F.pad(x_NCHW, (0, right, 0, bottom), mode="replicate")
        right, bottom = padded(width) - width, padded(height) - height
        return F.pad(x_NCHW, (0, right, 0, bottom), mode="replicate") if right or bottom else x_NCHW


class PaddedGraph(FrameGraph):
    """`FrameGraph` without its ends: the colours of a frame of padded size, in and out as numbers 0..255 of one type.

    (height, width, 3), sides as `padded` gives them; the picture's numbers are whole, so that no conversion to uint8
    can change them.
    """

    def __init__(self, net: DynamicNet, precision: str, *, rewrites: Rewrites, masked: bool = False) -> None:
        super().__init__(net, None, None, rewrites=rewrites, half=precision == "fp16", masked=masked)
        self.picture_type = PADDED_TYPES[precision]

    def _pad(self, x_NCHW: Tensor, height: int, width: int) -> Tensor:
        return x_NCHW

    def _crop(self, y_NCHW: Tensor, height: int, width: int) -> Tensor:
        return y_NCHW
