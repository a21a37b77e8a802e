"""What comes out of adapting: a palette with one style more, or a pack of one style."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.palette import baked
from stylefader.training.packs.header_reading import parse_header, with_inputs
from stylefader.training.packs.one_style import NOT_OF_STYLES
from stylefader.training.packs.pack import StylePack, make_pack
from stylefader.training.packs.pack_header import STYLES, StyleHeader


def style_header(name: str, painting: Path, *, title: str = "", training: dict[str, Any]) -> StyleHeader:
    """What the pack says of the new style: its title, the painting's hash, and how the vector was learnt."""
    words = {"title": title or name.replace("_", " ").capitalize(), "sha256": file_hash(painting)}
    return StyleHeader(name=name, painting=words, training=training)


def check_name(pack: StylePack, name: str) -> None:
    """Raise TrainingError where a palette has a style of that name."""
    if any(style.name == name for style in pack.header.styles):
        raise TrainingError(f"{pack.header.name} has a style {name} already: give the new one another name with --name")


def with_style(pack: StylePack, style: StyleHeader, vector: Tensor, file: Path) -> StylePack:
    """The palette with one style more, not yet written; its network and its other vectors are as they were.

    Args:
        pack: The palette.
        style: What it says of the new style.
        vector: float (d,); it is rounded to fp16.
        file: What the pack is for, and named after.

    Raises:
        TrainingError: There is a style of that name, or the vector is not finite.
        PackError: The name cannot be that of a style, or there would be too many styles.
    """
    check_name(pack, style.name)
    header = replace(pack.header, name=file.stem, styles=(*pack.header.styles, style))
    parse_header(header.to_json())  # a name that cannot be one, or too many styles
    row = vector.detach().cpu().half()[None]
    if not bool(row.isfinite().all()):
        raise TrainingError(f"the vector of {style.name} is not finite", failure=True)
    tensors = {**pack.tensors, STYLES: torch.cat([pack.tensors[STYLES], row])}
    return StylePack(header=header, tensors=tensors, file=file)


def of_one_style(pack: StylePack, net: DynamicNet, style: StyleHeader, vector: Tensor, file: Path) -> StylePack:
    """A pack of kind `single`, which plays everywhere: the palette's network as it is now, at one vector.

    What it was trained with is what the palette was, and then the style's own.

    Args:
        pack: The palette.
        net: Its network, with weights that may have moved; it is brought to the CPU.
        style: What is said of the style.
        vector: float (d,).
        file: What the pack is for, and named after.
    """
    runs = {part: run for part, run in pack.header.training.items() if part != NOT_OF_STYLES}
    header = replace(
        pack.header,
        name=file.stem,
        title=style.title,
        kind="single",
        style=style.painting,
        styles=(),
        training={**runs, **style.training},
        losses=None,
        family="",
        inputs=(),
        predictor=None,
    )
    return make_pack(with_inputs(header), baked(net.cpu(), vector.cpu()), file)
