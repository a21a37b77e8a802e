from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from stylefader.training.networks.architectures import ARCHITECTURES
from stylefader.training.networks.dynamic_net import ONE_BLOCK, THREE_BLOCKS, DynamicNet


def multiply_adds(net: DynamicNet, side: int = 64) -> dict[str, float]:
    """Multiply-adds a pixel of every convolution, by the sizes that a forward pass really has."""
    found: dict[str, float] = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):

            def hook(module: nn.Module, _: object, out: torch.Tensor, name: str = name) -> None:
                assert isinstance(module, nn.Conv2d)
                found[name] = module.weight.numel() * out.shape[-1] * out.shape[-2] / side**2

            module.register_forward_hook(hook)
    net(torch.zeros(1, 3, side, side), torch.zeros(net.n_blocks))
    return found


def test_layers_are_the_papers() -> None:
    """Johnson et al., supplement, table 1; Dynamic-Net's three places."""
    net = DynamicNet(width=32)
    convolutions = [m for m in net.main.modules() if isinstance(m, nn.Conv2d)]
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in convolutions]
    residual = [(128, 128, 3, 1)] * 10
    ends = [(3, 32, 9, 1), (32, 64, 3, 2), (64, 128, 3, 2)], [(128, 64, 3, 1), (64, 32, 3, 1), (32, 3, 9, 1)]
    assert shapes == [*ends[0], *residual, *ends[1]]
    assert sum(isinstance(m, nn.InstanceNorm2d) and m.affine for m in net.main.modules()) == 15
    assert [net.main.channels_before(place) for place in net.places] == [128, 128, 32]
    work = multiply_adds(net)
    assert sum(cost for name, cost in work.items() if name.startswith("main")) == 153_792
    assert sum(cost for name, cost in work.items() if name.startswith("blocks")) == 82_944


def test_nano_costs_a_small_part_of_lite_and_has_its_features_at_half_and_quarter_size() -> None:
    nano, lite = DynamicNet(architecture="nano", width=16), DynamicNet(width=16)
    assert [nano.main.channels_before(place) for place in nano.places] == [32, 32, 16]
    work = multiply_adds(nano)
    assert sum(work.values()) * 4 < sum(multiply_adds(lite).values())
    assert nano.main["conv1"](torch.zeros(1, 3, 16, 24)).shape == (1, 16, 8, 12)
    assert nano(torch.zeros(1, 3, 16, 24), torch.zeros(3)).shape == (1, 3, 16, 24)


def test_an_untrained_nano_network_has_no_checkerboard() -> None:
    """The four pixels that its last convolution makes at once begin alike: what it gives is constant over 2x2."""
    y = DynamicNet(architecture="nano", width=8)(torch.randn(1, 3, 16, 24), torch.zeros(3))
    assert torch.equal(y, y[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2))
    assert y.std() > 0.01


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["single", "dual"])
@pytest.mark.parametrize("places", [ONE_BLOCK, THREE_BLOCKS])
def test_fresh_dynamic_net_equals_its_main_network(kind: Any, places: tuple[str, ...], architecture: Any) -> None:
    net = DynamicNet(architecture=architecture, width=8, places=places, kind=kind)
    x = torch.randn(1, 3, 16, 24)
    for alpha in (-1.0, 0.0, 0.37, 1.0):
        assert torch.equal(net(x, torch.full((len(places),), alpha)), net.main(x))


def test_alpha_scales_what_its_own_block_adds() -> None:
    net = DynamicNet(width=8, places=("output",))
    tuning = net.blocks["output"]
    nn.init.normal_(tuning.psi[-1].weight, std=0.1)
    z = torch.randn(1, 8, 16, 16)
    added = tuning(z, torch.tensor(1.0)) - z
    assert added.abs().max() > 0.01
    torch.testing.assert_close(tuning(z, torch.tensor(0.25)) - z, 0.25 * added)


def test_dual_blocks_take_turns_at_zero() -> None:
    net = DynamicNet(width=8, places=ONE_BLOCK, kind="dual")
    tuning = net.blocks["residual3"]
    for psi in (tuning.hi, tuning.lo):
        nn.init.normal_(psi[-1].weight, std=0.1)
    z = torch.randn(1, 32, 8, 8)
    torch.testing.assert_close(tuning(z, torch.tensor(0.5)), z + 0.5 * tuning.hi(z))
    torch.testing.assert_close(tuning(z, torch.tensor(-0.5)), z + 0.5 * tuning.lo(z))
    assert torch.equal(tuning(z, torch.tensor(0.0)), z)


def test_alpha_is_an_input_of_an_export() -> None:
    net = DynamicNet(width=4).eval()
    for block in net.blocks.values():
        nn.init.normal_(block.psi[-1].weight, std=0.1)
    x, alpha = torch.randn(1, 3, 16, 16), torch.tensor([0.1, 0.9, 0.5])
    exported = torch.export.export(net, (x, torch.zeros(3))).module()
    torch.testing.assert_close(exported(x, alpha), net(x, alpha))


@pytest.mark.parametrize("places", [("up1", "residual3"), ("nowhere",), ("up1", "up1")])
def test_blocks_must_stand_before_known_stages_in_order(places: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="network order"):
        DynamicNet(width=4, places=places)
