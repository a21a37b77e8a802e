"""The header of a style pack: what the JSON under `stylefader` says, read and checked field by field.

This module needs neither torch nor the tensors, so listing styles is quick.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open

from training.errors import PackError

T = TypeVar("T")
HEADER_KEY = "stylefader"
FORMAT_VERSION = 1
MAX_WIDTH = 512
_LARGEST = 3e38
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


class _Fields:
    """One JSON object being read; every refusal names the field and what was found there."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise PackError(f"{where} must be an object, not {value!r:.60}")
        self.value = value
        self.where = where
        self.left = set(value)

    def take(self, key: str, reader: Callable[[Any, str], T]) -> T:
        if key not in self.value:
            raise PackError(f"{self.where} has no {key!r}")
        self.left.discard(key)
        return reader(self.value[key], f"{self.where}.{key}")

    def take_if_there(self, key: str, reader: Callable[[Any, str], T], default: T) -> T:
        return self.take(key, reader) if key in self.value else default

    def done(self) -> None:
        if self.left:
            raise PackError(f"{self.where} has unknown fields: {', '.join(sorted(self.left))}")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value:
        raise PackError(f"{where} must be a printable text, not {value!r:.60}")
    return value


def _number(value: Any, where: str) -> float:
    # float32 is what the engines count alpha in.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise PackError(f"{where} must be a finite number, not {value!r:.60}")
    return float(value)


def _whole(low: int, high: int) -> Callable[[Any, str], int]:
    def read(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise PackError(f"{where} must be a whole number from {low} to {high}, not {value!r:.60}")
        return value

    return read


def _one_of(*allowed: str) -> Callable[[Any, str], str]:
    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise PackError(f"{where} must be one of {', '.join(allowed)}, not {value!r:.60}")
        return value

    return read


def _many(reader: Callable[[Any, str], T]) -> Callable[[Any, str], tuple[T, ...]]:
    def read(value: Any, where: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise PackError(f"{where} must be a list, not {value!r:.60}")
        return tuple(reader(entry, f"{where}[{place}]") for place, entry in enumerate(value))

    return read


def _free(value: Any, where: str) -> dict[str, Any]:
    return dict(_Fields(value, where).value)


def _curves(value: Any, where: str) -> dict[str, tuple[float, ...]]:
    return {end: _many(_number)(curve, f"{where}.{end}") for end, curve in _free(value, where).items()}


def _block(value: Any, where: str) -> BlockHeader:
    fields = _Fields(value, where)
    block = BlockHeader(
        place=fields.take("place", _one_of(*sorted(_PLACES))),
        channels=fields.take("channels", _whole(1, 4 * MAX_WIDTH)),
        label=fields.take("label", _text),
    )
    fields.done()
    return block


def _alpha(value: Any, where: str) -> AlphaHeader:
    fields = _Fields(value, where)
    meaning = {key: _text(text, f"{where}.meaning.{key}") for key, text in fields.take("meaning", _free).items()}
    alpha = AlphaHeader(
        meaning=meaning,
        low=fields.take("low", _number),
        high=fields.take("high", _number),
        default=fields.take("default", _number),
    )
    fields.done()
    if not alpha.low <= alpha.default <= alpha.high:
        raise PackError(f"{where} must have low <= default <= high, not {alpha.low}, {alpha.default}, {alpha.high}")
    return alpha


def _losses(value: Any, where: str) -> LossCurve | None:
    if value is None:
        return None
    fields = _Fields(value, where)
    curve = LossCurve(
        photographs=fields.take("photographs", _whole(1, 10**9)),
        alpha=fields.take("alpha", _many(_number)),
        content=fields.take("content", _many(_number)),
        style=fields.take("style", _many(_number)),
        style_at=fields.take_if_there("style_at", _curves, {}),
    )
    fields.done()
    if {len(values) for values in (curve.content, curve.style, *curve.style_at.values())} != {len(curve.alpha)}:
        raise PackError(f"{where} must have as many content and style losses as alphas")
    return curve


def parse_header(text: str) -> PackHeader:
    """Read the JSON text of a header. Raises PackError with the field and the reason."""

    def refuse(constant: str) -> float:
        raise PackError(f"header has {constant}, which is no number")

    try:
        value = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise PackError(f"header is not JSON: {error}") from error
    fields = _Fields(value, "header")
    version = fields.take("format", lambda found, where: found)
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise PackError(f"pack format {version!r:.20} is not known here (only {FORMAT_VERSION}): update stylefader")
    header = PackHeader(
        name=fields.take("name", _text),
        title=fields.take("title", _text),
        objective=fields.take("objective", _one_of("level", "pair", "scale", "dual", "fixed")),
        kind=fields.take("kind", _one_of("single", "dual")),
        width=fields.take("width", _whole(1, MAX_WIDTH)),
        blocks=fields.take("blocks", _many(_block)),
        alpha=fields.take("alpha", _alpha),
        style=fields.take("style", _free),
        licence=fields.take("licence", _text),
        training=fields.take("training", _free),
        losses=fields.take("losses", _losses),
    )
    fields.done()
    return header


def read_header(path: Path) -> PackHeader:
    """Read the header of a pack file without its tensors. Raises PackError that names the file."""
    if not os.path.isfile(path):
        raise PackError(f"no style pack at {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(HEADER_KEY)
    except (SafetensorError, OSError) as error:
        raise PackError(f"{path} is not a style pack: not a whole safetensors file ({error})") from error
    if text is None:
        raise PackError(f"{path} is not a style pack: it has no {HEADER_KEY!r} header")
    try:
        return parse_header(text)
    except PackError as error:
        raise PackError(f"{path} is not a style pack that fits: {error}") from error
