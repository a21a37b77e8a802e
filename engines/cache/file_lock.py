"""A lock between processes: the system's own on an open file, which goes with a process that dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no lock
    fcntl = None  # type: ignore[assignment]


@contextmanager
def try_lock(path: Path) -> Iterator[bool | None]:
    """The lock file, made and held: True; False where another holds it; None where files cannot be locked here."""
    try:
        held = _take_lock(path)
    except OSError:
        yield None
        return
    if held is None:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            path.unlink()  # by its holder only, so whoever takes the lock next knows to look again
        os.close(held)


def _take_lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or None where another does. Raises OSError where there are no locks."""
    if fcntl is None:
        raise OSError("no file locks")
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A holder unlinks the file before it lets go: a lock on a file without that name locks nobody out.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
