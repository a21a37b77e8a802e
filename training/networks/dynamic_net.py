"""Dynamic-Net (Shoshan et al., ICCV 2019): a main network with residual tuning-blocks between its stages.

At each place the features become z + alpha * psi(z). alpha is a float tensor with one strength a block and an
input like the picture itself, so no export, compilation or captured graph depends on its value.

A palette is the same with one more input, the style vector: see `style_vector.py`.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from stylefader.training.networks.architectures import ArchitectureName
from stylefader.training.networks.main_network import MainNetwork
from stylefader.training.networks.nano_network import NanoNetwork
from stylefader.training.networks.stages import Styled
from stylefader.training.networks.style_vector import style_size, style_slots

NetworkKind = Literal["single", "dual", "palette"]

ONE_BLOCK = ("residual3",)
THREE_BLOCKS = ("residual3", "up1", "output")
"""Stages that a tuning-block stands before: the third residual block, the first up-convolution, the last one."""
_KINDS: tuple[NetworkKind, ...] = get_args(NetworkKind)
_MAIN_NETWORKS = {"johnson": MainNetwork, "nano": NanoNetwork}


def network_kind(word: str) -> NetworkKind:
    """A kind by the word of a header that was checked."""
    return next(kind for kind in _KINDS if kind == word)


class TuningBlock(nn.Sequential):
    """psi: conv-relu-conv-relu-conv, 3x3 with reflection padding, channels kept.

    The last convolution starts at zero, so a new block changes nothing at any alpha.
    """

    def __init__(self, channels: int) -> None:
        layers: list[nn.Module] = []
        for position in range(3):
            layers += [nn.ReLU()] if position else []
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3)]
        super().__init__(*layers)
        _changes_nothing(self[-1])


class StyledTuningBlock(nn.Module):
    """psi of a palette: the same three convolutions, and behind the first two of them the style's scale and shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pad, self.relu = nn.ReflectionPad2d(1), nn.ReLU()
        self.first, self.second, self.third = (nn.Conv2d(channels, channels, 3) for _ in range(3))
        self.first_style, self.second_style = Styled(channels), Styled(channels)
        _changes_nothing(self.third)

    def forward(self, z_NCHW: Tensor, style: Tensor) -> Tensor:
        """(N, C, H, W) and a style, (d,) or (N, d), to (N, C, H, W)."""
        x_NCHW = self.relu(self.first_style(self.first(self.pad(z_NCHW)), style))
        x_NCHW = self.relu(self.second_style(self.second(self.pad(x_NCHW)), style))
        return self.third(self.pad(x_NCHW))


def _changes_nothing(last: nn.Module) -> None:
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)


class SingleTuning(nn.Module):
    """z + alpha * psi(z), with alpha a scalar tensor."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.psi = TuningBlock(channels)

    def forward(self, z_NCHW: Tensor, alpha: Tensor) -> Tensor:
        """(N, C, H, W) and alpha, one number, to (N, C, H, W)."""
        return z_NCHW + alpha * self.psi(z_NCHW)


class StyledTuning(nn.Module):
    """z + alpha * psi(z, style)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.psi = StyledTuningBlock(channels)

    def forward(self, z_NCHW: Tensor, alpha: Tensor, style: Tensor) -> Tensor:
        """(N, C, H, W), alpha, one number, and a style, (d,) or (N, d), to (N, C, H, W)."""
        return z_NCHW + alpha * self.psi(z_NCHW, style)


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
    kind: `single` (one psi a place), `dual` (one for alpha > 0, another for alpha < 0), or `palette` (one psi a place,
    and a style vector says what it and the main network look like).
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
        self.main = _MAIN_NETWORKS[architecture](width, styled=kind == "palette")
        order = [stage for stage in self.main if stage in places]
        if list(places) != order:
            known = ", ".join(self.main)
            raise ValueError(f"blocks stand before distinct stages in network order ({known}), not {places}")
        self.kind: NetworkKind = kind
        self.places = places
        tuning = {"single": SingleTuning, "dual": DualTuning, "palette": StyledTuning}[kind]
        self.blocks = nn.ModuleDict({place: tuning(self.main.channels_before(place)) for place in places})
        self.style_size = self._lay_out() if kind == "palette" else 0

    def _lay_out(self) -> int:
        """Tell every place of the style vector where its numbers stand; their count."""
        modules = dict(self.named_modules())
        for slot in style_slots(self.main.architecture, self.width, self.places):
            place = modules[slot.name]
            assert isinstance(place, Styled) and place.channels == slot.channels
            place.start = slot.start
        return style_size(self.main.architecture, self.width, self.places)

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

    def forward(self, x_NCHW: Tensor, alpha: Tensor | None = None, style: Tensor | None = None) -> Tensor:
        """x_NCHW: normalised RGB, H and W multiples of 4, at least 8; alpha: float (n_blocks,). Same shape out.

        style: of a palette, float (style_size,), or (N, style_size) where each picture has its own.
        """
        given = () if style is None else (style,)
        for name, stage in self.main.items():
            if name in self.blocks:
                assert alpha is not None, "a network with blocks needs their strengths"
                x_NCHW = self.blocks[name](x_NCHW, alpha[self.places.index(name)], *given)
            x_NCHW = stage(x_NCHW, *given)
        return x_NCHW
