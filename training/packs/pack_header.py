"""The header of a style pack: what the JSON under `stylefader` says, read and checked field by field.

This module needs neither torch nor the tensors, so listing styles is quick.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from stylefader.training.errors import PackError
from stylefader.training.files import read_at_most
from stylefader.training.packs.free_fields import painting, training
from stylefader.training.reading.json_fields import Fields, by_name, many, name, number, one_of, text, whole
from stylefader.training.reading.plain_values import parse_json

HEADER_KEY = "stylefader"
FORMAT_VERSION = 1
MAX_WIDTH = 512
_MOST_HEADER_BYTES = 2**20
"""Of a pack file's own header, in which ours is a text; those of the gallery have 20 KiB."""
_PLACES = frozenset({"conv1", "down1", "down2", *(f"residual{i}" for i in range(1, 6)), "up1", "up2", "output"})


@dataclass(frozen=True, kw_only=True)
class BlockHeader:
    """One tuning-block: the main network's stage it stands before, its channels, and a name for people."""

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
class PackHeader:
    """Everything a style pack says of itself.

    objective: `level` (style weight from small to large), `pair`, `scale`, `dual`, or `fixed` (no blocks).
    style: title, artist, year, source and licence of the painting, as far as known.
    training: the settings and data of the run that made it, free in form.
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
    format: int = field(default=FORMAT_VERSION)

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(block.place for block in self.blocks)

    def to_json(self) -> str:
        return json.dumps(asdict(self), allow_nan=False, ensure_ascii=False)


def _block(value: Any, where: str) -> BlockHeader:
    fields = Fields(value, where)
    block = BlockHeader(
        place=fields.take("place", one_of(*sorted(_PLACES))),
        channels=fields.take("channels", whole(1, 4 * MAX_WIDTH)),
        label=fields.take("label", name),
    )
    fields.done()
    return block


def _blocks(value: Any, where: str) -> tuple[BlockHeader, ...]:
    blocks = many(_block)(value, where)
    if len({block.place for block in blocks}) < len(blocks):
        raise PackError(f"{where} must stand before different places, not {len(blocks)} of them before the same ones")
    return blocks


def _alpha(value: Any, where: str) -> AlphaHeader:
    fields = Fields(value, where)
    alpha = AlphaHeader(
        meaning=fields.take("meaning", by_name(text)),
        low=fields.take("low", number),
        high=fields.take("high", number),
        default=fields.take("default", number),
    )
    fields.done()
    if not alpha.low <= alpha.default <= alpha.high:
        raise PackError(f"{where} must have low <= default <= high, not {alpha.low}, {alpha.default}, {alpha.high}")
    return alpha


def _losses(value: Any, where: str) -> LossCurve | None:
    if value is None:
        return None
    fields = Fields(value, where)
    curve = LossCurve(
        photographs=fields.take("photographs", whole(1, 10**9)),
        alpha=fields.take("alpha", many(number)),
        content=fields.take("content", many(number)),
        style=fields.take("style", many(number)),
        style_at=fields.take_if_there("style_at", by_name(many(number)), {}),
    )
    fields.done()
    if {len(values) for values in (curve.content, curve.style, *curve.style_at.values())} != {len(curve.alpha)}:
        raise PackError(f"{where} must have as many content and style losses as alphas")
    return curve


def parse_header(json_text: str) -> PackHeader:
    """Read the JSON text of a header. Raises PackError with the field and the reason, whatever the text."""
    try:
        value = parse_json(json_text)
    except ValueError as error:
        raise PackError(f"header is not JSON that can be used: {error}") from error
    fields = Fields(value, "header")
    version = fields.take("format", lambda found, where: found)
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise PackError(f"pack format {version!r:.20} is not known here (only {FORMAT_VERSION}): update stylefader")
    header = PackHeader(
        name=fields.take("name", name),
        title=fields.take("title", text),
        objective=fields.take("objective", one_of("level", "pair", "scale", "dual", "fixed")),
        kind=fields.take("kind", one_of("single", "dual")),
        width=fields.take("width", whole(1, MAX_WIDTH)),
        blocks=fields.take("blocks", _blocks),
        alpha=fields.take("alpha", _alpha),
        style=fields.take("style", painting),
        licence=fields.take("licence", text),
        training=fields.take("training", training),
        losses=fields.take("losses", _losses),
    )
    fields.done()
    return header


def read_header(path: Path) -> PackHeader:
    """Read the header of a pack file without its tensors. Raises PackError that names the file."""
    if not os.path.isfile(path):
        raise PackError(f"no style pack at {path}")
    try:
        size, length = os.path.getsize(path), int.from_bytes(read_at_most(path, 8), "little")
        # The safetensors library itself takes headers of 100 MB.
        if _MOST_HEADER_BYTES < length <= size:
            raise PackError(
                f"{path} is not a style pack: its header has {length} bytes; packs have {_MOST_HEADER_BYTES} at most"
            )
        with safe_open(path, framework="numpy") as file:
            json_text = (file.metadata() or {}).get(HEADER_KEY)
    except (SafetensorError, OSError, UnicodeError) as error:
        raise PackError(f"{path} is not a style pack: not a whole safetensors file ({error})") from error
    if json_text is None:
        raise PackError(f"{path} is not a style pack: it has no {HEADER_KEY!r} header")
    try:
        header = parse_header(json_text)
    except PackError as error:
        raise PackError(f"{path} is not a style pack that fits: {error}") from error
    if size > (most := _most_bytes(header)):
        raise PackError(f"{path} is not a style pack that fits: it has {size} bytes, more than the {most} at most "
                        f"of width {header.width}")  # fmt: skip
    return header


def _most_bytes(header: PackHeader) -> int:
    """More than a pack with this header can have, so that no file is read that cannot be one.

    A main network of width w has up to 4518 w^2 bytes in fp16 and a block's psi up to 888 w^2; twice that leaves room
    for a file of float32, which is refused for its type.
    """
    psis = len(header.blocks) * (2 if header.kind == "dual" else 1)
    return 2 * header.width**2 * (4600 + 900 * psis) + 2 * _MOST_HEADER_BYTES
