"""How far a long piece of work is, on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from stylefader.tools.console.messages import say
from stylefader.tools.console.printable import one_line
from stylefader.tools.console.streams import WordStream, words_on_terminal

_PLAIN_EVERY_S = 10.0
_LARGE_BYTES = 2**16

Advance = Callable[[int, str], None]
"""Told how much is done, and a few words about it."""


@contextmanager
def progress(what: str, total: int | None, *, done: int = 0) -> Iterator[Advance]:
    """A progress bar with time left on a terminal; elsewhere a plain line every ten seconds."""
    if not words_on_terminal():
        began = last = time.monotonic()

        def plain(now: int, words: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _PLAIN_EVERY_S:
                last = time.monotonic()
                left = f", {(last - began) / (now - done) * (total - now):.0f} s left" if total and now > done else ""
                say(f"{what}: {now}{f' of {total}' if total else ''}{left}{f', {words}' if words else ''}")

        yield plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(file=cast("IO[str]", WordStream()))
    words_column = TextColumn("{task.fields[words]}", markup=False)
    with Progress(*columns, words_column, console=console, redirect_stdout=False) as bar:
        task = bar.add_task(one_line(what), total=total, completed=done, words="")
        yield lambda now, words: bar.update(task, completed=now, words=one_line(words))


@contextmanager
def reading(file: Path, what: str = "reading") -> Iterator[Callable[[float], None]]:
    """To be told how much is done, from 0 to 1: a progress bar where the file is large enough for one."""
    try:
        large = file.stat().st_size >= _LARGE_BYTES
    except OSError:  # which is said by who reads it
        large = False
    if not large:
        yield lambda share: None
        return
    with progress(f"{what} {file.name}", 100) as advance:
        yield lambda share: advance(round(100 * share), "percent")
