"""The header of a style pack, read and checked field by field.

This module needs neither torch nor the tensors, so listing styles is quick.
"""

from __future__ import annotations

import os
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from stylefader.training.errors import PackError
from stylefader.training.files import read_at_most
from stylefader.training.networks.architectures import ARCHITECTURES, JOHNSON
from stylefader.training.networks.predictor_layout import MOST_HIDDEN
from stylefader.training.packs.families.registry import KINDS, family_of
from stylefader.training.packs.free_fields import painting, training
from stylefader.training.packs.inputs import LONGEST_SIDE, read_inputs
from stylefader.training.packs.pack_header import (
    FORMAT_VERSION,
    HEADER_KEY,
    MAX_WIDTH,
    AlphaHeader,
    BlockHeader,
    LossCurve,
    PackHeader,
    PredictorHeader,
    StyleHeader,
)
from stylefader.training.reading.json_fields import Fields, by_name, many, name, number, one_of, text, whole
from stylefader.training.reading.plain_values import parse_json

_MOST_HEADER_BYTES = 2**20
"""Of a pack file's own header, in which ours is a text; those of the gallery have 20 KiB."""

_SMALLEST_LOOK, _LARGEST_LOOK, _MOST_STAGES = 32, 1024, 6
"""Of prediction networks: more than they need, and little enough to be looked through at once."""


def with_inputs(header: PackHeader) -> PackHeader:
    """The header with the inputs that its network has. Raises PackError where it does not fit the network."""
    return replace(header, inputs=family_of(header.kind).inputs(header))


def _block(value: Any, where: str) -> BlockHeader:
    fields = Fields(value, where)
    block = BlockHeader(
        place=fields.take("place", name),
        channels=fields.take("channels", whole(1, 4 * MAX_WIDTH)),
        label=fields.take("label", name),
    )
    fields.done()
    return block


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


def _style(value: Any, where: str) -> StyleHeader:
    fields = Fields(value, where)
    style = StyleHeader(
        name=fields.take("name", name),
        painting=fields.take("painting", painting),
        training=fields.take_if_there("training", training, {}),
        losses=fields.take_if_there("losses", _losses, None),
    )
    fields.done()
    return style


def _predictor(value: Any, where: str) -> PredictorHeader | None:
    if value is None:
        return None
    fields = Fields(value, where)
    predictor = PredictorHeader(
        side=fields.take("side", whole(_SMALLEST_LOOK, _LARGEST_LOOK)),
        channels=fields.take("channels", many(whole(1, MAX_WIDTH))),
        hidden=fields.take("hidden", whole(1, MOST_HIDDEN)),
    )
    fields.done()
    if not 1 <= len(predictor.channels) <= _MOST_STAGES:
        raise PackError(f"{where}.channels must be 1 to {_MOST_STAGES} stages, not {len(predictor.channels)}")
    return predictor


def parse_header(json_text: str) -> PackHeader:
    """Read the JSON text of a header. Raises PackError with the field and the reason, for any text."""
    try:
        value = parse_json(json_text)
    except ValueError as error:
        raise PackError(f"header is not JSON that can be used: {error}") from error
    fields = Fields(value, "header")
    version = fields.take("format", lambda found, where: found)
    if version == 1 and not isinstance(version, bool):
        raise PackError("pack format 1 declares no inputs: it was made by an older stylefader and must be made again")
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise PackError(f"pack format {version!r:.20} is not known here (only {FORMAT_VERSION}): update stylefader")
    header = PackHeader(
        name=fields.take("name", name),
        title=fields.take("title", text),
        objective=fields.take("objective", name),
        kind=fields.take("kind", one_of(*KINDS)),
        width=fields.take("width", whole(1, MAX_WIDTH)),
        blocks=fields.take("blocks", many(_block)),
        alpha=fields.take("alpha", _alpha),
        style=fields.take("style", painting),
        licence=fields.take("licence", text),
        training=fields.take("training", training),
        losses=fields.take("losses", _losses),
        inputs=fields.take("inputs", read_inputs),
        size=fields.take_if_there("size", _size, None),
        family=fields.take_if_there("family", _family, ""),
        architecture=fields.take_if_there("architecture", one_of(*ARCHITECTURES), str(JOHNSON.name)),
        styles=fields.take_if_there("styles", many(_style), ()),
        predictor=fields.take_if_there("predictor", _predictor, None),
    )
    fields.done()
    _check(header)
    return header


def _size(value: Any, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    sides = many(whole(1, LONGEST_SIDE))(value, where)
    if len(sides) != 2:
        raise PackError(f"{where} must be a height and a width, not {len(sides)} numbers")
    return sides[0], sides[1]


def _family(value: Any, where: str) -> str:
    return "" if value == "" else name(value, where)


def _check(header: PackHeader) -> None:
    """Raise PackError for what does not fit the network that the header is of."""
    family = family_of(header.kind)
    one_of(*family.objectives)(header.objective, "header.objective")
    family.check(header)
    if header.styles and not family.styled:
        raise PackError(f"header.styles must be empty for networks of kind {header.kind}")
    if header.predictor is not None and not family.styled:
        raise PackError(f"header.predictor must not be there for networks of kind {header.kind}")
    sized = [spec.name for spec in header.inputs if spec.sized]
    if sized and header.size is not None:
        raise PackError(f"header.size must not be there, since the size is that of {sized[0]}")
    if not sized and header.size is None:
        raise PackError("header.size must be there, since no input has the size of the picture (H, W)")


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

    There is room for tensors of float32, which are refused for their type.
    """
    return 4 * sum(map(prod, family_of(header.kind).expected_shapes(header).values())) + 2 * _MOST_HEADER_BYTES
