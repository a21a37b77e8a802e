"""Where the `stylefader` program begins: signals are in order before anything that takes time is imported."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from tools.signals import end_at_once


def main() -> NoReturn:
    """Run the command on the command line and exit with its code."""
    end_at_once()
    from tools.cli import run

    code = run(sys.argv[1:])
    end_at_once()  # all is in order, and nothing of ours is left that an exception could unwind
    leave(code)


def leave(code: int) -> NoReturn:
    """Exit, also from under threads that nobody can wait for.

    Who ends a session while an engine is still being compiled leaves a thread behind that is deep in a library of
    C++; the interpreter's own end would abort the whole process under it. So what was registered is run, what was
    written is brought out, and the process is left without taking the libraries apart.
    """
    if all(thread is threading.main_thread() for thread in threading.enumerate()):
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
