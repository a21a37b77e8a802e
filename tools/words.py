"""How commands speak: results on standard output, progress and words on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PLAIN_EVERY_S = 10.0


def say(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)


def print_json(document: Any) -> None:
    """The one JSON document of a command, on standard output."""
    print(json.dumps(document, ensure_ascii=False, allow_nan=False), flush=True)


Advance = Callable[[int, str], None]
"""Told how much is done, and a few words about it."""


@contextmanager
def progress(what: str, total: int | None, *, done: int = 0) -> Iterator[Advance]:
    """A progress bar with time left on a terminal; elsewhere a plain line every ten seconds."""
    if not sys.stderr.isatty():
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

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[words]}"), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, completed=done, words="")
        yield lambda now, words: bar.update(task, completed=now, words=words)
