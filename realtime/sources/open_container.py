"""Opening a file, every way that it can fail in words."""

from __future__ import annotations

import stat
from pathlib import Path

import av
from av.container import InputContainer

from stylefader.realtime.sources.files.truncation import is_cut_off
from stylefader.training.errors import SourceError
from stylefader.training.reading.pictures import picture_kind


def reason(error: BaseException) -> str:
    """What went wrong in the system's or FFmpeg's words, without numbers and names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def check_there(path: Path) -> None:
    """Raise SourceError where `path` is not the name of something that can hold a picture."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError(f"{path} does not exist; check the name and the folder") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be opened: {reason(error)}; check the name and the folder") from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{path} is a folder; name one file in it")
    if stat.S_ISFIFO(status.st_mode):
        # FFmpeg would wait without end for somebody who writes, and a video is opened more than once.
        raise SourceError(f"{path} is a pipe, which cannot be read twice; write it into a file first")
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes); copy or make it again")


def open_container(path: Path) -> InputContainer:
    """The file, opened by FFmpeg for reading. Raises SourceError."""
    check_there(path)
    if picture_kind(path) == "HEIF":
        # FFmpeg would give one tile of it.
        raise SourceError(f"{path} is a HEIC picture, not a video; open it as a picture")
    try:
        # metadata_errors: old files carry titles in Latin-1, which must not stop anybody.
        return av.open(f"file:{path}", "r", metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise SourceError(f"{path} may not be read; check its permissions") from error
        if isinstance(error, av.InvalidDataError) and is_cut_off(path):
            raise SourceError(
                f"{path} is not complete: it breaks off before the index that a player needs; get the whole file"
            ) from error
        raise SourceError(f"{path} is not a video that FFmpeg can read ({reason(error)}); give a video file") from error
