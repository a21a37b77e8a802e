"""The family of Dynamic-Net: a main network of named stages, and tuning-blocks that stand before some of them.

The module and its parameters' names are those of `training.networks.dynamic_net`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from stylefader.training.errors import PackError
from stylefader.training.networks.architectures import ARCHITECTURES, COLOURS, JOHNSON, NANO_WIDTH, Architecture
from stylefader.training.packs.families.base import NetworkFamily, Shape
from stylefader.training.packs.inputs import InputSpec, check_declared

if TYPE_CHECKING:
    from torch import nn

    from stylefader.training.packs.pack_header import PackHeader

TUNING_CONVS = (1, 4, 7)
"""Where the convolutions stand among the layers of a tuning-block."""


def style_inputs(
    labels: Sequence[str], *, low: float = 0.0, high: float = 1.0, default: float = 0.0
) -> tuple[InputSpec, ...]:
    """The inputs of a style: the frame, and where there are tuning-blocks their strengths `alpha`.

    Args:
        labels: A name for each block.
        low: Lowest alpha that performers reach.
        high: Highest one.
        default: Alpha if nothing else is asked for.
    """
    frame = InputSpec(
        name="frame", kind="image", shape=("H", "W", 3), dtype="uint8", low=0.0, high=255.0,
        meaning="the picture to stylize",
    )  # fmt: skip
    if not labels:
        return (frame,)
    alpha = InputSpec(
        name="alpha", kind="vector", shape=(len(labels),), dtype="float32", low=float(low), high=float(high),
        default=float(default), meaning="the strength of each tuning-block", live=True, labels=tuple(labels),
    )  # fmt: skip
    return frame, alpha


def architecture_of(header: PackHeader) -> Architecture:
    """The architecture of a pack's main network."""
    return ARCHITECTURES[header.architecture]


class DynamicNetFamily(NetworkFamily):
    """Kinds `single` and `dual`: one psi for each block, or one above 0 and another below."""

    objectives: tuple[str, ...] = ("level", "pair", "scale", "dual", "fixed")

    def size_name(self, header: PackHeader) -> str:
        """That of its width, or of another architecture than Johnson's its name."""
        if header.architecture == JOHNSON.name:
            return super().size_name(header)
        return header.architecture if header.width == NANO_WIDTH else f"{header.architecture}{header.width}"

    def inputs(self, header: PackHeader) -> tuple[InputSpec, ...]:
        """`frame`, and `alpha` where there are blocks."""
        alpha = header.alpha
        labels = [block.label for block in header.blocks]
        return style_inputs(labels, low=alpha.low, high=alpha.high, default=alpha.default)

    def check(self, header: PackHeader) -> None:
        """See that the blocks stand at different stages that there are. Raises PackError."""
        architecture = architecture_of(header)
        stages = architecture.names
        for number, block in enumerate(header.blocks):
            if block.place not in stages:
                raise PackError(f"header.blocks[{number}].place must be one of {', '.join(stages)}, "
                                f"not {block.place!r:.60}")  # fmt: skip
        places = header.places
        if len(set(places)) < len(places):
            raise PackError(
                f"header.blocks must stand before different places, not {len(places)} of them before the same ones"
            )
        if list(places) != [stage for stage in stages if stage in places]:
            raise PackError(
                f"header.blocks: blocks stand before distinct stages in network order ({', '.join(stages)}), "
                f"not {places}"
            )
        for block in header.blocks:
            channels = architecture.channels_before(block.place, header.width)
            if block.channels != channels:
                raise PackError(
                    f"header.blocks: {block.channels} channels before {block.place}, "
                    f"but {architecture.name} at width {header.width} has {channels}"
                )
        check_declared(header.inputs, self.inputs(header), "header.inputs")

    def main_shapes(self, header: PackHeader) -> dict[str, Shape]:
        """Names and shapes of the main network's tensors."""
        shapes: dict[str, Shape] = {}
        for stage in architecture_of(header).stages:
            inputs, outputs = stage.channels(header.width)
            parts = ("first.", "second.") if stage.kind == "residual" else ("",)
            for part in parts:
                name = f"main.{stage.name}.{part}"
                shapes |= conv_shapes(f"{name}conv", outputs * stage.shuffle**2, inputs, stage.kernel)
                if stage.kind != "output":
                    shapes |= {f"{name}norm.{which}": (outputs,) for which in ("weight", "bias")}
        return shapes

    def expected_shapes(self, header: PackHeader) -> dict[str, Shape]:
        """Names and shapes of all tensors."""
        shapes = self.main_shapes(header)
        for block in header.blocks:
            for branch in ("hi", "lo") if header.kind == "dual" else ("psi",):
                for position in TUNING_CONVS:
                    shapes |= conv_shapes(
                        f"blocks.{block.place}.{branch}.{position}", block.channels, block.channels, 3
                    )
        return shapes

    def module(self, header: PackHeader) -> nn.Module:
        """The network, without its weights."""
        from stylefader.training.networks.dynamic_net import DynamicNet, network_kind

        architecture = architecture_of(header).name
        return DynamicNet(
            architecture=architecture, width=header.width, places=header.places, kind=network_kind(header.kind)
        )

    def channels(self, header: PackHeader) -> int:
        """Channels of the features at full size, from above."""
        return max(COLOURS, ceil(architecture_of(header).full_size * header.width))


def conv_shapes(name: str, outputs: int, inputs: int, kernel: int) -> dict[str, Shape]:
    """The two tensors of a convolution."""
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}
