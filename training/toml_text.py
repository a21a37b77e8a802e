"""TOML from files and texts that strangers may have written: whatever stands in it, only our errors are raised.

`tomllib` by itself raises ValueError for long numbers and RecursionError for deep nesting, and takes minutes for keys
of very many parts. Reading and parsing are bounded here, and what comes out is safe to show: no whole number is beyond
64 bits (Python refuses to print those of thousands of digits), nothing is nested deeper than `_DEEPEST`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from training.errors import StylefaderError
from training.files import read_at_most

MOST_BYTES = 2**20
"""Of a TOML file of ours; larger ones are refused."""
_DEEPEST = 24
_WHOLE = range(-(2**63), 2**63)
"""The whole numbers that TOML has."""
_PART = r"""(?>[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?>{_PART}[ \t]*\.[ \t]*){{{_DEEPEST}}}")
_LONG_NUMBER = re.compile(r"(?<![0-9_])[0-9_]{4000}")


def read_text(path: Path, what: str, *, error: type[StylefaderError], most: int = MOST_BYTES) -> str:
    """Read the text of a UTF-8 file, `most` bytes of it at most.

    Args:
        what: What the file should be, in words: `mapping file`.
        error: The class of our errors to raise.

    Raises:
        StylefaderError: `error`, where the file is not there, cannot be read, is too large, or is not UTF-8.
    """
    try:
        data = read_at_most(path, most + 1)
    except FileNotFoundError as missing:
        raise error(f"no {what} at {path}") from missing
    except (OSError, ValueError) as unreadable:  # ValueError: a NUL in the name
        why = getattr(unreadable, "strerror", None) or unreadable
        raise error(f"cannot read the {what} {path}: {why}") from unreadable
    if len(data) > most:
        raise error(f"{path} is larger than {_size(most)}: is it a {what}?")
    try:
        text = data.decode("utf-8-sig")  # Windows editors put a mark in front
    except UnicodeDecodeError as bad:
        line = data.count(b"\n", 0, bad.start) + 1
        raise error(f"cannot read the {what} {path}: line {line} is not UTF-8 text") from bad
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_toml(text: str, *, origin: str, error: type[StylefaderError]) -> dict[str, Any]:
    """Parse TOML. `origin` says in errors where the text is from.

    Raises:
        StylefaderError: `error`, with the line or the key, for anything that is not TOML or not safe to work with.
    """
    if (found := _LONG_KEY.search(text)) is not None:  # tomllib takes the square of their number in time
        raise error(f"{origin}, line {_line(text, found.start())}: a key of more than {_DEEPEST} parts")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as bad:
        raise error(f"{origin}: {bad}") from bad
    except RecursionError as bad:
        raise error(f"{origin}: values are nested deeper than {_DEEPEST}") from bad
    except ValueError as bad:  # Python converts no more than 4300 digits
        found = _LONG_NUMBER.search(text)
        where = f"{origin}, line {_line(text, found.start())}" if found else origin
        raise error(f"{where}: {'a number of thousands of digits' if found else bad}") from bad
    if (why := _why_unsafe(table)) is not None:
        raise error(f"{origin}: {why}")
    return table


def read_toml(path: Path, what: str, *, error: type[StylefaderError]) -> dict[str, Any]:
    """Read and parse a TOML file: `read_text`, then `parse_toml`."""
    return parse_toml(read_text(path, what, error=error), origin=str(path), error=error)


def _why_unsafe(table: dict[str, Any]) -> str | None:
    """What in a document is not safe to work with. It is walked without recursion."""
    waiting: list[tuple[str, Any, int]] = [("", table, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if depth > _DEEPEST:
            return f"values are nested deeper than {_DEEPEST}"
        if isinstance(value, dict):
            for key, inner in value.items():
                if not _is_text(key):
                    return f"the key {key!r:.60} has half a surrogate pair, which is no character"
                waiting.append((f"{name}.{key}" if name else key, inner, depth + 1))
        elif isinstance(value, list):
            waiting += ((f"{name}[{place}]", inner, depth + 1) for place, inner in enumerate(value, 1))
        elif isinstance(value, str):
            if not _is_text(value):  # of a text that came as an argument; in a file it is not UTF-8
                return f"{name:.60} has half a surrogate pair, which is no character"
        elif isinstance(value, int) and value not in _WHOLE:
            return f"{name:.60} is a whole number of more than 64 bits"
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 2**20 else f"{count >> 10} KiB"
