"""TOML from files and texts that strangers may have written: for any contents, only our own errors are raised.

`tomllib` by itself raises ValueError for long numbers and RecursionError for deep nesting, and takes minutes for keys
of very many parts. Reading and parsing are bounded here, and what comes out is safe to work with (see `plain_values`).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from stylefader.training.errors import StylefaderError
from stylefader.training.files import read_at_most
from stylefader.training.reading.plain_values import DEEPEST, why_unsafe

MOST_BYTES = 2**20
"""Of the largest TOML file that is read."""
_PART = r"""(?>[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?>{_PART}[ \t]*\.[ \t]*){{{DEEPEST}}}")
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z_])(?:0x[0-9A-Fa-f_]{16}|0[ob][0-7_]{21}|[0-9][0-9_]{18})")
"""Where a number may be that is too long, for the line of an error."""


def read_text(path: Path, what: str, *, error: type[StylefaderError], most: int = MOST_BYTES) -> str:
    """Read the text of a UTF-8 file.

    Args:
        path: The file.
        what: What the file should be, in words: `mapping file`.
        error: The class of error to raise.
        most: Bytes that it may have.

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
        raise error(f"{path} is larger than {_size(most)}: is this the {what}?")
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
    try:
        return _parse(text, origin, error)
    except tomllib.TOMLDecodeError as bad:
        raise error(f"{origin}: {bad}") from bad


def parse_value(text: str, *, origin: str, error: type[StylefaderError]) -> Any:
    """Parse one value as TOML writes it; a text that is no such value is taken as it stands, without quotes.

    Raises:
        StylefaderError: `error`, where it is a value that is not safe to work with.
    """
    try:
        return _parse(f"value = {text}", origin, error)["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _parse(text: str, origin: str, error: type[StylefaderError]) -> dict[str, Any]:
    """Raises TOMLDecodeError for what is no TOML, and `error` for all other faults."""
    if (found := _LONG_KEY.search(text)) is not None:  # tomllib takes the square of their number in time
        raise error(f"{origin}, line {_line(text, found.start())}: a key of more than {DEEPEST} parts")
    try:
        table = tomllib.loads(text)
    except RecursionError as bad:
        raise error(f"{origin}: values are nested deeper than {DEEPEST}") from bad
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as bad:  # Python converts no more than 4300 digits
        found = _LONG_NUMBER.search(text)
        where = f"{origin}, line {_line(text, found.start())}" if found else origin
        raise error(f"{where}: {'a number of thousands of digits' if found else bad}") from bad
    if (why := why_unsafe(table)) is not None:
        found = _LONG_NUMBER.search(text) if "number" in why else None
        raise error(f"{origin}, line {_line(text, found.start())}: {why}" if found else f"{origin}: {why}")
    return table


def read_toml(path: Path, what: str, *, error: type[StylefaderError]) -> dict[str, Any]:
    """Read and parse a TOML file: `read_text`, then `parse_toml`."""
    return parse_toml(read_text(path, what, error=error), origin=str(path), error=error)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 2**20 else f"{count >> 10} KiB"
