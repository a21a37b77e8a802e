"""Opening a file with FFmpeg, every way that it can fail in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
from av.container import InputContainer

from realtime.sources.truncation import is_cut_off
from training.errors import SourceError


def open_container(path: Path) -> InputContainer:
    reasons: list[tuple[type[BaseException], Callable[[], str]]] = [
        (av.PermissionError, lambda: "may not be read; check its permissions"),
        (av.FileNotFoundError, lambda: "does not exist; check the name and the folder"),
        (av.IsADirectoryError, lambda: "is a folder, not a video file; name one file in it"),
    ]
    try:
        # metadata_errors: old files carry titles in Latin-1, which must not stop anybody.
        return av.open(f"file:{path}", "r", metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        for kind, words in reasons:
            if isinstance(error, kind):
                raise SourceError(f"{path} {words()}") from error
        if isinstance(error, av.InvalidDataError) and is_cut_off(path):
            raise SourceError(
                f"{path} is not complete: it breaks off before the index that a player needs; get the whole file"
            ) from error
        raise SourceError(f"{path} is not a video that FFmpeg can read ({error}); give a video file") from error
