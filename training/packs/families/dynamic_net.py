"""The family of Dynamic-Net: a main network of named stages, and tuning-blocks that stand before some of them.

The module and its parameters' names are those of `training.networks.dynamic_net`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stylefader.training.errors import PackError
from stylefader.training.packs.families.base import NetworkFamily, Shape
from stylefader.training.packs.inputs import InputSpec, check_declared

if TYPE_CHECKING:
    from torch import nn

    from stylefader.training.packs.pack_header import PackHeader

STAGES = ("conv1", "down1", "down2", *(f"residual{index}" for index in range(1, 6)), "up1", "up2", "output")
"""The main network's stages, in order."""
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


def channels_before(stage: str, width: int) -> int:
    """Channels of the features that enter a stage of the main network."""
    if stage.startswith("residual"):
        return 4 * width
    return {"conv1": 3, "down1": width, "down2": 2 * width, "up1": 4 * width, "up2": 2 * width, "output": width}[stage]


class DynamicNetFamily(NetworkFamily):
    """Kinds `single` and `dual`: one psi for each block, or one above 0 and another below."""

    objectives = ("level", "pair", "scale", "dual", "fixed")

    def inputs(self, header: PackHeader) -> tuple[InputSpec, ...]:
        """`frame`, and `alpha` where there are blocks."""
        alpha = header.alpha
        labels = [block.label for block in header.blocks]
        return style_inputs(labels, low=alpha.low, high=alpha.high, default=alpha.default)

    def check(self, header: PackHeader) -> None:
        """See that the blocks stand at different stages that there are. Raises PackError."""
        for number, block in enumerate(header.blocks):
            if block.place not in STAGES:
                raise PackError(f"header.blocks[{number}].place must be one of {', '.join(STAGES)}, "
                                f"not {block.place!r:.60}")  # fmt: skip
        places = header.places
        if len(set(places)) < len(places):
            raise PackError(
                f"header.blocks must stand before different places, not {len(places)} of them before the same ones"
            )
        if list(places) != [stage for stage in STAGES if stage in places]:
            raise PackError(
                f"header.blocks: blocks stand before distinct stages in network order ({', '.join(STAGES)}), "
                f"not {places}"
            )
        for block in header.blocks:
            channels = channels_before(block.place, header.width)
            if block.channels != channels:
                raise PackError(
                    f"header.blocks: {block.channels} channels before {block.place}, "
                    f"but width {header.width} has {channels}"
                )
        check_declared(header.inputs, self.inputs(header), "header.inputs")

    def expected_shapes(self, header: PackHeader) -> dict[str, Shape]:
        """Names and shapes of all tensors."""
        width = header.width
        shapes: dict[str, Shape] = {}
        for stage in STAGES:
            inputs = channels_before(stage, width)
            kernel = 9 if stage in ("conv1", "output") else 3
            following = STAGES[STAGES.index(stage) + 1] if stage != "output" else None
            outputs = channels_before(following, width) if following else 3
            parts = ("first.", "second.") if stage.startswith("residual") else ("",)
            for part in parts:
                shapes |= _conv(f"main.{stage}.{part}conv", outputs, inputs, kernel)
                if stage != "output":
                    shapes |= {f"main.{stage}.{part}norm.{name}": (outputs,) for name in ("weight", "bias")}
        for block in header.blocks:
            for branch in ("hi", "lo") if header.kind == "dual" else ("psi",):
                for position in TUNING_CONVS:
                    shapes |= _conv(f"blocks.{block.place}.{branch}.{position}", block.channels, block.channels, 3)
        return shapes

    def module(self, header: PackHeader) -> nn.Module:
        """The network, without its weights."""
        from stylefader.training.networks.dynamic_net import DynamicNet

        return DynamicNet(width=header.width, places=header.places, kind="dual" if header.kind == "dual" else "single")


def _conv(name: str, outputs: int, inputs: int, kernel: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}
