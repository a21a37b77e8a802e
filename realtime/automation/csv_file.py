"""Automation files: keyframes in CSV, read with all that stands in a file.

The header has `time`, the parameters and optionally `ease`: a parameter has one column for all of its components
(`alpha`), or one for each (`alpha0,alpha1,...`). Lines that start with # are comments. Another header further down, as
in a take to which a mask came later, says what the columns below it are. A column that comes later has its first value
before, one that is not there any more goes on with its last.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from stylefader.realtime.automation.columns import column_places
from stylefader.realtime.automation.keyframes import (
    Automation,
    Keyframe,
    check_order,
    parse_ease,
    parse_keyframe_time,
    parse_value,
)
from stylefader.training.errors import AutomationError
from stylefader.training.reading.toml_text import read_text

_MOST_BYTES = 64 * 2**20
_MOST_ROWS = 10**6


class Comment(NamedTuple):
    """A line of a file that begins with #. before: how many keyframes stand above it, -1 above the header."""

    before: int
    text: str


@dataclass(frozen=True, kw_only=True)
class AutomationFile:
    """A file as it was written: keyframes with their columns, comments in their order."""

    automation: Automation
    comments: tuple[Comment, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What each value of a keyframe is."""
        return self.automation.columns


def read_csv(path: Path) -> Automation:
    """Read an automation file. Raises AutomationError with line and column."""
    return read_automation_file(path).automation


def read_automation_file(path: Path) -> AutomationFile:
    """The same with what else stands in the file."""
    text = read_text(path, "automation file", error=AutomationError, most=_MOST_BYTES)
    return parse_automation_file(text, origin=str(path))


def parse_csv(text: str, *, origin: str) -> Automation:
    """Read the text of an automation file. Raises AutomationError with line and column."""
    return parse_automation_file(text, origin=origin).automation


def parse_automation_file(text: str, *, origin: str) -> AutomationFile:
    """The same with what else stands in the file."""
    headers: list[_Header] = []
    keyframes: list[Keyframe] = []
    belongs: list[int] = []  # to which header, for each keyframe
    comments: list[Comment] = []
    for line, row in _rows(text, origin):
        if len(keyframes) + len(comments) + len(headers) >= _MOST_ROWS:
            raise AutomationError(f"{origin} has more than {_MOST_ROWS} rows: thin it, or cut it into parts")
        if isinstance(row, str):
            comments.append(Comment(len(keyframes) if headers else -1, row))
        elif not headers or _is_header(row):
            headers.append(_header(row, f"{origin}, line {line}"))
        else:
            keyframe = _keyframe(headers[-1], row, f"{origin}, line {line}")
            time_column = headers[-1].names.index("time") + 1
            check_order(keyframes, keyframe, f"{origin}, line {line}, column {time_column} (time)")
            keyframes.append(keyframe)
            belongs.append(len(headers) - 1)
    if not headers:
        _header([], f"{origin}, line 1")
    columns, keyframes = _in_one(headers, keyframes, belongs, origin)
    return AutomationFile(automation=Automation(keyframes, columns=columns, origin=origin), comments=tuple(comments))


class _Header(NamedTuple):
    """names: of all columns. columns: of those that are parameters."""

    names: list[str]
    columns: list[str]


def _is_header(row: list[str]) -> bool:
    return any(cell.strip().lower() == "time" for cell in row)


def _keyframe(header: _Header, row: list[str], where: str) -> Keyframe:
    if len(row) != len(header.names):
        raise AutomationError(f"{where}: {len(row)} columns, but the header has {len(header.names)}")
    cells = {
        name: (cell.strip(), f"{where}, column {column} ({name})")
        for column, (name, cell) in enumerate(zip(header.names, row, strict=True), 1)
    }
    return Keyframe(
        time=parse_keyframe_time(*cells["time"]),
        values=tuple(parse_value(*cells[name]) for name in header.columns),
        ease=parse_ease(*cells["ease"]) if cells.get("ease", ("", ""))[0] else "linear",
    )


def _in_one(
    headers: list[_Header], keyframes: list[Keyframe], belongs: list[int], origin: str
) -> tuple[list[str], list[Keyframe]]:
    """All columns, and keyframes that have a value for each of them."""
    with_rows = [headers[number] for number in sorted(set(belongs))] or headers
    columns = list(dict.fromkeys(column for header in with_rows for column in header.columns))
    if all(header.columns == columns for header in with_rows):
        return columns, keyframes
    try:
        column_places(columns)
    except AutomationError as error:
        raise AutomationError(f"{origin}: its headers do not go together: {error}") from error
    values: dict[str, float] = {}
    for keyframe, number in zip(reversed(keyframes), reversed(belongs), strict=True):
        values |= zip(headers[number].columns, keyframe.values, strict=True)
    whole = []  # from the first one on, where `values` are those that come first
    for keyframe, number in zip(keyframes, belongs, strict=True):
        values |= zip(headers[number].columns, keyframe.values, strict=True)
        whole.append(replace(keyframe, values=tuple(values[column] for column in columns)))
    return columns, whole


def _header(row: list[str], where: str) -> _Header:
    names = [name.strip().lower() for name in row]
    columns = [name for name in names if name not in ("time", "ease")]
    why = ""
    try:
        column_places(columns)
    except AutomationError as error:
        why = f": {error}"
    if "time" not in names or not columns or why or len(set(names)) != len(names):
        raise AutomationError(
            f"{where}: the header must be time,alpha or time,alpha0,alpha1,... or other parameters alike, with an "
            f"optional ease, not {','.join(row)!r:.80}{why}"
        )
    return _Header(names, columns)


def _rows(text: str, origin: str) -> Iterator[tuple[int, list[str] | str]]:
    """Rows with the number of their line; a comment is the line itself."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            yield number, line.rstrip()
            continue
        try:
            row = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            long = len(line) > csv.field_size_limit()
            why = "a column is far too long: is this an automation?" if long else str(error)
            raise AutomationError(f"{origin}, line {number}: {why}") from error
        if any(cell.strip() for cell in row):
            yield number, row
