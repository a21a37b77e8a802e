"""Where the log goes: a file, and with `--verbose` the terminal; without either it goes nowhere.

The log says what the words for people leave out: every event with its data, and the traceback of whatever was caught. A
crash (SIGSEGV and such) leaves in the file where every thread was.
"""

from __future__ import annotations

import faulthandler
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stylefader.tools.console.printable import printable
from stylefader.tools.console.verbose import is_verbose

_ROOT = "stylefader"
_FORM = "%(asctime)s %(levelname)-8s %(threadName)s %(name)s: %(message)s"


@contextmanager
def log_to(file: Path | None, *, say: Callable[[str], None]) -> Iterator[None]:
    """Keep the log in a file (added at its end), and show warnings and errors with `--verbose`, as long as it lasts.

    Args:
        file: The file, None for none.
        say: Shows one line in the terminal.

    Raises:
        SinkError: The file cannot be written.
    """
    from stylefader.training.errors import SinkError

    handlers: list[logging.Handler] = []
    crashes = False
    if file is not None:
        try:
            kept = _File(file)
            handlers.append(kept)
        except OSError as error:
            raise SinkError(f"--log-file cannot be written to {file}: {error.strerror or error}") from error
        if not faulthandler.is_enabled():  # else somebody asked for it elsewhere, as by PYTHONFAULTHANDLER
            assert kept.stream is not None
            faulthandler.enable(kept.stream)
            crashes = True
    if is_verbose():
        handlers.append(_Terminal(say))
    logger = logging.getLogger(_ROOT)
    before = logger.level
    if handlers:
        logger.setLevel(logging.DEBUG if file is not None else logging.WARNING)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        if crashes:
            faulthandler.disable()
        for handler in handlers:
            logger.removeHandler(handler)
            with suppress(OSError):
                handler.close()
        logger.setLevel(before)


class _File(logging.FileHandler):
    """What cannot be written, on a full disk, is lost."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(_Printable(_FORM))

    def handleError(self, record: logging.LogRecord) -> None: ...  # noqa: N802  # the library's name


class _Printable(logging.Formatter):
    """Lines without what commands a terminal that shows them."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line) for line in super().format(record).split("\n"))


class _Terminal(logging.Handler):
    """A record in lines for people: warnings and errors, with their tracebacks."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"  log: {record.getMessage()}")
        if record.exc_info and record.exc_info[1] is not None:
            for text in traceback.format_exception(record.exc_info[1]):
                for line in text.rstrip("\n").split("\n"):
                    self._say(f"  {printable(line)}")
