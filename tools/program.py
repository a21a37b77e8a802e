"""The entry point of `stylefader`: sets up signals and streams before heavy modules are imported."""

from __future__ import annotations

from typing import NoReturn

_END_S = 10.0
"""How long what was registered for the end may take."""


def main() -> NoReturn:
    """Run the command on the command line and exit with its code."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until ours is there Ctrl-C ends us, without a traceback
    import sys

    from stylefader.tools.console import streams

    streams.prepare()  # before anything is opened that would take the place of a stream that is closed
    from stylefader.tools.console import signals

    signals.begin()
    leave(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    import traceback

    from stylefader.tools.console.printable import printable
    from stylefader.tools.console.streams import write_words

    try:
        from stylefader.tools.cli import run

        return run(arguments)
    except SystemExit as end:  # SIGTERM has unwound what ran
        return end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except BaseException:  # a bug
        for line in traceback.format_exc().splitlines():
            write_words(f"{printable(line)}\n")
        return 1


def leave(code: int) -> NoReturn:
    """Run what was registered for the exit, flush the streams, and exit without waiting for threads.

    Who ends a session while an engine is still being compiled leaves a thread behind that is deep in a library of
    C++; the interpreter's own end would wait for it, or abort the whole process under it, and so may the libraries'
    own ends. So they are not taken apart.
    """
    import atexit
    import os
    import threading

    from stylefader.tools.console import signals, streams

    signals.end_at_once()  # all is in order, and nothing of ours is left that an exception could unwind
    limit = threading.Timer(_END_S, os._exit, [code])
    limit.name, limit.daemon = "the end", True
    limit.start()
    atexit._run_exitfuncs()
    streams.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
