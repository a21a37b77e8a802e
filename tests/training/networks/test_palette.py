"""Palettes: one network whose style is a vector."""

from __future__ import annotations

import pytest
import torch

from stylefader.training.networks.architectures import ARCHITECTURES, ArchitectureName
from stylefader.training.networks.dynamic_net import ONE_BLOCK, THREE_BLOCKS, DynamicNet
from stylefader.training.networks.palette import Palette, baked, slots_of, take_single
from stylefader.training.networks.style_vector import style_size, style_slots


def random_net(architecture: ArchitectureName = "johnson", places: tuple[str, ...] = THREE_BLOCKS) -> DynamicNet:
    torch.manual_seed(3)
    net = DynamicNet(architecture=architecture, width=4, places=places, kind="palette")
    for name, parameter in net.blocks.named_parameters():
        torch.nn.init.normal_(parameter, std=0.1 if name.endswith("weight") else 0.3)
    return net.eval()


@pytest.mark.parametrize("architecture", ["johnson", "nano"])
@pytest.mark.parametrize("places", [ONE_BLOCK, THREE_BLOCKS])
def test_every_number_of_a_vector_has_one_place(architecture: ArchitectureName, places: tuple[str, ...]) -> None:
    slots = style_slots(ARCHITECTURES[architecture], 4, places)
    numbers = [number for slot in slots for part in (slot.scale, slot.shift) for number in range(part.start, part.stop)]
    assert numbers == list(range(style_size(ARCHITECTURES[architecture], 4, places)))
    net = random_net(architecture, places)
    assert net.style_size == len(numbers)
    x, alpha = torch.randn(1, 3, 16, 16), torch.ones(len(places))
    plain = net(x, alpha, torch.zeros(net.style_size))
    for slot in slots:  # every place changes the picture
        vector = torch.zeros(net.style_size)
        vector[slot.scale] = torch.randn(slot.channels)  # a shift alone may be normalised away behind
        assert not torch.allclose(net(x, alpha, vector), plain, atol=1e-4), slot.name


def test_each_picture_of_a_batch_has_its_own_style() -> None:
    net = random_net()
    x, styles = torch.randn(2, 3, 16, 20), torch.randn(2, net.style_size) / 3
    both = net(x, torch.ones(3), styles)
    for number in range(2):
        alone = net(x[number : number + 1], torch.ones(3), styles[number])
        torch.testing.assert_close(both[number : number + 1], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", ["johnson", "nano"])
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_one_style_can_be_baked_into_a_network_of_its_own(architecture: ArchitectureName, alpha: float) -> None:
    net = random_net(architecture)
    style, x, strengths = torch.randn(net.style_size) / 3, torch.randn(1, 3, 16, 20), torch.full((3,), alpha)
    single = baked(net, style)
    assert single.kind == "single"
    torch.testing.assert_close(single(x, strengths), net(x, strengths, style), atol=1e-4, rtol=1e-4)


def test_a_palette_that_begins_with_a_pack_gives_its_pictures_in_every_style() -> None:
    torch.manual_seed(5)
    single = DynamicNet(width=4)
    for parameter in single.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    palette = Palette(DynamicNet(width=4, kind="palette"), 3)
    take_single(palette, single)
    x, alpha = torch.randn(1, 3, 16, 16), torch.tensor([0.3, 1.0, 0.6])
    expected = single(x, alpha)
    for weights in torch.eye(3):
        torch.testing.assert_close(palette(x, alpha, weights[None]), expected, atol=1e-3, rtol=1e-3)


def test_styles_mix_by_their_weights() -> None:
    palette = Palette(random_net(), 2)
    torch.nn.init.normal_(palette.styles, std=0.3)
    x, alpha = torch.randn(1, 3, 16, 16), torch.ones(3)
    half = palette(x, alpha, torch.tensor([[0.5, 0.5]]))
    torch.testing.assert_close(half, palette.net(x, alpha, palette.styles.mean(0)))
    assert slots_of(palette.net)[-1].end == palette.styles.shape[1]
