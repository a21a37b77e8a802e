"""Running the `stylefader` program: its command line in this process, or as a user does in a process of its own.

A process takes 0.7 s to begin, 3 s with torch. So a test has one of its own only where it matters: for signals, a
terminal, closed streams, limits of memory and disk, and what is imported.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TextIO

from stylefader.tools import cli
from stylefader.tools.console import signals, verbose

PROGRAM = Path(sys.executable).with_name("stylefader")


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def stylefader(*arguments: object, cwd: Path, stdout: int | None = None) -> Done:
    """Run a command to its end in this process.

    What is written is taken at the descriptors, as it leaves a process: with what libraries of C and processes that
    the command starts write there. Standard input is empty. Handlers of signals, `--verbose` and logging are afterwards
    as they were. Exceptions that the command line does not turn into words go through, with what was said as a note.

    Args:
        stdout: a descriptor that takes the place of standard output, which is empty in the result then.
    """
    with ExitStack() as stack:
        stack.enter_context(chdir(cwd))
        stack.enter_context(_console_as_it_was())
        null, out, err = (stack.enter_context(TemporaryFile()) for _ in range(3))
        try:
            with (
                _stream("stdin", 0, null.fileno()),
                _stream("stdout", 1, out.fileno() if stdout is None else stdout),
                _stream("stderr", 2, err.fileno()),
            ):
                code = cli.run([str(argument) for argument in arguments])
        except BaseException as error:
            error.add_note(_text(err))
            raise
        return Done(returncode=code, stdout=_text(out), stderr=_text(err))


def stylefader_process(*arguments: object, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a process of its own."""
    line = [str(PROGRAM), *map(str, arguments)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


@contextmanager
def _console_as_it_was() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in signals.NUMBERS}
    watch, verbose_before = (signals._watch.limits_s, signals._watch.clean_up), verbose._verbose
    logs = [(log, log.level, log.handlers[:]) for log in (logging.getLogger(), logging.getLogger("stylefader"))]
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signals._watch.limits_s, signals._watch.clean_up = watch
        verbose._verbose = verbose_before
        for log, level, log_handlers in logs:
            log.setLevel(level)
            log.handlers[:] = log_handlers


@contextmanager
def _stream(name: str, number: int, target: int) -> Iterator[None]:
    """Inside, a standard stream and its descriptor are `target`."""
    before, kept = getattr(sys, name), os.dup(number)
    if number:
        before.flush()
    os.dup2(target, number)
    mode = "w" if number else "r"
    stream: TextIO = open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    setattr(sys, name, stream)
    try:
        yield
    finally:
        setattr(sys, name, before)
        with suppress(OSError):  # it cannot be written to, as the test wants it
            stream.close()
        os.dup2(kept, number)
        os.close(kept)


def _text(file: IO[bytes]) -> str:
    file.seek(0, io.SEEK_SET)
    return file.read().decode("utf-8")
