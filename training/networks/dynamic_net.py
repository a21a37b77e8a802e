"""Dynamic-Net (Shoshan et al., ICCV 2019): a main network with residual tuning-blocks between its stages.

At each place the features become z + alpha * psi(z). alpha is a float tensor with one strength a block and an
input like the picture itself, so no export, compilation or captured graph depends on its value.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from stylefader.training.networks.architectures import ArchitectureName
from stylefader.training.networks.main_network import MainNetwork
from stylefader.training.networks.nano_network import NanoNetwork

NetworkKind = Literal["single", "dual"]

ONE_BLOCK = ("residual3",)
THREE_BLOCKS = ("residual3", "up1", "output")
"""Stages that a tuning-block stands before: the third residual block, the first up-convolution, the last one."""
_MAIN_NETWORKS = {"johnson": MainNetwork, "nano": NanoNetwork}


class TuningBlock(nn.Sequential):
    """psi: conv-relu-conv-relu-conv, 3x3 with reflection padding, channels kept.

    The last convolution starts at zero, so a new block changes nothing at any alpha.
    """

    def __init__(self, channels: int) -> None:
        layers: list[nn.Module] = []
        for position in range(3):
            layers += [nn.ReLU()] if position else []
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3)]
        last = layers[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        super().__init__(*layers)


class SingleTuning(nn.Module):
    """z + alpha * psi(z), with alpha a scalar tensor."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.psi = TuningBlock(channels)

    def forward(self, z_NCHW: Tensor, alpha: Tensor) -> Tensor:
        """(N, C, H, W) and alpha, one number, to (N, C, H, W)."""
        return z_NCHW + alpha * self.psi(z_NCHW)


class DualTuning(nn.Module):
    """z + relu(alpha) * hi(z) + relu(-alpha) * lo(z): one psi above 0, another below, no branch in Python."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.hi = TuningBlock(channels)
        self.lo = TuningBlock(channels)

    def forward(self, z_NCHW: Tensor, alpha: Tensor) -> Tensor:
        """(N, C, H, W) and alpha, one number, to (N, C, H, W)."""
        return z_NCHW + torch.relu(alpha) * self.hi(z_NCHW) + torch.relu(-alpha) * self.lo(z_NCHW)


class DynamicNet(nn.Module):
    """A main network and its tuning-blocks.

    architecture: the main network's; see `architectures.py`.
    width: channels after its first convolution (`johnson` at 32: the paper's, at 16: lite).
    places: the main network's stages that a block stands before, in network order; may be empty.
    kind: `single` (one psi a place) or `dual` (one for alpha > 0, another for alpha < 0).
    """

    def __init__(
        self,
        *,
        architecture: ArchitectureName = "johnson",
        width: int = 32,
        places: tuple[str, ...] = THREE_BLOCKS,
        kind: NetworkKind = "single",
    ) -> None:
        super().__init__()
        self.main = _MAIN_NETWORKS[architecture](width)
        order = [stage for stage in self.main if stage in places]
        if list(places) != order:
            known = ", ".join(self.main)
            raise ValueError(f"blocks stand before distinct stages in network order ({known}), not {places}")
        self.kind: NetworkKind = kind
        self.places = places
        tuning = {"single": SingleTuning, "dual": DualTuning}[kind]
        self.blocks = nn.ModuleDict({place: tuning(self.main.channels_before(place)) for place in places})

    @property
    def architecture(self) -> ArchitectureName:
        """The main network's architecture."""
        return self.main.architecture.name

    @property
    def width(self) -> int:
        """Channels of the main network's first stage."""
        return self.main.width

    @property
    def n_blocks(self) -> int:
        """How many tuning-blocks there are."""
        return len(self.places)

    def forward(self, x_NCHW: Tensor, alpha: Tensor | None = None) -> Tensor:
        """x_NCHW: normalised RGB, H and W multiples of 4, at least 8; alpha: float (n_blocks,). Same shape out."""
        for name, stage in self.main.items():
            if name in self.blocks:
                assert alpha is not None, "a network with blocks needs their strengths"
                x_NCHW = self.blocks[name](x_NCHW, alpha[self.places.index(name)])
            x_NCHW = stage(x_NCHW)
        return x_NCHW
