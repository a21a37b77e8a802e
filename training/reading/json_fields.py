"""Reading a JSON object field by field: every refusal is a PackError that names the field and what was found there.

The values are those of `plain_values.parse_json`, so they can be shown; what a message shows of them is short.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from stylefader.training.errors import PackError

T = TypeVar("T")
MOST_LETTERS = 2000
MOST_NAME_LETTERS = 255
MOST_KEY_LETTERS = 100
_LARGEST = 3e38
"""float32 is what the engines count alpha in."""


class Fields:
    """One JSON object being read."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise PackError(f"{where} must be an object, not {value!r:.60}")
        self.value = value
        self.where = where
        self.left = set(value)

    def take(self, key: str, reader: Callable[[Any, str], T]) -> T:
        """Read a field that must be there. Raises PackError."""
        if key not in self.value:
            raise PackError(f"{self.where} has no {key!r}")
        self.left.discard(key)
        return reader(self.value[key], f"{self.where}.{key}")

    def take_if_there(self, key: str, reader: Callable[[Any, str], T], default: T) -> T:
        """Read a field; `default` where it is not there."""
        return self.take(key, reader) if key in self.value else default

    def done(self) -> None:
        """Raise PackError where fields are left that nobody took."""
        if self.left:
            some = ", ".join(f"{name!r:.60}" for name in sorted(self.left)[:3])
            more = f" and {len(self.left) - 3} more" if len(self.left) > 3 else ""
            raise PackError(f"{self.where} has unknown fields: {some}{more}")


def keys(value: Any, where: str) -> dict[str, Any]:
    """An object of any fields, whose names are short and printable."""
    for key in Fields(value, where).value:
        if not key.isprintable() or not 0 < len(key) <= MOST_KEY_LETTERS:
            raise PackError(f"{where} has a field whose name is not a printable text of 1 to {MOST_KEY_LETTERS} "
                            f"letters: {key!r:.60}")  # fmt: skip
    return dict(value)


def text(value: Any, where: str) -> str:
    """A printable text that says something."""
    if value == "":
        raise PackError(f"{where} must be a printable text, not an empty one")
    return free_text(value, where)


def name(value: Any, where: str) -> str:
    """A printable text that fits a line."""
    if len(text(value, where)) > MOST_NAME_LETTERS:
        raise PackError(f"{where} must be a text of {MOST_NAME_LETTERS} letters at most, not {len(value)}")
    return str(value)


def free_text(value: Any, where: str) -> str:
    """A printable text, which may be empty."""
    if not isinstance(value, str) or not value.isprintable():
        raise PackError(f"{where} must be a printable text, not {value!r:.60}")
    if len(value) > MOST_LETTERS:
        raise PackError(f"{where} must be a text of {MOST_LETTERS} letters at most, not {len(value)}")
    return value


def number(value: Any, where: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise PackError(f"{where} must be a finite number, not {value!r:.60}")
    return float(value)


def whole(low: int, high: int) -> Callable[[Any, str], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise PackError(f"{where} must be a whole number from {low} to {high}, not {value!r:.60}")
        return value

    return read


def one_of(*allowed: str) -> Callable[[Any, str], str]:
    """A reader of one of some texts."""

    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise PackError(f"{where} must be one of {', '.join(allowed)}, not {value!r:.60}")
        return value

    return read


def many(reader: Callable[[Any, str], T]) -> Callable[[Any, str], tuple[T, ...]]:
    """A reader of lists whose entries `reader` reads."""

    def read(value: Any, where: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise PackError(f"{where} must be a list, not {value!r:.60}")
        return tuple(reader(entry, f"{where}[{place}]") for place, entry in enumerate(value))

    return read


def by_name(reader: Callable[[Any, str], T]) -> Callable[[Any, str], dict[str, T]]:
    """A reader of objects whose values `reader` reads."""

    def read(value: Any, where: str) -> dict[str, T]:
        return {key: reader(entry, f"{where}.{key}") for key, entry in keys(value, where).items()}

    return read
