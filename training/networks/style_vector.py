"""How a style vector is laid out: which of its numbers scale and shift which features. Needs no torch.

A palette is one network for many styles (Dumoulin et al., ICLR 2017): all have the convolutions in common, and what
makes a style are the scales and shifts behind the instance norms, and in palettes of ours those inside of the
tuning-blocks. All of them in a row are the style's vector. It holds what is added to a scale of 1 and a shift of 0, so
that a vector of zeros is a plain network, and half of a vector is half of a style.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stylefader.training.networks.architectures import Architecture


@dataclass(frozen=True, kw_only=True)
class StyleSlot:
    """The numbers of one place of a network: `channels` scales from `start` on, then as many shifts.

    name: of the module that uses them, as the network has it.
    """

    name: str
    start: int
    channels: int

    @property
    def scale(self) -> slice:
        """Where the scales stand in a vector."""
        return slice(self.start, self.start + self.channels)

    @property
    def shift(self) -> slice:
        """Where the shifts stand in a vector."""
        return slice(self.start + self.channels, self.end)

    @property
    def end(self) -> int:
        """Where the next slot starts."""
        return self.start + 2 * self.channels


def style_slots(architecture: Architecture, width: int, places: Sequence[str]) -> tuple[StyleSlot, ...]:
    """All slots of a network, in the order of its vector.

    Args:
        architecture: Of the main network.
        width: The unit of its channels.
        places: The stages that a tuning-block stands before.
    """
    slots: list[StyleSlot] = []
    for name, channels in (*_norms(architecture, width), *_tuned(architecture, width, places)):
        slots.append(StyleSlot(name=name, start=slots[-1].end if slots else 0, channels=channels))
    return tuple(slots)


def style_size(architecture: Architecture, width: int, places: Sequence[str]) -> int:
    """How many numbers a style vector has."""
    return style_slots(architecture, width, places)[-1].end


def _norms(architecture: Architecture, width: int) -> Iterator[tuple[str, int]]:
    for stage in architecture.stages:
        channels = stage.channels(width)[1]
        if stage.kind == "residual":
            yield from ((f"main.{stage.name}.{part}.norm", channels) for part in ("first", "second"))
        elif stage.kind != "output":
            yield f"main.{stage.name}.norm", channels


def _tuned(architecture: Architecture, width: int, places: Sequence[str]) -> Iterator[tuple[str, int]]:
    for place in places:
        channels = architecture.channels_before(place, width)
        yield from ((f"blocks.{place}.psi.{part}", channels) for part in ("first_style", "second_style"))
