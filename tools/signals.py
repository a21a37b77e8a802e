"""What Ctrl-C, SIGTERM and a closed terminal do at each stage of a command.

An exception raised from a signal handler is lost or worse while libraries load or compile: it may come up inside a
callback from C++ or under an import lock. So there are two stages: `end_at_once` while nothing but a clean-up of a
known kind is needed, and `unwind` while our own code runs and its `with` blocks put everything in order.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

_NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def end_at_once(clean_up: Callable[[], None] = lambda: None) -> None:
    """From now on a signal calls `clean_up` and ends the process with exit code 128 + its number."""

    def end(number: int, _: FrameType | None) -> None:
        try:
            clean_up()
        finally:
            os._exit(128 + number)

    for number in _NUMBERS:
        signal.signal(number, end)


def unwind() -> None:
    """From now on the first signal raises KeyboardInterrupt or SystemExit in the main thread.

    Those that come after it are ignored, since things are being put in order by then.
    """

    def stop(number: int, _: FrameType | None) -> None:
        for other in _NUMBERS:
            signal.signal(other, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    for number in _NUMBERS:
        signal.signal(number, stop)
