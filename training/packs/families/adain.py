"""The family of AdaIN (Huang and Belongie, ICCV 2017): any style by the statistics of its features, to compare with.

A frozen encoder, the front of a loss network, makes features of the frame. Each of their channels gets the mean and the
standard deviation that it has in the style picture, and a decoder makes a picture of them. alpha mixes the features
before and after that.

The module and its parameters' names are those of `training.networks.adain`; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylefader.training.errors import PackError
from stylefader.training.networks.adain_layout import ADAIN, DECODER, ENCODER, FEATURES, STYLE_SIZE, WIDTH
from stylefader.training.networks.architectures import JOHNSON
from stylefader.training.packs.added_inputs import STYLE
from stylefader.training.packs.families.base import NetworkFamily, Shape
from stylefader.training.packs.families.dynamic_net import conv_shapes, style_inputs
from stylefader.training.packs.families.palette import check_styles
from stylefader.training.packs.inputs import InputSpec, check_declared
from stylefader.training.packs.pack_header import STYLES, BlockHeader

if TYPE_CHECKING:
    from torch import nn

    from stylefader.training.packs.pack_header import PackHeader

_HIGH = 32.0
"""Three times what the strongest of some paintings has; players keep vectors below it."""


def adain_block() -> BlockHeader:
    """The one place at which alpha works, as headers name it."""
    return BlockHeader(place=ADAIN, channels=FEATURES, label="style")


class AdainFamily(NetworkFamily):
    """Kind `adain`: the tensor `styles`, float16 (number of styles, 512), has the statistics of each style's picture.

    A style vector is the mean of each of the 256 channels of the encoder's features, and then the standard deviation of
    each. Features are scaled so that they are 1 on average over photographs.
    """

    objectives = (ADAIN,)
    styled = True

    def size_name(self, header: PackHeader) -> str:
        """There is one size."""
        return ADAIN

    def inputs(self, header: PackHeader) -> tuple[InputSpec, ...]:
        """`frame`, `alpha` (1) and the style vector; by default it has the numbers of a photograph, roughly."""
        alpha = header.alpha
        style = InputSpec(
            name=STYLE, kind="vector", shape=(STYLE_SIZE,), dtype="float32", low=0.0, high=_HIGH, default=1.0,
            meaning="mean and standard deviation of each feature in the style picture",
        )  # fmt: skip
        labels = [block.label for block in header.blocks]
        return (*style_inputs(labels, low=alpha.low, high=alpha.high, default=alpha.default), style)

    def check(self, header: PackHeader) -> None:
        """See that it has the one size and the one block that there are, and named styles. Raises PackError."""
        if [(block.place, block.channels) for block in header.blocks] != [(ADAIN, FEATURES)]:
            raise PackError(f"header.blocks must be one, before {ADAIN}, with {FEATURES} channels")
        if header.width != WIDTH:
            raise PackError(f"header.width must be {WIDTH} for networks of kind {ADAIN}, not {header.width}")
        if header.architecture != JOHNSON.name:
            raise PackError(f"header.architecture has no effect on networks of kind {ADAIN}: leave it out")
        check_declared(header.inputs, self.inputs(header), "header.inputs")
        check_styles(header)

    def expected_shapes(self, header: PackHeader) -> dict[str, Shape]:
        """Those of encoder and decoder, and the style vectors."""
        shapes: dict[str, Shape] = {}
        for part, convs in (("encoder", ENCODER), ("decoder", DECODER)):
            for name, inputs, outputs in convs:
                shapes |= conv_shapes(f"{part}.{name}", outputs, inputs, 3)
        return {**shapes, STYLES: (len(header.styles), STYLE_SIZE)}

    def module(self, header: PackHeader) -> nn.Module:
        """The network, without its weights."""
        from stylefader.training.networks.adain import AdainNet

        return AdainNet()
