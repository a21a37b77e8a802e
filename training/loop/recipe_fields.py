"""Tables of recipes made into dataclasses: every key known, every value of its field's type."""

from __future__ import annotations

import difflib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from stylefader.training.errors import TrainingError
from stylefader.training.reading.json_fields import MOST_LETTERS

T = TypeVar("T")
_LARGEST = 3e38


def table_of(value: Any, where: str) -> dict[str, Any]:
    """A value that must be a table. Raises TrainingError."""
    if not isinstance(value, dict):
        raise TrainingError(f"{where} must be a table, not {value!r:.60}")
    return value


def fill(cls: type[T], table: Any, *, where: str, known: tuple[str, ...] = (), made: tuple[str, ...] = ()) -> Any:
    """Make a dataclass of a table: every value of its field's type, every key known. Raises TrainingError.

    where: what the table is called. known: what else may be meant by a key, for hints. made: fields that are no keys.
    """
    table = table_of(table, where)
    types = get_type_hints(cls)
    names = {one.name for one in fields(cls)} - set(made)  # type: ignore[arg-type]
    for key in table.keys() - names:
        near = difflib.get_close_matches(key, [*names, *known], n=1)
        raise TrainingError(f"{where:.60} has no {key!r:.60}{f': did you mean {near[0]!r}?' if near else ''}")
    for known_field in fields(cls):  # type: ignore[arg-type]
        missing = known_field.default is MISSING and known_field.default_factory is MISSING
        if missing and known_field.name not in table:
            raise TrainingError(f"{where} says no {known_field.name}")
    return cls(**{key: value_of(value, types[key], f"{where}.{key}") for key, value in table.items()})


def value_of(value: Any, kind: Any, where: str) -> Any:
    """`value` as the type of its field: int, float, str or one of some words, or Path. Raises TrainingError."""
    where = f"{where:.80}"
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= _LARGEST:
            raise TrainingError(f"{where} must be a finite number, not {value:g}")
        return float(value)
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # a year
    if kind not in (int, float) and isinstance(value, str):
        if kind is not str and Path in (kind, *get_args(kind)):
            if not value or "\0" in value:
                raise TrainingError(f"{where} must be a path, not {'one with a NUL' if value else 'an empty text'}")
            return Path(value).expanduser()
        if not value.isprintable() or len(value) > MOST_LETTERS:
            raise TrainingError(f"{where} must be a printable text of {MOST_LETTERS} letters at most, "
                                f"not {value!r:.60}")  # fmt: skip
        return value
    wanted = {int: "a whole number", float: "a number"}.get(kind, "a text")
    raise TrainingError(f"{where} must be {wanted}, not {value!r:.60}")
