"""How commands speak: results on standard output, words for people on standard error, each in one line.

Every text is made printable here, so the callers pass names, tags and messages on as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any, cast

from stylefader.tools.console.printable import json_text, one_line, printable
from stylefader.tools.console.streams import ResultStream, WordStream, write_result, write_words

Cell = str | Sequence[str]
"""Of a table: its text, or its lines."""


def say(text: str) -> None:
    """A line for people, on standard error. Never fails."""
    write_words(f"{one_line(text)}\n")


def out(text: str = "") -> None:
    """A line of a result, on standard output. Raises OutputError."""
    write_result(f"{printable(text)}\n")


def out_text(text: str) -> None:
    """Lines of a result. Raises OutputError."""
    write_result("".join(f"{printable(line)}\n" for line in text.split("\n")))


def print_json(document: Any) -> None:
    """The one JSON document of a command, on standard output. Raises OutputError."""
    write_result(f"{json_text(document)}\n")


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, words: bool = False, width: int | None = None,
    wrap: bool = True,
) -> None:  # fmt: skip
    """A table with a heading a column.

    Args:
        headings: One for each column.
        rows: Their cells.
        words: The table is for people and goes to standard error; else it is a result, on standard output.
        width: In characters; that of the terminal where None.
        wrap: Break lines that are longer; else the terminal does.

    Raises:
        OutputError: A result could not be written.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None)
    for row in rows:
        # Texts, in which brackets are no markup.
        table.add_row(*(Text("\n".join(map(printable, [cell] if isinstance(cell, str) else cell))) for cell in row))
    file = cast("IO[str]", WordStream() if words else ResultStream())
    Console(file=file, width=width, soft_wrap=not wrap).print(table)
