"""TOML files of a session (mapping, scenes) as checked tables; errors name the line.

A file is a number of sections, each written as `[[section]]` once for every entry, or as one `[section]`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stylefader.training.errors import ControlError
from stylefader.training.reading import toml_text

Form = Literal["many", "one"]
"""How a section is written: `[[section]]` for every entry, or one `[section]`."""
Check = tuple[Callable[[Any], bool], str]
"""Whether a value fits, and what it should be, in words."""
_LONGEST_LINE = 300
"""So many characters of a line are searched for a table or a key."""


def read_text(path: Path, what: str) -> str:
    """The text of a file that is `what` (a mapping file, ...). Raises ControlError."""
    return toml_text.read_text(path, what, error=ControlError)


@dataclass(frozen=True)
class Table:
    """One table of a file. number: which of its section's, from 0."""

    section: str
    number: int
    words: dict[str, Any]
    origin: str
    lines: Lines

    @property
    def line(self) -> int:
        """The line that it begins at."""
        return self.lines.of(self.section, self.number, None)

    def line_of(self, key: str) -> int:
        """The line of one of its keys."""
        return self.lines.of(self.section, self.number, key)

    def refuse(self, key: str | None, why: str) -> ControlError:
        """The error that a key of this table, or the table itself, is not right."""
        return ControlError(f"{self.origin}, line {self.lines.of(self.section, self.number, key)}: {why}")

    def check(self, keys: Mapping[str, Check], *, needed: Collection[str] = ()) -> dict[str, Any]:
        """Its values. Raises ControlError for a key that is not in `keys`, has a wrong value, or is missing."""
        for key, value in self.words.items():
            if key not in keys:
                raise self.refuse(key, f"{key!r:.60} is not known; there are {', '.join(keys)}")
            fits, should_be = keys[key]
            if not fits(value):
                raise self.refuse(key, f"{key} is {should_be}, not {value!r:.60}")
        for key in needed:
            if key not in self.words:
                raise self.refuse(None, f"this {self._written} has no {key}")
        return dict(self.words)

    @property
    def _written(self) -> str:
        return f"[[{self.section}]]" if self.lines.forms[self.section] == "many" else f"[{self.section}]"


def parse_tables(text: str, forms: Mapping[str, Form], *, origin: str) -> dict[str, list[Table]]:
    """The tables of a text, by section, in their order; `forms` are all that there may be. Raises ControlError."""
    document = toml_text.parse_toml(text, origin=origin, error=ControlError)
    lines = Lines(text, forms)
    there = ", ".join(f"[[{section}]]" if form == "many" else f"[{section}]" for section, form in forms.items())
    tables: dict[str, list[Table]] = {section: [] for section in forms}
    for key, value in document.items():
        where = f"{origin}, line {lines.of(key, None, None)}"
        if key not in forms:
            raise ControlError(f"{where}: {key!r:.60} is not known; there is {there}")
        if forms[key] == "one":
            if not isinstance(value, dict):
                raise ControlError(f"{where}: write [{key:.60}], with a line for each")
            value = [value]
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise ControlError(f"{where}: write [[{key:.60}]], one for each")
        tables[key] = [Table(key, number, table, origin, lines) for number, table in enumerate(value)]
    return tables


class Lines:
    """Where tables and their keys stand in a text whose tables are written as [[section]] or [section]."""

    def __init__(self, text: str, forms: Mapping[str, Form]) -> None:
        self.forms = forms
        self._of: dict[tuple[str | None, int | None, str | None], int] = {}
        section: str | None = None
        place: int | None = None
        counts: dict[str, int] = {}
        for number, whole in enumerate(text.split("\n"), 1):
            line = whole[:_LONGEST_LINE]
            if found := re.match(r"\s*(\[+)\s*[\"']?([^\"'\].\s]+)[\"']?\s*\]", line):
                section, place = found[2], None
                if section in forms:
                    place = counts.get(section, 0)
                    counts[section] = place + 1
                    self._of[section, place, None] = number
                self._of.setdefault((section, None, None), number)
            elif found := re.match(r"\s*\[+\s*[\"']?([^\"'\].\s]+)", line):
                section, place = None, None
                self._of.setdefault((found[1], None, None), number)
            elif found := re.match(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+))\s*[.=]", line):
                key = next(name for name in found.groups() if name is not None)
                if section is None and place is None:
                    self._of.setdefault((key, None, None), number)
                else:
                    self._of.setdefault((section, place, key), number)

    def of(self, section: str, number: int | None, key: str | None) -> int:
        """The line of a key in a table of a section; if unknown, of the table, of the section, or line 1."""
        places = ((section, number, key), (section, number, None), (section, None, None))
        return next((line for line in map(self._of.get, places) if line), 1)


# -- values that many tables have --------------------------------------------------------------------------------------


def is_number(value: object) -> bool:
    """Whether it is a finite number below a million in size."""
    # The size first: a huge integer raises in `isfinite`.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6 and math.isfinite(value)


def is_whole(low: int, high: int) -> Callable[[object], bool]:
    """A check for whole numbers from `low` to `high`."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_range(value: object) -> bool:
    """Whether it is a list of two numbers, the lower one first."""
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and value[0] <= value[1]


def is_bool(value: object) -> bool:
    """Whether it is true or false."""
    return isinstance(value, bool)


def is_text(value: object) -> bool:
    """Whether it is a printable text that is not blank."""
    return isinstance(value, str) and value.strip() != "" and value.isprintable()
