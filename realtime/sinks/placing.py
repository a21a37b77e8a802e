"""Putting an output file in its place: checked before, written under a temporary name, renamed at the end.

A file being written is finished or absent: nobody ever finds half of one under its final name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from training.errors import SinkError

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM)
"""Where these come up, the disk is at fault and not the settings."""


def check_target(path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise SinkError where `path` cannot become an output file; writes nothing.

    inputs: files being read, which must not be the target, not even under another name.
    """
    if path.is_dir():
        raise SinkError(f"{path} is a folder; name a file in it")
    check_folder(path.parent)
    for source in inputs:
        if path.exists() and source.exists() and os.path.samefile(path, source):
            raise SinkError(f"{path} is the file that is being read; write to another name")
    if path.exists() and not overwrite:
        raise SinkError(f"{path} exists already; choose another name or allow overwriting with --overwrite")


def check_folder(folder: Path) -> None:
    """Raise SinkError where files cannot be made in `folder`."""
    if not folder.exists():
        raise SinkError(f"the folder {folder} does not exist; make it first")
    if not folder.is_dir():
        raise SinkError(f"{folder} is a file, not a folder; choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SinkError(f"the folder {folder} may not be written to; choose another or change its permissions")


def partial_path(path: Path) -> Path:
    """The hidden name beside `path` that it is written under; the same ending, since programs judge by it."""
    return path.with_name(f".{path.stem[:200]}.partial-{os.getpid()}{path.suffix}")


def remove(path: Path) -> None:
    """Delete a file if it is there. Never raises."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def write_failed(path: Path, error: BaseException) -> SinkError:
    """The SinkError for a write that went wrong, in words that say what to do."""
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
    reason = words.get(number or 0) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return SinkError(f"writing {path} failed: {reason}; nothing of it was kept", failure=True)
