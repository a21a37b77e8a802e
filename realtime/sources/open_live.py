"""One `--source` word to a source for a live session: testcard, camera, network stream, screen, file or folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.files.paced_file import VIDEO_SUFFIXES, PacedSource, folder_files
from stylefader.realtime.sources.files.picture_delays import read_delays
from stylefader.realtime.sources.files.pictures import SUFFIXES, is_picture, is_sequence
from stylefader.realtime.sources.geometry import DEFAULT_FIT
from stylefader.realtime.sources.live.camera import CameraSource
from stylefader.realtime.sources.live.cameras import (
    CameraInfo,
    camera_number,
    cameras,
    find_camera,
    matching,
    names_there,
)
from stylefader.realtime.sources.live.screen import ScreenSource, parse_screen
from stylefader.realtime.sources.live.stream import SCHEMES, StreamSource, scheme_of, without_secrets
from stylefader.realtime.sources.live.testcard import TestcardSource
from stylefader.realtime.sources.open_container import check_there
from stylefader.realtime.sources.options import LiveOptions
from stylefader.realtime.sources.transform import TransformedSource
from stylefader.training.errors import SourceError

Kind = Literal["testcard", "camera", "stream", "screen", "file", "folder"]
NowNs = Callable[[], int]
Sleep = Callable[[float], None]

_RATE = Fraction(30)
_TESTCARD_SIZE = (1280, 720)

WORDS = "testcard, a camera by number or part of its name, a URL, screen, or a file or folder"
"""What a word can be, for messages and help."""


@dataclass(frozen=True, kw_only=True)
class LiveChoice:
    """What a `--source` word means. name: for people. notes: settings that have no effect on it, in words.

    reconnects: whether it may come back after it was lost (cameras, streams, the screen), so that a fresh source is
    worth trying. A file that breaks stays broken.
    """

    name: str
    kind: Kind
    notes: tuple[str, ...]
    builder: Callable[[NowNs, Sleep], Source]
    options: LiveOptions

    @property
    def reconnects(self) -> bool:
        """Whether the source is opened again when it is lost; a file that ended is not."""
        return self.kind in ("camera", "stream", "screen")

    def make(self, *, now_ns: NowNs = time.monotonic_ns, sleep: Sleep = time.sleep) -> TransformedSource:
        """A fresh source, not yet opened. now_ns, sleep: the clock of what has a pace to keep."""
        return TransformedSource(self.builder(now_ns, sleep), self.options)


def live_source(
    word: str, options: LiveOptions | None = None, *, list_cameras: Callable[[], list[CameraInfo]] = cameras
) -> LiveChoice:
    """What a word means; nothing is opened yet.

    `testcard`; a camera by number (`0`) or by part of its name; a URL; `screen`, `screen:2`, `screen:X,Y,WxH`; else a
    file, a pattern for numbered pictures, or a folder. `./testcard` is a file of that name. Raises SourceError: what
    was given, what there is, and what to do.
    """
    options = options or LiveOptions()
    if not word:
        raise SourceError(f"the source has no name; give {WORDS}")
    rate = options.rate or _RATE
    if word == "testcard":
        size = _asked_size(options) or _TESTCARD_SIZE
        return _choice(
            "the testcard",
            "testcard",
            options,
            lambda now_ns, sleep: TestcardSource(size=size, rate=rate, now_ns=now_ns, sleep=sleep),
        )
    part = parse_screen(word)
    if part is not None:
        name = "the screen" if word == "screen" else f"the {word.replace(':', ' ', 1)}"
        return _choice(
            name,
            "screen",
            options,
            lambda now_ns, sleep: ScreenSource(part, rate=rate, now_ns=now_ns, sleep=sleep),
        )
    scheme = scheme_of(word)
    if scheme is not None and len(scheme) > 1:
        if scheme not in SCHEMES:
            raise SourceError(
                f"{scheme}:// is no stream that can be played; give one of {', '.join(SCHEMES)}, or a file"
            )
        return _choice(
            without_secrets(word),
            "stream",
            options,
            lambda now_ns, sleep: StreamSource(word, deinterlace=options.deinterlace),
        )
    if camera_number(word) is not None:
        return _camera(word, options, list_cameras)
    path = Path(word)
    if is_sequence(path) or os.path.exists(path):
        return _file(path, options)
    there = list_cameras()
    if matching(word, there):
        return _camera(word, options, lambda: there, list_cameras)
    if path.suffix.lower() in (*SUFFIXES, *VIDEO_SUFFIXES) or "/" in word or "\\" in word:
        check_there(path)
    raise SourceError(f"{word!r} is no file, and no camera has it in its name; {names_there(there)}")


def _choice(name: str, kind: Kind, options: LiveOptions, builder: Callable[[NowNs, Sleep], Source]) -> LiveChoice:
    notes = []
    if options.loop and kind not in ("file", "folder"):
        notes.append(f"loop has no effect on {name}, which has no end")
    one_file = kind == "file" and not is_sequence(name)
    own_rate = kind == "stream" or (one_file and (not is_picture(name) or bool(read_delays(Path(name)).seconds)))
    if options.rate is not None and own_rate:
        notes.append(f"a rate has no effect on {name}, which has its own")
    if options.fit != DEFAULT_FIT and options.size is None:
        notes.append(f"fit {options.fit} has no effect without a size")
    return LiveChoice(name=name, kind=kind, notes=tuple(notes), builder=builder, options=options)


def _asked_size(options: LiveOptions) -> tuple[int, int] | None:
    """The size to ask a device for, so that little is left to scale: as it is before rotation, unknown with a crop."""
    if options.size is None or options.crop is not None:
        return None
    return options.size[::-1] if options.rotate in (90, 270) else options.size


def _camera(
    word: str,
    options: LiveOptions,
    list_first: Callable[[], list[CameraInfo]],
    list_cameras: Callable[[], list[CameraInfo]] | None = None,
) -> LiveChoice:
    """A camera that is there now. list_cameras: for later openings, where it is not `list_first`."""
    chosen = find_camera(word, list_first())

    def find() -> CameraInfo:
        there = (list_cameras or list_first)()
        if matching(word, there):
            return find_camera(word, there)
        # Plugged in again, it may have another number, but it has its name.
        again = [camera for camera in there if camera.name == chosen.name]
        return again[0] if len(again) == 1 else find_camera(word, there)

    name = f"camera {chosen.number} ({chosen.name})"
    size, rate, lines = _asked_size(options), options.rate, options.deinterlace
    return _choice(
        name,
        "camera",
        options,
        lambda now_ns, sleep: CameraSource(name, find, size=size, rate=rate, deinterlace=lines),
    )


def _file(path: Path, options: LiveOptions) -> LiveChoice:
    is_folder = path.is_dir()
    files = folder_files(path) if is_folder else [path]
    if not is_folder and not is_sequence(path):
        check_there(path)

    def build(now_ns: NowNs, sleep: Sleep) -> Source:
        # A folder is looked at again, so that what was put in since takes part.
        return PacedSource(
            folder_files(path) if is_folder else files,
            loop=options.loop,
            still_seconds=options.still_seconds,
            still_rate=options.rate or _RATE,
            picture_rate=options.rate,
            deinterlace=options.deinterlace,
            background=options.background,
            now_ns=now_ns,
            sleep=sleep,
        )

    return _choice(str(path), "folder" if is_folder else "file", options, build)
