"""Waiting for the moment when a frame is due, on a clock that tests can replace."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from threading import Event

# The longest sleep in one piece, so that a source that is closed by another thread ends quickly.
_PIECE_NS = 50_000_000


class Pace:
    """Ties a stream's clock to the monotonic one: the first time that is due is now.

    now_ns: monotonic nanoseconds. sleep: seconds. close() ends a wait in another thread.
    """

    def __init__(
        self, *, now_ns: Callable[[], int] = time.monotonic_ns, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.now_ns = now_ns
        self._sleep = sleep
        self._closed = Event()
        self._zero_ns: int | None = None

    def set_due(self, at: Fraction) -> None:
        """Stream time `at` (seconds) is due now."""
        self._zero_ns = self.now_ns() - int(at * 1_000_000_000)

    def due(self) -> Fraction | None:
        """The stream time that is due now, in seconds; None before anything was."""
        return None if self._zero_ns is None else Fraction(self.now_ns() - self._zero_ns, 1_000_000_000)

    def late(self, at: Fraction) -> Fraction:
        """How many seconds ago stream time `at` was due; negative before that. The first one asked for is due now."""
        due = self.due()
        if due is None:
            self.set_due(at)
            return Fraction(0)
        return due - at

    def wait_for(self, at: Fraction) -> bool:
        """Wait until stream time `at` is due. False where the pace was closed."""
        while not self._closed.is_set():
            left_ns = -int(self.late(at) * 1_000_000_000)
            if left_ns <= 0:
                return True
            self._sleep(min(left_ns, _PIECE_NS) / 1_000_000_000)
        return False

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def close(self) -> None:
        """End every wait, now and later."""
        self._closed.set()
