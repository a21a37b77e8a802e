"""Names of a palette's styles, as they are made of words and files."""

from __future__ import annotations

import re
from collections.abc import Collection

_MOST = 64


def style_name(word: str) -> str:
    """A word as the name of a style: a-z, 0-9 and _, a letter first, 64 at most."""
    name = re.sub("[^a-z0-9]+", "_", word.lower()).strip("_")
    return (name if name[:1].isalpha() and name.isascii() else f"style_{name}".rstrip("_"))[:_MOST]


def style_title(name: str) -> str:
    """The name of a style for people."""
    return name.replace("_", " ").capitalize()


def free_style_name(word: str, taken: Collection[str]) -> str:
    """As `style_name`, with a number behind it where that name is taken."""
    name, number = style_name(word), 2
    found = name
    while found in taken:
        end = f"_{number}"
        found, number = f"{name[: _MOST - len(end)]}{end}", number + 1
    return found
