"""Files that are complete or absent (written under another name, then renamed), and reading with limits.

Files from outside are read by `read_whole` or `read_at_most`, or from `open_regular`. So an endless device, a silent
pipe or a growing file can neither fill the memory nor block the program.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from stylefader.training.errors import TrainingError
from stylefader.training.leftovers import partial_name

MIB = 1 << 20
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic"})
"""What files of a folder of pictures end in."""


def temporary_beside(path: Path) -> Path:
    """A hidden name of its own in the folder of `path`, short however long that name is.

    It has the same ending, since programs judge by it, unless that is too long to be one.
    """
    ending = path.suffix if len(path.suffix) <= 16 else ""
    return path.with_name(partial_name(ending))


def read_at_most(path: Path, most: int, *, wait_s: float = 10.0) -> bytes:
    """The first `most` bytes of a file, or fewer where it is shorter.

    The size that the system states is not used: devices and pipes have none, and a file may grow. A pipe that sends
    nothing for `wait_s` seconds is given up, so that no file name can hold the program.

    Raises:
        OSError: It is not there, is a folder, cannot be read, or is a silent pipe (TimeoutError).
        ValueError: The name has a NUL.
    """
    # Without it, opening a named pipe waits for who writes into it. Windows has neither.
    without_waiting = getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | without_waiting)) as file:
        pipe = select.poll() if without_waiting and not stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
        if pipe is not None:
            pipe.register(file, select.POLLIN)
        pieces: list[bytes] = []
        left = most
        while left > 0:
            if pipe is not None and not pipe.poll(wait_s * 1000):
                raise TimeoutError(None, f"nothing came from it for {wait_s:g} s", str(path))
            piece = file.read(min(left, MIB))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)


class TooLargeError(OSError):
    """More bytes than are read; its words need no number of the system."""

    def __str__(self) -> str:
        return str(self.strerror)


def read_whole(path: Path, *, limit: int) -> bytes:
    """The bytes of a file from outside, of which at most `limit` + 1 are ever read.

    A pipe that sends nothing for 10 s is given up.

    Args:
        path: A file, or a pipe as `<(command)` of a shell gives it.
        limit: The most bytes that the file may have.

    Returns:
        All of it.

    Raises:
        OSError: It cannot be read, or is larger; `strerror` says which in words.
    """
    data = read_at_most(path, limit + 1)
    if len(data) > limit:
        raise TooLargeError(errno.EFBIG, f"it is larger than the {_size_words(limit)} that are read", str(path))
    return data


def open_regular(path: Path) -> BinaryIO:
    """A file of outside, open for reading, that is neither a device nor a pipe nor a folder. Raises OSError."""
    file = _opened(path)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", str(path))
    return file


def _opened(path: Path) -> BinaryIO:
    # Opening a pipe waits for somebody who writes, unless it is told not to.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        os.set_blocking(handle, True)
        return open(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _size_words(size: int) -> str:
    return f"{size // MIB} MiB" if size >= MIB else f"{size} bytes"


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the name `path` only when the block ends well; else nothing is left of it."""
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load_tensors(path: Path, *, what: str) -> Any:
    """Read a file that `torch.save` wrote, tensors and plain values only. Raises TrainingError that says `what`."""
    import torch  # here, so that whoever only writes files need not wait for it

    if not os.path.isfile(path):  # Path.is_file raises where the name is too long
        raise TrainingError(f"no {what} at {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainingError(f"cannot read the {what} {path}: {error.strerror or error}") from error
    except Exception as error:  # bytes that are no pickle can make the unpickler raise anything
        raise TrainingError(
            f"cannot read the {what} {path}: it is not a file of tensors that torch.save wrote"
        ) from error
