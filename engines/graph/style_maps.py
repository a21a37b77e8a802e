"""A style as a map: two styles inside and outside of a mask, melting into each other at its border.

At each place the scale and the shift of the features are between those of the two styles, by the mask's average over
the pixels that the place stands for, as in `alpha_maps.py`. Written as outside + share * (inside - outside), so that
two styles that are the same give exactly what one gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from stylefader.engines.graph.alpha_maps import strides_of
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.stages import Styled


class StyleSides(NamedTuple):
    """inside, outside: styles, float (d,). shares: of the inside, float (1, 1, H / stride, W / stride), by stride."""

    inside: Tensor
    outside: Tensor
    shares: Mapping[int, Tensor]

    def half(self) -> StyleSides:
        """The same in fp16."""
        shares = {stride: share.half() for stride, share in self.shares.items()}
        return StyleSides(self.inside.half(), self.outside.half(), shares)


class MaskedStyled(nn.Module):
    """Scales and shifts features as a `Styled` does, by two styles and a mask."""

    def __init__(self, styled: Styled, stride: int) -> None:
        super().__init__()
        self.styled, self.stride = styled, stride

    def forward(self, x_NCHW: Tensor, sides: StyleSides) -> Tensor:
        """(N, C, H, W) to the same shape."""
        scale_in, shift_in = self.styled.numbers(sides.inside)
        scale, shift = self.styled.numbers(sides.outside)
        share = sides.shares[self.stride]
        features = self.styled.before(x_NCHW)
        return features * (1 + (scale + share * (scale_in - scale))) + (shift + share * (shift_in - shift))


def with_style_maps(net: DynamicNet) -> None:
    """Let every place of a palette's style take `StyleSides`, in place."""
    places = {name: module for name, module in net.named_modules() if isinstance(module, Styled)}
    for name, stride in strides_of(net, places).items():
        parent, _, own = name.rpartition(".")
        setattr(net.get_submodule(parent), own, MaskedStyled(places[name], stride))
