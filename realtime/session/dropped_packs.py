"""Handles files that were dropped onto the window of a live session: a style pack becomes one more style."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from stylefader.training.errors import PackError
from stylefader.training.packs.open_style import each_style
from stylefader.training.packs.pack_file import PackFile


class Chooses(Protocol):
    """A live session, as far as dropping knows it."""

    def go(self, style: int) -> None:
        """Change to a style by its number, counted from 0."""


class Styles(Protocol):
    """The engine loader, as far as dropping knows it."""

    packs: list[PackFile]

    def add(self, packs: list[PackFile]) -> None:
        """Put further packs behind those that there are."""


def take_dropped(path: Path, session: Chooses, loader: Styles, *, say: Callable[[str], None]) -> None:
    """Change to a style pack that was dropped, as if its style had been chosen by a key.

    A pack that the session does not have yet becomes its last style. A file that cannot be used is reported in one
    line. Call it from the thread that owns the session.

    Args:
        path: The file.
        session: Changes to the style.
        loader: The styles of the session.
        say: Gets one line about the file.
    """
    if path.suffix.lower() != ".safetensors":
        say(f"dropped file {path}: only style packs (.safetensors) can be dropped for now")
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


def _number(pack: PackFile, packs: list[PackFile]) -> int:
    """The pack's number among those that there are, or the next one. Raises PackError."""
    weights = pack.weights_hash()  # which also checks its tensors
    for number, there in enumerate(packs):
        same_file = there.family is None and there.file.resolve() == pack.file.resolve()
        if same_file and there.header == pack.header and there.weights_hash() == weights:
            return number
    return len(packs)
