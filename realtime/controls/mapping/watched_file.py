"""A file of a session that may be edited while it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from stylefader.training.errors import ControlError

T = TypeVar("T")
Stamp = tuple[int, int, int]
"""When a file was written, its size, and which file it is."""


def stamp_of(path: Path) -> Stamp | None:
    """What changes when a file changes; None if there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class WatchedFile(Generic[T]):
    """`content` is what `read` makes of the file: at first, which may raise ControlError, and after every edit.

    tell: the content in a few words, said after an edit.
    """

    def __init__(
        self, path: Path, read: Callable[[Path], T], tell: Callable[[T], str], *, say: Callable[[str], None]
    ) -> None:
        self.path, self._read, self._tell, self._say = path, read, tell, say
        self._seen = stamp_of(self.path)
        self.content = read(path)

    def poll(self) -> bool:
        """Read the file again if it changed; whether the content differs. After a broken edit the old content stays."""
        stamp = stamp_of(self.path)
        if stamp is None or stamp == self._seen:  # None: an editor may be about to put it back
            return False
        self._seen = stamp
        try:
            self.content = self._read(self.path)
        except ControlError as error:
            self._say(f"{error}; what was read before stays")
            return False
        self._say(f"{self.path}: {self._tell(self.content)}")
        return True
