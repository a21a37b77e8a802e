"""Standard input, output and error: made usable first of all, then written to in two ways.

Words for people go to standard error, and that they cannot be written is no reason to stop: a render of an hour counts
also where its terminal was closed. Results go to standard output, and that they cannot be written is a failure, said
after the work is done. A closed stream takes the number of the next file that is opened, so its place is filled first.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import suppress
from typing import TextIO

from stylefader.training.errors import StylefaderError

_INPUT, _OUTPUT, _ERROR = 0, 1, 2


class OutputError(StylefaderError):
    """A result could not be written to standard output. gone: the reader has closed it; then no message is shown."""

    def __init__(self, error: OSError) -> None:
        closed = error.errno == errno.EBADF
        why = "it is closed" if closed else error.strerror or str(error)
        super().__init__(f"nothing can be written to standard output: {why}", failure=True)
        self.gone = isinstance(error, BrokenPipeError)


def prepare() -> None:
    """Fill the places of standard streams that are closed, and let no character be one that cannot be written."""
    # For reading only, so that what is written to a closed output fails as it should, and words are lost in silence.
    for number, flags in ((_INPUT, os.O_RDONLY), (_OUTPUT, os.O_RDONLY), (_ERROR, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free, which is this one
    if sys.stdin is None:
        sys.stdin = open(_INPUT, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(_OUTPUT, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(_ERROR, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def write_result(text: str) -> None:
    """To standard output, at once. Raises OutputError."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from error


def write_words(text: str) -> None:
    """To standard error, at once, or not at all."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def flush() -> None:
    """Bring out what is still in the buffers, as far as that can be done."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def results_on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return _is_terminal(sys.stdout)


def words_on_terminal() -> bool:
    """Whether standard error is a terminal."""
    return _is_terminal(sys.stderr)


def keys_from_terminal() -> bool:
    """Whether standard input is a terminal."""
    return _is_terminal(sys.stdin)


def columns_for_words() -> int:
    """Columns of the terminal at standard error; 80 where it is none or does not say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return shutil.get_terminal_size().columns


def lines_for_results() -> int:
    """Lines of the terminal at standard output; 24 where it is none or does not say."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or 24
    except (OSError, ValueError, AttributeError):
        return 24


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except (OSError, ValueError):  # closed
        return False


class ResultStream:
    """Standard output as libraries want it, a file; failures become OutputError."""

    def write(self, text: str) -> int:
        """Write to standard output. Raises OutputError where that fails."""
        write_result(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` has flushed."""

    def isatty(self) -> bool:
        """Whether standard output is a terminal."""
        return results_on_terminal()

    def fileno(self) -> int:
        """File descriptor of standard output."""
        return sys.stdout.fileno()


class WordStream:
    """Standard error likewise, as it is now; failures are let pass."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def write(self, text: str) -> int:
        """Write to the stream; what cannot be written is lost."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` has flushed."""

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return _is_terminal(self._stream)

    def fileno(self) -> int:
        """File descriptor of the stream."""
        return self._stream.fileno()
