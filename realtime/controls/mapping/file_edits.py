"""Files of a session that it edits itself (mapping, scenes): changed as a whole or not at all, and never too large."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from stylefader.training.errors import ControlError
from stylefader.training.files import open_regular, written_whole

MOST_BYTES = 2**20
"""Of such a file: as much is read again."""
_TRIES = 3


def text_of(path: Path, what: str, *, new: bool) -> str:
    """What is in the file, its line endings as they are. new: there may be none. Raises ControlError."""
    try:
        with open_regular(path) as file:  # what is written anew cannot be a pipe
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ControlError(f"{path} is larger than {MOST_BYTES >> 20} MiB: is it a {what}?")
        return data.decode()
    except FileNotFoundError as error:
        if new:
            return ""
        raise ControlError(f"no {what} at {path}") from error
    except (OSError, ValueError) as error:  # ValueError: what is not UTF-8, or a NUL in the name
        why = getattr(error, "strerror", None) or error
        raise ControlError(f"cannot read the {what} {path}: {why}") from error


def rewrite(path: Path, what: str, edit: Callable[[str], str], *, new: bool = False) -> None:
    """Put what `edit` makes of the text in its place. A link stays one, and the file's permissions stay.

    new: the file may be made. Raises ControlError where it cannot be, and what `edit` raises.
    """
    for _ in range(_TRIES):
        text = text_of(path, what, new=new)
        after = edit(text).encode()
        if len(after) > MOST_BYTES:
            raise ControlError(f"the {what} {path} would be larger than {MOST_BYTES >> 20} MiB, too large to be read")
        if text_of(path, what, new=new) == text:  # nobody has edited it meanwhile
            break
    else:
        raise ControlError(f"the {what} {path} is being written by another program")
    try:
        target = path.resolve()
        with written_whole(target) as file:
            file.write(after)
            if target.exists() and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        why = getattr(error, "strerror", None) or error
        raise ControlError(f"cannot write the {what} {path}: {why}", failure=True) from error
