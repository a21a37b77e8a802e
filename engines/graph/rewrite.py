"""Exact rewrites of the network's graph: the same function by cheaper arithmetic, shared by all engines.

Every rewrite is an identity over the reals, proved in its docstring, so it changes a picture only by rounding.
The network itself stays as training wrote it; the `torch` engine runs it unrewritten and is the reference.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylefader.engines.graph.rewritten_kernels import TRANSPOSED_TAPS, lay_phases
from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.main_network import OutputConv
from stylefader.training.networks.nano_network import ShuffleOutput
from stylefader.training.networks.stages import ConvNorm, StyledNorm

UpForm = Literal["nearest", "wide", "phases", "transposed"]

COLOUR_SCALE = 64.0
"""A network with folded colours takes 0..255 as it is; a power of two keeps its first weights within fp16."""


@dataclass(frozen=True, kw_only=True)
class Rewrites:
    """Which rewrites to apply; the defaults apply none.

    up: form of the up-convolutions: `nearest` (as trained), or `wide`, `phases`, `transposed` by the class below.
    output_stride: 1 (as trained), or r for `StridedConv`, that makes r x r pixels of the last layer at once. A nano
    network's last layer makes 2x2 at once as it is trained, and stays so.
    colours: fold the colour normalisation into the first and last convolution (`fold_colours`).
    """

    up: UpForm = "nearest"
    output_stride: int = 1
    colours: bool = False


def rewrite(net: DynamicNet, rewrites: Rewrites) -> DynamicNet:
    """A rewritten copy of `net` on its own device and dtype; `net` is left as it was.

    With `rewrites.colours` the copy takes and gives RGB in 0..255; else normalised RGB, as `net` does.
    """
    net = copy.deepcopy(net)
    if rewrites.colours:
        fold_colours(net)
    if rewrites.up != "nearest":
        up_conv = {"wide": WideUpConv, "phases": PhaseUpConv, "transposed": TransposedUpConv}[rewrites.up]
        for known in net.main.architecture.stages:
            if known.kind == "up":
                stage = net.main[known.name]
                assert isinstance(stage, ConvNorm)
                stage.upsample, stage.pad = nn.Identity(), nn.Identity()
                stage.conv = up_conv(stage.conv)  # type: ignore[assignment]
    output = net.main["output"]
    if rewrites.output_stride > 1 and isinstance(output, OutputConv):
        net.main["output"] = StridedConv(output.conv, rewrites.output_stride)
    return net.requires_grad_(False).eval()


def fold_colours(net: DynamicNet) -> None:
    """Fold the colour normalisation into the first and last convolution of `net`, in place.

    In: the first convolution is linear, and its reflection padding only copies pixels, so it commutes with any
    change of each colour by itself, c -> (c - mean) / std. Hence sum(w * (c - mean) / std) + b equals
    sum(w / std * c) + (b - sum(w * mean / std)): new weights and a new bias, no term at the border left over.
    Both are then scaled by s = COLOUR_SCALE. The instance norm behind has s^2 * eps for eps, which undoes it:
    (s x - mean(s x)) / sqrt(var(s x) + s^2 eps) = (x - mean(x)) / sqrt(var(x) + eps).
    Out: y * std + mean of the last convolution's y = conv(w) + b is conv(w * std) + (b * std + mean). Where it makes
    several pixels of a colour at once, these are channels in a row, each with its colour's mean and std.
    """
    first, last = net.main["conv1"], net.main["output"]
    assert isinstance(first, ConvNorm) and isinstance(last, OutputConv | ShuffleOutput)
    assert first.conv.bias is not None and last.conv.bias is not None
    with torch.no_grad():
        weight = first.conv.weight.double()
        mean = weight.new_tensor(COLOUR_MEAN) * 255
        std = weight.new_tensor(COLOUR_STD) * 255
        weight = weight / std.view(1, 3, 1, 1)
        first.conv.bias.copy_((first.conv.bias - (weight * mean.view(1, 3, 1, 1)).sum((1, 2, 3))) * COLOUR_SCALE)
        first.conv.weight.copy_(weight * COLOUR_SCALE)
        norm = first.norm.norm if isinstance(first.norm, StyledNorm) else first.norm
        norm.eps *= COLOUR_SCALE**2
        of_a_colour = last.conv.out_channels // 3
        mean, std = mean.repeat_interleave(of_a_colour), std.repeat_interleave(of_a_colour)
        last.conv.weight.copy_(last.conv.weight * std.view(-1, 1, 1, 1))
        last.conv.bias.copy_(last.conv.bias * std + mean)


class WideUpConv(nn.Module):
    """Nearest x2, reflection pad 1, 3x3 convolution, as one 3x3 convolution with four times the channels.

    In one dimension (rows and columns are independent): let u[j] = x[j // 2] for 0 <= j < 2n. Reflection gives
    u[-1] = u[1] = x[0] and u[2n] = u[2n - 2] = x[n - 1], which is what u[j] = x[j // 2] says when x is padded by
    repeating its edge: x[-1] = x[0], x[n] = x[n - 1]. So the padded u is the nearest upsampling of the padded x,
    and the result at 2i + p is sum over k of w[k] * x[(2i + p + k - 1) // 2]:

        p = 0: w[0] x[i - 1] + (w[1] + w[2]) x[i]
        p = 1: (w[0] + w[1]) x[i] + w[2] x[i + 1]

    Each phase p is a convolution of x itself, and laying the phases side by side (pixel shuffle) gives the whole.
    This form keeps three taps a phase, one of them zero: as many multiply-adds as before, on a smaller picture.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        kernels = _phase_kernels(conv)
        o, i = conv.out_channels, conv.in_channels
        weight = kernels.new_zeros(o, 2, 2, i, 3, 3)
        for p, q in _PHASES:
            weight[:, p, q, :, p : p + 2, q : q + 2] = kernels[p, q]
        self.pad = nn.ReplicationPad2d(1)
        self.conv = _conv(weight.reshape(4 * o, i, 3, 3), _bias(conv).repeat_interleave(4))
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, 2H, 2W)."""
        return self.shuffle(self.conv(self.pad(x_NCHW)))


class PhaseUpConv(nn.Module):
    """The same by 2x2 kernels: 4/9 of the multiply-adds, but the phases must be cut out before the shuffle.

    Proof: as for `WideUpConv`. With v[i] = x[i - 1] (the padded x), phase p at i is its two taps on v[i + p] and
    v[i + p + 1]: the convolution of v by the two taps, read from place p on. One convolution computes all four
    phases over (n + 1) x (n + 1) places; of each, n x n are used.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        kernels = _phase_kernels(conv)
        self.channels = conv.out_channels
        self.pad = nn.ReplicationPad2d(1)
        self.conv = _conv(kernels.reshape(-1, conv.in_channels, 2, 2), _bias(conv).repeat(4))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, 2H, 2W)."""
        n, _, h, w = x_NCHW.shape
        y_NCHW = self.conv(self.pad(x_NCHW))
        phases = [
            phase[:, :, p : p + h, q : q + w]
            for phase, (p, q) in zip(y_NCHW.split(self.channels, dim=1), _PHASES, strict=True)
        ]
        return F.pixel_shuffle(torch.stack(phases, 2).reshape(n, 4 * self.channels, h, w), 2)


class TransposedUpConv(nn.Module):
    """The same as one transposed convolution, 4x4 with stride 2: 4/9 of the multiply-adds and no shuffle.

    A transposed convolution with stride 2 adds K[k] * v[j] to place 2j + k. Cut by 3 on each side (its padding),
    with v[j] = x[j - 1] (the padded x), it adds K[k] * x[j] to place 2j + k - 1. Place 2i gets K[1] x[i] and
    K[3] x[i - 1]; place 2i + 1 gets K[2] x[i] and K[0] x[i + 1]. By the proof for `WideUpConv` these are the
    taps wanted when K = (w[2], w[1] + w[2], w[0] + w[1], w[0]). Length: 2 (n + 1) + 4 - 2 * 3 = 2n.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        taps = conv.weight.new_tensor(TRANSPOSED_TAPS)
        self.pad = nn.ReplicationPad2d(1)
        self.conv = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, 2, padding=3)
        _fill(self.conv, torch.einsum("ak,bl,oikl->ioab", taps, taps, conv.weight), _bias(conv))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, 2H, 2W)."""
        return self.conv(self.pad(x_NCHW))


class StridedConv(nn.Module):
    """Reflection pad and an odd k x k convolution, as a (k + r - 1)-wide one with stride r and r^2 the channels.

    In one dimension: y[j] = sum over t of w[t] * v[j + t] on the padded v. Write j = r i + p with 0 <= p < r:
    y[r i + p] = sum over s of w_p[s] * v[r i + s] where w_p[s] = w[s - p], zero outside. Each w_p is k + r - 1
    wide and the places are r apart, so the r phases are the channels of one convolution with stride r, and pixel
    shuffle lays them side by side. Sides must be multiples of r.

    It does ((k + r - 1) / k)^2 of the multiply-adds; it pays where few output channels leave vector lanes or
    matrix tiles empty, as the three colours of the last layer do.
    """

    def __init__(self, conv: nn.Conv2d, stride: int) -> None:
        super().__init__()
        o, i, k, _ = conv.weight.shape
        wide = k + stride - 1
        weight = conv.weight.new_zeros(o, stride, stride, i, wide, wide)
        lay_phases(weight, conv.weight, stride)
        self.pad = nn.ReflectionPad2d(k // 2)
        self.conv = _conv(weight.reshape(-1, i, wide, wide), _bias(conv).repeat_interleave(stride**2), stride)
        self.shuffle = nn.PixelShuffle(stride)

    def forward(self, x_NCHW: Tensor, style: Tensor | None = None) -> Tensor:
        """Whatever the style, (N, C, H, W) to (N, channels, H, W), where the stride divides H and W."""
        return self.shuffle(self.conv(self.pad(x_NCHW)))


_PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


def _phase_kernels(conv: nn.Conv2d) -> Tensor:
    """The 2x2 kernels of the four phases (p, q): (2, 2, out, in, 2, 2)."""
    # fold[p, tap, k]: which of w's three taps fall on which of the phase's two.
    fold = conv.weight.new_tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
    return torch.einsum("pak,qbl,oikl->pqoiab", fold, fold, conv.weight)


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def _conv(weight: Tensor, bias: Tensor, stride: int = 1) -> nn.Conv2d:
    o, i, k, _ = weight.shape
    conv = nn.Conv2d(i, o, k, stride)
    _fill(conv, weight, bias)
    return conv


def _fill(conv: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor, bias: Tensor) -> None:
    conv.weight = nn.Parameter(weight.detach().contiguous(), requires_grad=False)
    conv.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
