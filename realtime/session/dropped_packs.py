"""Handles files that were dropped onto the window of a live session: a style pack becomes one more style.

So does a picture where a palette of the session says style vectors: see `style_images.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from stylefader.realtime.session.style_images import LookedAt, StyleImages
from stylefader.training.errors import PackError, SourceError, StylefaderError
from stylefader.training.packs.open_style import each_style
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.packs.style_names import free_style_name, style_title
from stylefader.training.reading.pictures import picture_kind


class Chooses(Protocol):
    """A live session, as far as dropping knows it."""

    @property
    def style(self) -> int:
        """Which style is wanted or plays."""

    def go(self, style: int) -> None:
        """Change to a style by its number, counted from 0."""


class Styles(Protocol):
    """The engine loader, as far as dropping knows it."""

    packs: list[PackFile]

    def add(self, packs: list[PackFile]) -> None:
        """Put further packs behind those that there are."""


def take_dropped(
    path: Path, session: Chooses, loader: Styles, images: StyleImages, *, say: Callable[[str], None]
) -> None:
    """Change to a style pack that was dropped, as if its style had been chosen by a key; have a picture looked at.

    A pack that the session does not have yet becomes its last style. A file that cannot be used is reported in one
    line. Call it from the thread that owns the session.

    Args:
        path: The file.
        session: Changes to the style.
        loader: The styles of the session.
        images: Looks at pictures; `play_painting` comes when one is done.
        say: Gets one line about the file.
    """
    if picture_kind(path) is not None:
        try:
            images.ask(palette_for_paintings(session, loader), path)
        except (PackError, SourceError) as error:
            say(f"dropped file {path}: {error}")
        return
    if path.suffix.lower() != ".safetensors":
        say(f"dropped file {path}: only style packs (.safetensors) and pictures can be dropped")
        return
    try:
        pack = PackFile(path)
        number = _number(pack, loader.packs)
    except PackError as error:
        say(f"dropped file {path}: {error}")
        return
    if number == len(loader.packs):
        loader.add(each_style([pack]))
    say(f"dropped file {path}: style {number + 1}, {pack.header.title}")
    session.go(number)


def play_painting(found: LookedAt, session: Chooses, loader: Styles, *, say: Callable[[str], None]) -> PackFile | None:
    """Change to the style of a painting that was looked at, which becomes the session's last one.

    Args:
        found: What came of it; what kept it from being looked at is said in one line.
        session: Changes to the style.
        loader: The styles of the session.
        say: Gets one line about the painting.

    Returns:
        The style, None where there is none.
    """
    try:
        vector = found.vector
    except StylefaderError as error:
        say(f"{found.painting} is no style: {error}")
        return None
    palette = found.palette
    taken = {style.name for pack in loader.packs for style in pack.header.styles}
    name = free_style_name(found.painting.stem, taken)
    style = palette.with_vector(name, vector, {"title": style_title(name)}).with_style(name)
    loader.add([style])
    say(f"{found.painting}: style {len(loader.packs)}, {style.style}")
    session.go(len(loader.packs) - 1)
    return style


def palette_for_paintings(session: Chooses, loader: Styles) -> PackFile:
    """The palette that plays, where it says style vectors, else the first one that does. Raises PackError."""
    packs = loader.packs
    for pack in (*packs[session.style : session.style + 1], *packs):
        if pack.header.predictor is not None:
            return pack.network_pack
    raise PackError("no style of this session is of a palette that says styles of paintings")


def _number(pack: PackFile, packs: list[PackFile]) -> int:
    """The pack's number among those that there are, or the next one. Raises PackError."""
    weights = pack.weights_hash()  # which also checks its tensors
    for number, there in enumerate(packs):
        same_file = there.family is None and there.file.resolve() == pack.file.resolve()
        if same_file and there.header == pack.header and there.weights_hash() == weights:
            return number
    return len(packs)
