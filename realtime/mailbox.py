"""The mailbox between two threads of the frame path.

For files: a bounded queue that blocks, so that nothing is dropped and order is kept. An error of the thread
that fills it reaches the thread that empties it, and the other way round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class MailboxClosed(Exception):
    """The taking side has gone: nobody wants what is put any more."""


class BlockingMailbox(Generic[T]):
    """Holds at most `bound` things. One thread puts, then calls `finish` or `fail`; one thread iterates or closes."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._things: deque[T] = deque()
        self._changed = Condition()
        self._finished = False
        self._error: BaseException | None = None
        self._closed = False

    def put(self, thing: T) -> None:
        """Add at the end; waits while full. Raises MailboxClosed when the taking side has gone."""
        with self._changed:
            # A timeout so that a signal is seen; the wait goes on until there is room.
            while len(self._things) >= self._bound and not self._closed:
                self._changed.wait(0.1)
            if self._closed:
                raise MailboxClosed
            self._things.append(thing)
            self._changed.notify_all()

    def finish(self) -> None:
        """Nothing more will come; what is in it will still be taken."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """The putting side broke: the taking side gets this error at once, whatever is still in the mailbox."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def close(self) -> None:
        """The taking side goes; harmless twice."""
        with self._changed:
            self._closed = True
            self._things.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Things in order until the end. Raises what the putting side failed with."""
        while True:
            with self._changed:
                while not (self._things or self._finished or self._error or self._closed):
                    self._changed.wait(0.1)
                if self._error is not None:
                    raise self._error
                if not self._things:
                    return
                thing = self._things.popleft()
                self._changed.notify_all()
            yield thing
