"""One style of a palette as a pack of its own: an ordinary network, which gives the palette's pictures in that style.

Whatever measures or looks at one style takes it from here, so it knows nothing of palettes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from stylefader.training.errors import PackError
from stylefader.training.networks.palette import baked
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.library import find_pack, split_style
from stylefader.training.packs.pack import StylePack, load_pack, make_pack
from stylefader.training.packs.pack_header import StyleHeader

NOT_OF_STYLES = "predictor"
"""The part of a palette's training that no style has had."""


def load_pack_or_style(word: str) -> StylePack:
    """The pack that a user means by a word, a palette too; of `PALETTE/STYLE`, that style as a pack with no file yet.

    Raises:
        PackError: There is none, or its file cannot be used.
    """
    parted = split_style(word)
    pack = load_pack(find_pack(parted.pack))
    return pack if parted.style is None else one_style(pack, parted.style)


def load_one_style(word: str) -> StylePack:
    """The pack of one style that a user means by a word; of a palette, as `PALETTE/STYLE`, one that has no file yet.

    Raises:
        PackError: There is none, its file cannot be used, or it is a palette as a whole.
    """
    pack = load_pack_or_style(word)
    if pack.header.styles:
        raise PackError(f"{word:.500} is a palette of {len(pack.header.styles)} styles: name one of them, "
                        f"as in {word:.500}/{pack.header.styles[0].name}")  # fmt: skip
    return pack


def style_of(pack: StylePack, name: str) -> StyleHeader:
    """What a palette says of one of its styles. Raises PackError."""
    found = next((style for style in pack.header.styles if style.name == name), None)
    if found is None:
        raise PackError(f"{pack.header.name} has no style {name!r:.80}: "
                        f"there are {', '.join(style.name for style in pack.header.styles) or 'none'}")  # fmt: skip
    return found


def one_style(pack: StylePack, name: str, file: Path | None = None) -> StylePack:
    """A pack of kind `single` of one style, not yet written: its weights are rounded to fp16 once more.

    Args:
        pack: A palette.
        name: Of one of its styles.
        file: What the pack is for, and named after; a file beside the palette's where it is None.

    Raises:
        PackError: There is no such style.
    """
    style, header = style_of(pack, name), pack.header
    file = file or pack.file.with_name(f"{pack.file.stem}-{name}.safetensors")
    runs = {part: run for part, run in {**header.training, **style.training}.items() if part != NOT_OF_STYLES}
    training = {part: {**run, "taken_from": f"{header.name}/{name}"} for part, run in runs.items()}
    made = replace(
        header, name=file.stem, title=style.title, kind="single", style=style.painting, losses=style.losses, styles=(),
        family="", inputs=(), training=training, predictor=None,
    )  # fmt: skip
    vector = torch.from_numpy(pack.style_vectors()[name])
    return make_pack(with_inputs(made), baked(pack.network(), vector), file)
