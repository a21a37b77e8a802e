"""The main networks' architectures as tables: stages in order, their channels and kernels. Needs no torch.

Packs check tensors by them, and the graph of OpenVINO is written from them. The modules are `main_network.py` and
`nano_network.py`; tests hold both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

ArchitectureName = Literal["johnson", "nano"]
StageKind = Literal["conv", "residual", "up", "output"]
COLOURS = 3


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a main network.

    kind: `conv` (convolution, norm, ReLU), `residual` (two of them around a sum), `up` (after nearest upsampling by 2),
    or `output` (a convolution alone).
    inputs, outputs: channels, in units of the network's width; 0 stands for the three colours.
    shuffle: the convolution makes so many pixels each way at once, and a pixel shuffle lays them side by side.
    """

    name: str
    kind: StageKind
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    shuffle: int = 1

    def channels(self, width: int) -> tuple[int, int]:
        """Channels of the features before and behind the stage; the shuffle is not counted."""
        return self.inputs * width or COLOURS, self.outputs * width or COLOURS


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A main network. full_size: channels of the features at full size, in units of its width, from above."""

    name: ArchitectureName
    stages: tuple[Stage, ...]
    full_size: float

    @property
    def names(self) -> tuple[str, ...]:
        """The stages' names, in order."""
        return tuple(stage.name for stage in self.stages)

    def channels_before(self, stage: str, width: int) -> int:
        """Channels of the features that enter the named stage."""
        return next(known for known in self.stages if known.name == stage).channels(width)[0]


def _residuals(count: int, channels: int) -> tuple[Stage, ...]:
    return tuple(
        Stage(name=f"residual{number}", kind="residual", inputs=channels, outputs=channels)
        for number in range(1, count + 1)
    )


JOHNSON = Architecture(
    name="johnson",
    stages=(
        Stage(name="conv1", kind="conv", inputs=0, outputs=1, kernel=9),
        Stage(name="down1", kind="conv", inputs=1, outputs=2, stride=2),
        Stage(name="down2", kind="conv", inputs=2, outputs=4, stride=2),
        *_residuals(5, 4),
        Stage(name="up1", kind="up", inputs=4, outputs=2),
        Stage(name="up2", kind="up", inputs=2, outputs=1),
        Stage(name="output", kind="output", inputs=1, outputs=0, kernel=9),
    ),
    full_size=1,
)
NANO = Architecture(
    name="nano",
    stages=(
        Stage(name="conv1", kind="conv", inputs=0, outputs=1, kernel=6, stride=2),
        Stage(name="down1", kind="conv", inputs=1, outputs=2, stride=2),
        *_residuals(5, 2),
        Stage(name="up1", kind="up", inputs=2, outputs=1),
        Stage(name="output", kind="output", inputs=1, outputs=0, shuffle=2),
    ),
    full_size=0.5,
)
NANO_WIDTH = 16
"""The usual one, that of the recipe."""
ARCHITECTURES: dict[str, Architecture] = {known.name: known for known in (JOHNSON, NANO)}
assert tuple(ARCHITECTURES) == get_args(ArchitectureName)


def network_words(architecture: str, width: int) -> str:
    """The size of a network for people."""
    return f"width {width}" if architecture == JOHNSON.name else f"{architecture}, width {width}"
