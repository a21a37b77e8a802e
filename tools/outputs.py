"""Files that commands write: refused before any work is put into them, and finished or not there at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def check_output(output: Path, *suffixes: str, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise SinkError for a file that cannot be written under that name.

    Args:
        output: The file.
        suffixes: The endings that it may have; any where there is none.
        overwrite: Whether it may be there already.
        inputs: Files that are read, none of which it may be.
    """
    from stylefader.training.errors import SinkError

    if suffixes and output.suffix.lower() not in suffixes:
        raise SinkError(f"the output is a {' or '.join(suffixes)} file, not {output.name!r}")
    if output.is_dir() or not output.parent.is_dir():
        there = f"the folder {output.parent} is not there" if not output.is_dir() else "it is a folder"
        raise SinkError(f"cannot write {output}: {there}")
    if any(output.exists() and read.exists() and output.samefile(read) for read in inputs):
        raise SinkError(f"{output} is being read; choose another name")
    if output.exists() and not overwrite:
        raise SinkError(f"{output} exists already; choose another name or allow overwriting with --overwrite")


def write_whole(output: Path, content: bytes) -> None:
    """Write a file, finished or not at all. Raises SinkError."""
    from stylefader.training.errors import SinkError
    from stylefader.training.files import written_whole

    try:
        with written_whole(output) as file:
            file.write(content)
    except OSError as error:
        raise SinkError(f"cannot write {output}: {error.strerror or error}", failure=True) from error
