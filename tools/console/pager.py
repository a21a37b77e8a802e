"""Text that is longer than the screen, page by page: by the pager that the user has, `less`, or `more`."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress

from stylefader.tools.console.messages import out_text
from stylefader.tools.console.printable import printable
from stylefader.tools.console.signals import end_at_once
from stylefader.tools.console.streams import keys_from_terminal, lines_for_results, results_on_terminal


def show(text: str) -> None:
    """Text of several lines on standard output; by a pager where it is a terminal that is too small for it."""
    lines = [printable(line) for line in text.split("\n")]
    there = keys_from_terminal() and results_on_terminal()
    command = _pager() if there and len(lines) > lines_for_results() - 1 else None
    if command is None or not _paged(command, "\n".join(lines) + "\n"):
        out_text(text)


def _pager() -> list[str] | None:
    with suppress(ValueError):  # quotes that do not end
        wanted = shlex.split(os.environ.get("PAGER", ""))
        if wanted and shutil.which(wanted[0]):
            return wanted
    return next(([name] for name in ("less", "more") if shutil.which(name)), None)


def _paged(command: list[str], text: str) -> bool:
    """Whether the pager took it. Ctrl-C is the pager's; SIGTERM ends it, too, so that it leaves the terminal in order.

    A single page is written as it is, there are no colours, and the text stays on the screen afterwards.
    """
    environment = {"LESS": "FRX", **os.environ}
    try:
        run = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    except OSError:
        return False
    end_at_once(run.terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after it has started, so that it does not ignore it itself
    assert run.stdin is not None
    with suppress(OSError):  # it was left before the end
        run.stdin.write(text.encode("utf-8", "backslashreplace"))
        run.stdin.close()
    while True:  # for as long as somebody reads
        with suppress(subprocess.TimeoutExpired):
            run.wait(1.0)
            break
    end_at_once()
    return True
