"""The header of a style pack: what a pack says of itself, as JSON under `stylefader`. `header_reading.py` reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from stylefader.training.networks.architectures import JOHNSON, network_words
from stylefader.training.packs.inputs import InputSpec

HEADER_KEY = "stylefader"
STYLES = "styles"
"""The tensor of a palette that has its style vectors; it is no part of the network."""
PREDICTOR = "predictor."
"""What the names of a palette's prediction network begin with; it is no part of the network either."""
FORMAT_VERSION = 2
MAX_WIDTH = 512


@dataclass(frozen=True, kw_only=True)
class BlockHeader:
    """One tuning-block: the stage of the network that it stands before, its channels, and a name for people."""

    place: str
    channels: int
    label: str


@dataclass(frozen=True, kw_only=True)
class AlphaHeader:
    """What alpha means in this pack.

    meaning: what the picture is at alpha "0" and "1" (and "-1" in dual packs), in words.
    low, high: the useful range; the alpha desk and renders keep within it.
    default: where a session starts and what panic returns to.
    """

    meaning: dict[str, str]
    low: float
    high: float
    default: float


@dataclass(frozen=True, kw_only=True)
class LossCurve:
    """Mean losses over `photographs` held-out pictures, every block at the same alpha. Units: see `losses`.

    style: against what the pack was trained for at alpha 1 (a fixed network: at all).
    style_at: against what it was trained for at other alphas, by that alpha, where that is another picture or size.
    """

    photographs: int
    alpha: tuple[float, ...]
    content: tuple[float, ...]
    style: tuple[float, ...]
    style_at: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StyleHeader:
    """One style of a palette; its vector is the row of this number in the tensor `styles`.

    name: by which performers and programs know it.
    painting: title, artist, year, source and licence, as far as known.
    training: how its vector was made, free in form.
    losses: measured as those of any pack are.
    """

    name: str
    painting: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    losses: LossCurve | None = None

    @property
    def title(self) -> str:
        """What it is called for people."""
        return str(self.painting.get("title", self.name))


@dataclass(frozen=True, kw_only=True)
class PredictorHeader:
    """The prediction network of a palette; `networks/predictor_layout.py` says how it is built.

    side: the shorter side in pixels of a painting while it is looked at.
    channels: of each stage of its encoder. hidden: numbers between its two linear layers.
    """

    side: int
    channels: tuple[int, ...]
    hidden: int


@dataclass(frozen=True, kw_only=True)
class PackHeader:
    """Everything a style pack says of itself.

    architecture: of the main network, and width: the unit of its channels; `networks/architectures.py` has both.
    kind: of the network; `families/registry.py` has the family that it belongs to, which says what else must fit.
    objective: `level` (style weight from small to large), `pair`, `scale`, `dual`, or `fixed` (no blocks).
    style: title, artist, year, source and licence of the painting, as far as known.
    training: the settings and data of the run that made it, free in form.
    inputs: what the network takes, in order; those of a finished header come from `header_reading.with_inputs`.
    size: height and width in pixels of a network that has a size of its own, since no input has one; else None.
    styles: of a palette, by the rows of its tensor of style vectors; other packs have none.
    predictor: of a palette that says style vectors of paintings itself; None where it does not.
    family: the style that this pack is one size of, as `pack_family.py` has it; empty where that is its own name.
    """

    name: str
    title: str
    objective: str
    kind: str
    width: int
    blocks: tuple[BlockHeader, ...]
    alpha: AlphaHeader
    style: dict[str, Any]
    licence: str
    training: dict[str, Any]
    losses: LossCurve | None = None
    inputs: tuple[InputSpec, ...] = ()
    size: tuple[int, int] | None = None
    family: str = ""
    architecture: str = JOHNSON.name
    styles: tuple[StyleHeader, ...] = ()
    predictor: PredictorHeader | None = None
    format: int = field(default=FORMAT_VERSION)

    @property
    def places(self) -> tuple[str, ...]:
        """Stages behind which the tuning-blocks stand."""
        return tuple(block.place for block in self.blocks)

    @property
    def network_words(self) -> str:
        """The size of the network for people."""
        return network_words(self.architecture, self.width)

    def to_json(self) -> str:
        """The header as it stands in the file."""
        return json.dumps(asdict(self), allow_nan=False, ensure_ascii=False)
