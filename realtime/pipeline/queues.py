"""The mailbox between two threads of the frame path.

For files: a bounded queue that blocks, so that nothing is dropped and order is kept. An error of the thread
that fills it reaches the thread that empties it, and the other way round. For live sources: one slot, newest wins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class MailboxClosed(Exception):
    """The taking side is closed: items are not wanted any more."""


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
        """Add at the end; waits while full. Raises MailboxClosed if the taking side has closed it."""
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
        """The putting side failed: the taking side gets this error at once, even if there are items in the mailbox."""
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


class NewestMailbox(Generic[T]):
    """One slot, newest wins: for live sources, where an old frame is worth nothing. Replaced things are counted.

    Any thread puts, one thread takes. `wake` ends a wait that is under way.
    """

    def __init__(self) -> None:
        self._thing: T | None = None
        self._changed = Condition()
        self._woken = False
        self.replaced = 0

    def put(self, thing: T) -> None:
        """Leave a thing for the taker, in place of one that it has not taken yet. Never waits."""
        with self._changed:
            self.replaced += self._thing is not None
            self._thing = thing
            self._changed.notify_all()

    def take(self, timeout_s: float) -> T | None:
        """The newest thing; waits for one, but no longer than that. None where nothing came, or after `wake`."""
        with self._changed:
            if self._thing is None and timeout_s > 0:
                self._changed.wait_for(lambda: self._thing is not None or self._woken, timeout_s)
            self._woken = False
            thing, self._thing = self._thing, None
            return thing

    @property
    def waiting(self) -> bool:
        """Whether there is something to take."""
        return self._thing is not None

    def wake(self) -> None:
        """End a wait, now or the next."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()
