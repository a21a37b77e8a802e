"""Keeps an encoder from taking the whole machine.

SVT-AV1, in a program that runs as root, puts the thread that opens it and its own threads under real-time scheduling
with the highest priority (SCHED_FIFO, 99), and each program that is started later inherits that. Nothing else gets a
turn then, until it waits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """All threads that are under real-time scheduling after the block, and were not before it, are put back.

    Also where the block ends with an error: an encoder that cannot be opened may have raised its priority before.
    """
    before = _real_time()
    try:
        yield
    finally:
        for thread in _real_time() - before:
            with suppress(OSError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _real_time() -> set[int]:
    """The numbers of our threads under real-time scheduling; none where there is no such list (not Linux)."""
    found = set()
    with suppress(OSError):
        for thread in map(int, os.listdir(_THREADS)):
            with suppress(OSError):
                if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                    found.add(thread)
    return found
