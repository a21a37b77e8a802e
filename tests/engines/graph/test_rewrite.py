"""Every rewrite against the unrewritten network: equal to rounding, in float64 and in the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stylefader.engines.graph.frame_graph import FrameGraph
from stylefader.engines.graph.rewrite import PhaseUpConv, Rewrites, StridedConv, TransposedUpConv, WideUpConv, rewrite
from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.networks.architectures import ARCHITECTURES
from stylefader.training.networks.dynamic_net import ONE_BLOCK
from stylefader.training.packs.pack import StylePack
from tests.compare import FP16_DB, psnr
from tests.conftest import random_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
REWRITES = [
    Rewrites(up="wide"),
    Rewrites(up="phases"),
    Rewrites(up="transposed"),
    Rewrites(output_stride=2),
    Rewrites(output_stride=4),
    Rewrites(colours=True),
    Rewrites(up="transposed", output_stride=2, colours=True),
]


@pytest.mark.parametrize("up_conv", [WideUpConv, PhaseUpConv, TransposedUpConv])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5)])
def test_up_convolutions_equal_upsample_pad_and_convolve(up_conv: type[nn.Module], size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    conv = nn.Conv2d(3, 5, 3).double()
    x_NCHW = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64)
    expected = conv(F.pad(F.interpolate(x_NCHW, scale_factor=2), (1, 1, 1, 1), mode="reflect"))
    assert torch.allclose(up_conv(conv)(x_NCHW), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride"), [(9, 2), (9, 4), (3, 2), (3, 3)])
def test_a_strided_convolution_equals_pad_and_convolve(kernel: int, stride: int) -> None:
    generator = torch.Generator().manual_seed(2)
    conv = nn.Conv2d(4, 3, kernel).double()
    x_NCHW = torch.randn(2, 4, 5 * stride, 6 * stride, generator=generator, dtype=torch.float64)
    expected = conv(F.pad(x_NCHW, (kernel // 2,) * 4, mode="reflect"))
    assert torch.allclose(StridedConv(conv, stride)(x_NCHW), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("rewrites", REWRITES, ids=str)
def test_a_rewritten_network_is_the_same_function(
    rewrites: Rewrites, architecture: Any, tmp_path: Path, picture: MakePicture
) -> None:
    net = random_pack(tmp_path / "p.safetensors", architecture=architecture).network().double()
    rgb_NCHW = torch.tensor(picture(24, 40)).double().permute(2, 0, 1).unsqueeze(0)
    mean = torch.tensor(COLOUR_MEAN, dtype=torch.float64).view(1, 3, 1, 1) * 255
    std = torch.tensor(COLOUR_STD, dtype=torch.float64).view(1, 3, 1, 1) * 255
    x_NCHW = (rgb_NCHW - mean) / std
    rewritten = rewrite(net, rewrites)
    for values in ([0.0, 0.0, 0.0], [1.0, -0.5, 0.25], [-3.0, 2.0, 5.0]):
        alpha = torch.tensor(values).double()
        found = (rewritten(rgb_NCHW, alpha) - mean) / std if rewrites.colours else rewritten(x_NCHW, alpha)
        assert (found - net(x_NCHW, alpha)).abs().max() < 1e-9


@pytest.mark.parametrize("rewrites", REWRITES, ids=str)
def test_a_rewritten_picture_differs_by_one_level_at_most(
    rewrites: Rewrites, tmp_path: Path, picture: MakePicture
) -> None:
    net = random_pack(tmp_path / "dual.safetensors", places=ONE_BLOCK, kind="dual").network()
    for size in ((4, 4), (37, 51), (1, 90), (64, 48)):
        reference, graph = FrameGraph(net, *size), FrameGraph(net, *size, rewrites=rewrites)
        for value in (-1.0, 0.7):
            frame, alpha = torch.tensor(picture(*size)), torch.tensor([value])
            assert (graph(frame, alpha).int() - reference(frame, alpha).int()).abs().max() <= 1, (size, value)


def test_rewriting_leaves_the_network_alone(pack: StylePack) -> None:
    net = pack.network()
    rewrite(net, Rewrites(up="wide", output_stride=2, colours=True))
    fresh = pack.network()
    assert all(torch.equal(tensor, fresh.state_dict()[name]) for name, tensor in net.state_dict().items())
    assert net.main["conv1"].norm.eps == fresh.main["conv1"].norm.eps


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("colours", [False, True])
def test_half_precision_keeps_the_picture(
    tmp_path: Path, picture: MakePicture, colours: bool, architecture: Any
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", architecture=architecture)
    frame, alpha = torch.tensor(picture(45, 66)), torch.tensor([0.5, 1.0, -0.5])
    rewrites = Rewrites(up="wide", output_stride=2, colours=colours)
    expected = FrameGraph(pack.network(), 45, 66)(frame, alpha)
    found = FrameGraph(pack.network(), 45, 66, rewrites=rewrites, half=True)(frame, alpha)
    assert psnr(found.numpy(), expected.numpy()) >= FP16_DB


def test_half_precision_statistics_do_not_overflow(pack: StylePack, picture: MakePicture) -> None:
    """Features whose sums pass fp16's largest number: only statistics in f32 survive them."""
    net = pack.network()
    net.main["conv1"].conv.weight *= 2000
    frame, alpha = torch.tensor(picture(128, 128)), torch.zeros(3)
    features = net.main["conv1"].conv(net.main["conv1"].pad(frame.float().permute(2, 0, 1)[None] / 128 - 1))
    assert features.abs().max() < 65504 < features.square().mean()
    expected = FrameGraph(net, 128, 128)(frame, alpha)
    found = FrameGraph(net, 128, 128, half=True)(frame, alpha)
    assert psnr(found.numpy(), expected.numpy()) >= FP16_DB
