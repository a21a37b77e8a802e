from __future__ import annotations

import numpy as np
import pytest
import torch

from stylefader.engines.graph.frame_graph import FrameGraph
from stylefader.engines.graph.sizes import padded
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.packs.pack import StylePack


@pytest.mark.parametrize(("side", "expected"), [(1, 8), (8, 8), (9, 12), (360, 360), (1079, 1080)])
def test_padded_sides(side: int, expected: int) -> None:
    assert padded(side) == expected


def test_the_graph_is_the_network_between_bytes(pack: StylePack) -> None:
    """At a size that needs no padding it is: normalise, network, denormalise, clamp, round."""
    net = pack.network()
    frame = torch.randint(0, 256, (16, 24, 3), dtype=torch.uint8)
    alpha = torch.tensor([0.2, 0.5, 1.0])
    rgb01 = frame.permute(2, 0, 1)[None].float() / 255
    expected = (denormalise(net(normalise(rgb01), alpha)).clamp(0, 1) * 255).round()[0].permute(1, 2, 0)
    found = FrameGraph(net, 16, 24)(frame, alpha)
    assert found.dtype == torch.uint8
    assert int((found.int() - expected.int()).abs().max()) <= 1


def test_padding_repeats_the_edge_and_is_cut_off(pack: StylePack) -> None:
    net, alpha = pack.network(), torch.ones(3)
    frame = np.random.default_rng(0).integers(0, 256, (13, 18, 3), np.uint8)
    by_hand = np.pad(frame, ((0, 3), (0, 2), (0, 0)), mode="edge")
    expected = FrameGraph(net, 16, 20)(torch.tensor(by_hand), alpha)[:13, :18]
    assert torch.equal(FrameGraph(net, 13, 18)(torch.tensor(frame), alpha), expected)
