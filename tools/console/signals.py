"""What Ctrl-C, SIGTERM and a closed terminal do at each stage of a command.

There are three stages, and a command is always in one of them:

`end_at_once`  The process ends there and then, after a clean-up of a known kind. While libraries load and compile: an
               exception raised there may be lost in a callback from C++ or under an import lock.
`unwind`       KeyboardInterrupt or SystemExit is raised in the main thread, and `with` blocks put everything in order.
`ask`          A function is told and sets a flag; whoever looks at it ends in good order. The second signal ends the
               process at once.

A handler runs in the main thread, between two of its steps. Where that thread is in a library that does not come back,
or waits at the end for somebody who never comes, no handler helps. So a thread of its own, `signals`, hears of every
signal through a pipe that the interpreter writes to (`signal.set_wakeup_fd`), and where the process is still there
after the stage's limit, it ends it. Handlers take no lock, print nothing and wait for nothing.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
AT_ONCE_S, UNWIND_S, ASK_S = 1.0, 15.0, 15.0
"""How long after a signal the process may still be there, by stage; then `signals` ends it."""
_CLEAN_UP_S = 2.0
_IDLE_S = 60.0

CleanUp = Callable[[], None]


def _nothing() -> None: ...


class _Watch:
    """Ends the process where a signal did not: by `clean_up` and exit code 128 + the signal's number.

    limits_s: so long after the first and after the second signal; None: never.
    """

    def __init__(self) -> None:
        self.limits_s: tuple[float | None, float | None] = (AT_ONCE_S, AT_ONCE_S)
        self.clean_up: CleanUp = _nothing
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def begin(self) -> None:
        """Once, in the main thread; harmless after that."""
        if self._ends is not None:
            return
        self._ends = ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        if hasattr(os, "register_at_fork"):
            forks = _Forks()
            os.register_at_fork(before=forks.before, after_in_child=forks.in_child, after_in_parent=forks.in_parent)
        threading.Thread(target=self._run, args=(ours,), name="signals", daemon=True).start()

    def _run(self, ours: socket.socket) -> None:
        until = float("inf")
        came: list[int] = []
        while True:
            if select.select([ours], [], [], max(0.0, min(_IDLE_S, until - time.monotonic())))[0]:
                for number in ours.recv(64):
                    if number in NUMBERS:
                        came.append(number)
                        limit_s = self.limits_s[min(len(came), 2) - 1]
                        until = min(until, float("inf") if limit_s is None else time.monotonic() + limit_s)
            if time.monotonic() >= until:
                end_now(128 + came[0], self.clean_up)


_watch = _Watch()


def begin() -> None:
    """Start the thread that enforces the limits; called first in our own program, and in no other."""
    _watch.begin()
    end_at_once()


def end_now(code: int, clean_up: CleanUp = _nothing) -> NoReturn:
    """End the process without unwinding anything, however long the clean-up would take. From any thread."""
    ending = threading.Thread(target=clean_up, name="clean-up", daemon=True)
    try:
        ending.start()
        ending.join(_CLEAN_UP_S)
    finally:
        os._exit(code)


def end_at_once(clean_up: CleanUp = _nothing) -> None:
    """From now on a signal calls `clean_up` and ends the process with exit code 128 + its number."""

    def end(number: int, _: FrameType | None) -> None:
        try:
            clean_up()
        finally:
            os._exit(128 + number)

    _set(end, (AT_ONCE_S, AT_ONCE_S), clean_up)


def unwind(clean_up: CleanUp = _nothing) -> None:
    """From now on the first signal raises KeyboardInterrupt or SystemExit in the main thread.

    Those that come after it raise nothing: things are being put in order by then, for UNWIND_S at most, and by
    `clean_up` where that was not enough.
    """
    raised = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal raised
        if not raised:
            raised = True
            _raise(number)

    _set(stop, (UNWIND_S, UNWIND_S), clean_up)


def ask(asked: Callable[[int], None], clean_up: CleanUp = _nothing) -> None:
    """From now on the first signal calls `asked` with its number, which sets a flag and does nothing else.

    The second one ends the process at once, by `clean_up`, and so does ASK_S without an end.
    """
    came = False

    def tell(number: int, _: FrameType | None) -> None:
        nonlocal came
        if came:
            try:
                clean_up()
            finally:
                os._exit(128 + number)
        came = True
        asked(number)

    _set(tell, (ASK_S, AT_ONCE_S), clean_up)


@contextmanager
def asking(asked: Callable[[int], None]) -> Iterator[None]:
    """Inside, the first signal calls `asked`, and the end may take as long as it does; the second one unwinds.

    Afterwards all is as it was before. In the main thread.
    """
    came = False

    def tell(number: int, _: FrameType | None) -> None:
        nonlocal came
        if came:
            _raise(number)
        came = True
        asked(number)

    handlers = {number: signal.getsignal(number) for number in NUMBERS}
    before = (_watch.limits_s, _watch.clean_up)
    _set(tell, (None, UNWIND_S))
    try:
        yield
    finally:
        _watch.limits_s, _watch.clean_up = before
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _raise(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _set(
    handler: Callable[[int, FrameType | None], None], limits_s: tuple[float | None, float | None],
    clean_up: CleanUp = _nothing,
) -> None:  # fmt: skip
    _watch.limits_s, _watch.clean_up = limits_s, clean_up
    for number in NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:  # as nohup wants it
            signal.signal(number, handler)


class _Forks:
    """A forked child has our pipe and our handlers, but its signals are not for us.

    They are held back while it is made: one that comes before it is in order would be lost, or taken for ours.
    """

    def __init__(self) -> None:
        self._held = threading.local()

    def before(self) -> None:
        self._held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)

    def in_parent(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._held.mask)

    def in_child(self) -> None:
        with suppress(ValueError):  # not in what is now the main thread
            signal.set_wakeup_fd(-1)
            for number in NUMBERS:
                if callable(signal.getsignal(number)):
                    signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._held.mask)
