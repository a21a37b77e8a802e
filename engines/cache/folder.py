"""The private folder of built engines; nothing that others could have written is used.

The folder holds compiled code, so anybody who can write to it can run code as the user. It is made with mode 0700 and
refused if it is a link or belongs to another user. Only plain files of the user are read; links are not followed.
Systems without owners of files (Windows) keep the user's cache folder private by themselves.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from stylefader.training.files import written_whole
from stylefader.training.leftovers import PARTIAL_FILES

_ABANDONED_S = 3600
"""A file that is still unfinished after so long was left by a build that was killed."""
_PROBES = ".probe-*"
"""A test file of earlier versions, which a kill may have left."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class TooLargeError(OSError):
    """A file with more bytes than were to be read."""


def default_folder() -> Path:
    """`engines` in the user's cache folder of stylefader."""
    from platformdirs import user_cache_path

    return user_cache_path("stylefader", appauthor=False) / "engines"


def folder_problem(folder: Path) -> str:
    """Why the folder cannot be used, in words; empty where it can. A folder that is not there is made."""
    try:
        _make(folder)
        problem = _not_ours(folder)
        if not problem:
            with tempfile.TemporaryFile(dir=folder):  # has no name, where the system can do that
                pass
    except OSError as error:
        return f"the cache folder {folder} cannot be written ({error.strerror or error})"
    return problem


def may_read(folder: Path) -> bool:
    """Whether the contents of the folder may be used, even if it cannot be written."""
    try:
        return not _not_ours(folder)
    except OSError:
        return False


def read_file(path: Path, *, largest: int) -> bytes:
    """The bytes of a plain file of our own.

    Raises FileNotFoundError, and OSError for links, for files of others or that others can write to, for what is no
    plain file, and for more than `largest` bytes.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is no plain file")
        if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE):
            raise OSError("others can write to it")
        data = file.read(largest + 1)
        if len(data) > largest:
            raise TooLargeError(f"it has more than {largest} bytes")
        return data


def read_json(file: Path, *, largest: int) -> Any:
    """What a JSON file in a folder of ours holds; None where there is none, or nothing that may or can be read."""
    with suppress(OSError, ValueError, RecursionError):
        if may_read(file.parent):
            return json.loads(read_file(file, largest=largest))
    return None


def write_json(file: Path, document: Any) -> None:
    """Write a JSON file, whole or not at all. Raises OSError, also where its folder cannot be used."""
    if problem := folder_problem(file.parent):
        raise OSError(problem)
    with written_whole(file) as out:
        out.write(json.dumps(document, indent=1).encode())


def files(folder: Path, *patterns: str) -> list[Path]:
    """Plain files in the folder, no links."""
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def plain_or_none(path: Path) -> Path:
    """A path that a library may read and write: anything but a plain file of the user is removed first."""
    try:
        read_file(path, largest=0)
    except (FileNotFoundError, TooLargeError):
        pass
    except OSError:
        with suppress(OSError):
            path.unlink()
    return path


def sweep(folder: Path) -> int:
    """Remove what killed builds were writing; bytes freed."""
    freed = 0
    for path in files(folder, PARTIAL_FILES, _PROBES):
        with suppress(OSError):
            status = path.stat()
            if time.time() - status.st_mtime > _ABANDONED_S:
                path.unlink()
                freed += status.st_size
    return freed


def _make(folder: Path) -> None:
    """Make the folder and its missing parents, private to the user. Raises OSError."""
    missing = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _not_ours(folder: Path) -> str:
    """Why the contents of the folder may not be used; empty if they may. Raises OSError if there is no folder."""
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"the cache folder {folder} is a link: name the folder itself"
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(20, "Not a directory")
    if not hasattr(os, "geteuid"):
        return ""
    if found.st_uid != os.geteuid():
        return f"the cache folder {folder} belongs to another user: name one of your own with --cache-dir"
    if folder == default_folder() and found.st_mode & 0o077:
        folder.chmod(0o700)  # as an earlier version has made it
    elif found.st_mode & _OTHERS_WRITE:
        return f"others can write to the cache folder {folder}: chmod go-w {folder}"
    return ""
