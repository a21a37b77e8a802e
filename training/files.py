"""Files that are finished or absent: written under another name beside the target, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from training.errors import TrainingError
from training.leftovers import partial_name


def temporary_beside(path: Path) -> Path:
    """A hidden name of its own in the folder of `path`, short however long that name is.

    It has the same ending, since programs judge by it, unless that is too long to be one.
    """
    ending = path.suffix if len(path.suffix) <= 16 else ""
    return path.with_name(partial_name(ending))


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
