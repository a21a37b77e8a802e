"""A lock between processes on a file, which the system frees when its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def try_lock(path: Path) -> Iterator[bool | None]:
    """Hold a lock file inside the `with` block, or report at once that another process holds it; never waits.

    Args:
        path: The lock file. It is made where it is not there, for its owner alone, and removed at the end.

    Yields:
        True where the lock is held now, False where another holds it, None where files cannot be locked here.
    """
    try:
        lock = _taken(path)
    except OSError:
        yield None
        return
    if lock is None:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):  # on Windows an open file stays, and goes when the lock is released
            path.unlink()  # by its holder only, and before the release: whoever waits then takes a new file
        lock.release()


def _taken(path: Path) -> FileLock | None:
    """The lock, or None where another holds it. Raises OSError where there are no locks."""
    if not path.parent.is_dir():  # filelock would make it, open to others
        raise FileNotFoundError(path.parent)
    # Without the marker files that filelock can use in place of locks: they stay behind when their maker dies.
    lock = FileLock(path, mode=0o600, blocking=False, fallback_to_soft=False)
    while True:
        try:
            lock.acquire()
        except Timeout:
            if path.exists():
                return None
            # Its holder removed the file between our opening and locking it.
        else:
            return lock
