"""A palette as modules: one network and the vectors of its styles, and one style made a network.

See `style_vector.py` for what a vector is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stylefader.training.networks.architectures import ARCHITECTURES, ArchitectureName
from stylefader.training.networks.dynamic_net import DynamicNet, StyledTuningBlock
from stylefader.training.networks.stages import InstanceNorm
from stylefader.training.networks.style_vector import StyleSlot, style_slots
from stylefader.training.packs.families.dynamic_net import TUNING_CONVS
from stylefader.training.packs.families.palette import TUNING_PARTS


class AroundPalette(nn.Module):
    """A module around a palette's network that says of it what trainers and packs ask of any network."""

    def __init__(self, net: DynamicNet) -> None:
        super().__init__()
        assert net.kind == "palette"
        self.net = net

    @property
    def main(self) -> nn.Module:
        """The main network."""
        return self.net.main

    @property
    def n_blocks(self) -> int:
        """How many tuning-blocks there are."""
        return self.net.n_blocks

    @property
    def architecture(self) -> ArchitectureName:
        """The main network's architecture."""
        return self.net.architecture

    @property
    def width(self) -> int:
        """Channels of the main network's first stage."""
        return self.net.width

    @property
    def places(self) -> tuple[str, ...]:
        """The stages that a tuning-block stands before."""
        return self.net.places

    @property
    def kind(self) -> str:
        """Always `palette`."""
        return self.net.kind


class Palette(AroundPalette):
    """A network of kind `palette`, and a table with the vectors of `count` styles, which begin as plain ones.

    net: the network. styles: float (count, net.style_size).
    """

    def __init__(self, net: DynamicNet, count: int) -> None:
        super().__init__(net)
        self.styles = nn.Parameter(torch.zeros(count, net.style_size))

    def forward(self, x_NCHW: Tensor, alpha: Tensor | None, weights_NK: Tensor) -> Tensor:
        """As `DynamicNet`, each picture in a mixture of its own.

        Args:
            x_NCHW: Normalised RGB, (N, 3, H, W).
            alpha: As for `DynamicNet`.
            weights_NK: float (N, count), of the styles in each picture.

        Returns:
            Normalised RGB, (N, 3, H, W).
        """
        return self.net(x_NCHW, alpha, weights_NK @ self.styles)


def slots_of(net: DynamicNet) -> tuple[StyleSlot, ...]:
    """The places of its style vector, in order."""
    return style_slots(ARCHITECTURES[net.architecture], net.width, net.places)


@torch.no_grad()
def baked(net: DynamicNet, style: Tensor) -> DynamicNet:
    """The network of kind `single` that a palette is at one style: the same pictures, but for rounding.

    A norm's scale and shift are its own numbers then; those behind a convolution w * x + b of a tuning-block go into
    it, since s (w * x + b) + t = (s w) * x + (s b + t).

    Args:
        net: Of kind `palette`.
        style: float (d,).
    """
    single = DynamicNet(architecture=net.architecture, width=net.width, places=net.places).to(style.device)
    slots = {slot.name: (1 + style[slot.scale], style[slot.shift]) for slot in slots_of(net)}
    state = {name: tensor for name, tensor in net.state_dict().items() if name.startswith("main.")}
    for name, (scale, shift) in slots.items():
        if name.startswith("main."):
            state |= {f"{name}.weight": scale, f"{name}.bias": shift}
    for place in net.places:
        psi = net.blocks[place].psi
        assert isinstance(psi, StyledTuningBlock)
        for part, position in zip(TUNING_PARTS, TUNING_CONVS, strict=True):
            conv = getattr(psi, part)
            one = style.new_ones(conv.out_channels), style.new_zeros(conv.out_channels)
            scale, shift = slots.get(f"blocks.{place}.psi.{part}_style", one)
            name = f"blocks.{place}.psi.{position}"
            state |= {
                f"{name}.weight": conv.weight * scale.view(-1, 1, 1, 1),
                f"{name}.bias": conv.bias * scale + shift,
            }
    single.load_state_dict(state)
    return single


@torch.no_grad()
def take_single(palette: Palette, single: DynamicNet) -> None:
    """Begin a palette with a network of kind `single`: its convolutions for all, its look as that of every style.

    Both have one architecture and width. Blocks are taken where they stand before the same stages.
    """
    net, state = palette.net, single.state_dict()
    own = net.state_dict()
    taken = {name: state[name] for name in own if name.startswith("main.") and name in state}
    same = single.places == net.places
    for place in net.places if same else ():
        for part, position in zip(TUNING_PARTS, TUNING_CONVS, strict=True):
            for what in ("weight", "bias"):
                taken[f"blocks.{place}.psi.{part}.{what}"] = state[f"blocks.{place}.psi.{position}.{what}"]
    net.load_state_dict({**own, **taken})
    modules = dict(single.named_modules())
    for slot in slots_of(net):
        norm = modules.get(slot.name)
        if isinstance(norm, InstanceNorm):
            palette.styles[:, slot.scale] = norm.weight - 1
            palette.styles[:, slot.shift] = norm.bias
