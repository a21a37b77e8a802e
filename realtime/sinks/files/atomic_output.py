"""Putting an output file in its place: checked before, written under a temporary name, renamed at the end.

A file being written is finished or absent: nobody ever finds half of one under its final name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SinkError
from stylefader.training.files import temporary_beside
from stylefader.training.leftovers import clear_leftovers

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM)
"""Where these come up, the disk is at fault and not the settings."""


def check_target(path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> Path:
    """The file that `path` means, where it is a link, and itself else; writes nothing.

    inputs: files being read, which must not be the target, not even under another name. Raises SinkError where
    `path` cannot become an output file. A link that leads nowhere counts as existing.
    """
    target = Path(os.path.realpath(path))
    # os.path and not Path, whose methods raise where a name is too long.
    if os.path.isdir(target):
        raise SinkError(f"{path} is a folder; name a file in it")
    check_folder(target.parent)
    check_name(target)
    for source in inputs:
        if is_same_file(target, source):
            raise SinkError(f"{path} is the file that is being read; write to another name")
    if os.path.lexists(path) and not overwrite:
        raise SinkError(f"{path} exists already; choose another name or allow overwriting with --overwrite")
    return target


def is_same_file(one: Path, other: Path) -> bool:
    """Whether both are there and are one file, be it under two names."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def check_name(path: Path) -> None:
    """Raise SinkError where the system takes no such name, mostly because it is too long."""
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise not_created(path, error) from error


def check_folder(folder: Path) -> None:
    """Raise SinkError where files cannot be made in `folder`."""
    if not os.path.exists(folder):
        raise SinkError(f"the folder {folder} does not exist; make it first")
    if not os.path.isdir(folder):
        raise SinkError(f"{folder} is a file, not a folder; choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SinkError(f"the folder {folder} may not be written to; choose another or change its permissions")


def begin_file(target: Path, notes: list[str]) -> Path:
    """Make the empty file beside `target`, under a temporary name, that is written to. Raises SinkError.

    Files that killed runs left in the folder are removed, with a note.
    """
    notes.extend(clear_leftovers(target.parent))
    partial = temporary_beside(target)
    try:
        partial.open("xb").close()
    except OSError as error:
        raise not_created(target, error) from error
    return partial


def remove(path: Path) -> None:
    """Delete a file if it is there. Never raises."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def not_created(path: Path, error: BaseException) -> SinkError:
    """The SinkError for a place where no file can be made, with the system's reason."""
    return SinkError(f"{path} cannot be created there: {reason(error)}; choose another place or name")


def write_failed(path: Path, error: BaseException, *, kept: str = "nothing of it was kept") -> SinkError:
    """The SinkError for a write that went wrong, in words that say what to do and what became of the file."""
    number = getattr(error, "errno", None)
    folder = path.parent
    words = {
        errno.ENOSPC: f"no space left in {folder}; free some or write to another disk",
        errno.EDQUOT: f"the disk quota for {folder} is used up; free some or write to another disk",
        errno.EFBIG: f"the file grew larger than {folder} allows; write to another disk or a shorter part",
        errno.EIO: f"the disk of {folder} reports an error",
        errno.EROFS: f"the disk of {folder} is read-only",
        errno.EACCES: f"{folder} may not be written to",
    }
    why = words.get(number or 0) or reason(error)
    return SinkError(f"writing {path} failed: {why}; {kept}", failure=True)
