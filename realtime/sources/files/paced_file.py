"""Files and folders as a live source: every frame is given when it is due by the clip's own times.

videos, numbered pictures, pictures --frames--> [wait until due, leave out what is late] --> live session
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

from av.stream import Stream

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.transparency import BLACK, Colour
from stylefader.realtime.sources.base import Packet, Source
from stylefader.realtime.sources.decoded import LazyFrame, lazy
from stylefader.realtime.sources.deinterlacing import Deinterlace
from stylefader.realtime.sources.files.moving_picture import is_moving_picture
from stylefader.realtime.sources.files.pictures import StillSource, is_picture, is_sequence
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.open_file import FileSource, open_file_source
from stylefader.realtime.sources.pace import Pace
from stylefader.training.errors import SourceError
from stylefader.training.reading.pictures import picture_kind

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv",
    ".3gp",
)  # fmt: skip
_STILL_RATE = Fraction(30)
# Less than this behind is a hiccup; more, and not catching up, is a file that this machine cannot play.
_TOO_LATE = Fraction(1, 2)
# So many frames' time behind, a file hurries.
_HURRY_STEPS = 2
_CLOSE_S = 0.4


def folder_files(folder: Path) -> list[Path]:
    """The pictures and videos of a folder in the order of their names. Raises SourceError where there is none."""
    try:
        entries = [p for p in folder.iterdir() if not p.name.startswith(".") and p.is_file()]
    except OSError as error:
        raise SourceError(f"the folder {folder} cannot be read ({error.strerror}); check its name") from error
    found = [p for p in entries if is_picture(p) or p.suffix.lower() in VIDEO_SUFFIXES]
    if not found:
        raise SourceError(f"the folder {folder} holds no picture and no video; put some in, or name another")
    return sorted(found, key=lambda path: path.name)


class PacedSource(Source):
    """Files one after the other, each frame at its time on the monotonic clock.

    files: a single file or pattern for numbered pictures, or the contents of a folder. loop: begin again after the
    last, with timestamps that go on growing. still_seconds: how long a picture is shown; it is given again and again
    at `still_rate` a second, so that a change of alpha shows. picture_rate: frames a second of numbered pictures.
    deinterlace: of videos. background: behind transparent places, for good: in a live
    session nothing has alpha.
    now_ns, sleep: the clock. A frame that is due while a later one is due too is left out and counted in `dropped`;
    it leaves a gap in `index`. If one of several files cannot be read, it is skipped with a note.

    `file` is the first file's source, open until `close`, for its tracks and metadata. Its packets come between the
    frames where it is the only file; on every round with later times. `shown` is told, with every frame, which file is
    at which of its own times (path, clock_zero, seconds as players count); who follows its sound sets it.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        loop: bool = False,
        still_seconds: Fraction = Fraction(5),
        still_rate: Fraction = _STILL_RATE,
        picture_rate: Fraction | None = None,
        deinterlace: Deinterlace = "auto",
        background: Colour = BLACK,
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.files = list(files)
        self.live = True
        self.dropped = 0
        self.notes: list[str] = []
        self.file: FileSource | None = None
        self.shown: Callable[[Path, Fraction, Fraction], None] = _untold
        self._loop = loop
        self._still_seconds, self._still_rate = still_seconds, still_rate
        self._picture_rate = picture_rate
        self._deinterlace, self._background = deinterlace, background
        self._now_ns, self._sleep = now_ns, sleep
        self._lock = Lock()  # held while a file is read; `close` of another thread waits for it
        self._current: FileSource | None = None

    def open(self) -> None:
        """Open the first file that can be read. Raises SourceError where there is none."""
        self.notes = []
        self._pace = Pace(now_ns=self._now_ns, sleep=self._sleep)
        self._next_file = 0
        first = self._open_next()
        if first is None:
            raise SourceError(f"no file of {len(self.files)} can be read: {'; '.join(self.notes)}")
        for note in first.notes:
            self._say(note)
        self.file = self._current = first
        self.width, self.height = first.width, first.height
        self.rate = self._still_rate if isinstance(first, StillSource) else first.rate
        self.sample_aspect_ratio = first.sample_aspect_ratio

    @property
    def tracks(self) -> list[Stream]:
        """The other tracks of a single file, whose packets come with the frames."""
        return self.file.tracks if isinstance(self.file, VideoFileSource) and len(self.files) == 1 else []

    def __iter__(self) -> Iterator[Frame]:
        for thing in self.frames_and_packets():
            if isinstance(thing, Frame):
                yield thing

    def frames_and_packets(self) -> Iterator[Frame | Packet]:
        """Frames when they are due, until the end or `close`. Raises SourceError where a single file breaks."""
        for thing in self.lazy_frames_and_packets():
            yield thing.frame() if isinstance(thing, LazyFrame) else thing

    def lazy_frames_and_packets(self) -> Iterator[LazyFrame | Packet]:
        """The same, frames unconverted."""
        if self._current is None:
            raise SourceError(f"{self._title()} is not open", failure=True)
        offset, first_index = Fraction(0), 0
        while True:
            with self._lock:
                source = self._current
                if source is None or self._pace.closed:
                    break
                zero = source.clock_zero
                things = self._still(source) if isinstance(source, StillSource) else source.lazy_frames_and_packets()
            end, index = Fraction(0), 0
            while True:
                began = self._pace.due()
                # The first frame of a file is always shown, so that a round always goes on in time.
                skip = None if began is None or not index else began - offset + zero - self._usual_step(source)
                thing = self._read(source, things, skip)
                if thing is None:
                    break
                if not isinstance(thing, LazyFrame):
                    if len(self.files) == 1:
                        yield _moved(thing, offset - zero)
                    continue
                missed, index, expected = thing.index - index, thing.index + 1, end
                self.dropped += missed
                pts = thing.pts - zero
                end = pts + (thing.duration or self._usual_step(source))
                late = self._pace.late(offset + pts)
                if missed and began is not None and late > max(_TOO_LATE, began - offset - expected):
                    # Leaving frames out lost time instead of winning it.
                    self._say(f"{source.path.name} is too large to be decoded in time here; it plays too slowly")
                    self._pace.set_due(offset + pts)
                # A file that is late leaves out what no other picture needs until it has caught up.
                source.hurry = late > (0 if source.hurry else _HURRY_STEPS * self._usual_step(source))
                if not self._pace.wait_for(offset + pts):
                    break
                self.shown(source.path, zero, pts)
                yield replace(thing, pts=offset + pts, index=first_index + thing.index, captured_ns=self._now_ns())
            offset, first_index = offset + end, first_index + index
            if (not index and len(self.files) == 1) or not self._go_on():
                break
            if self._pace.late(offset) > _TOO_LATE:
                self._pace.set_due(offset)
        if self._pace.closed:
            self.close()

    # -- one file after the other ----------------------------------------------------------------------------------

    def _open_next(self) -> FileSource | None:
        """The next file that can be opened, from the first again where it loops; None at the end."""
        for _ in self.files:
            if self._next_file == len(self.files):
                if not self._loop:
                    return None
                self._next_file = 0
            path = self.files[self._next_file]
            self._next_file += 1
            source: FileSource | None = None
            try:
                source = open_file_source(
                    path,
                    rate=self._picture_rate if _has_no_times(path) else None,
                    deinterlace=self._deinterlace,
                    background=self._background,
                )
                source.open()
            except SourceError as error:
                if len(self.files) == 1:
                    raise
                self._say(f"{error}; it is passed over")
                continue
            return source
        return None

    def _go_on(self) -> bool:
        """Change to the next file. False at the end."""
        with self._lock:
            if self._pace.closed or self._current is None:
                return False
            for note in self._current.notes:
                self._say(note)
            if self._current is not self.file:
                self._current.close()
            self._current = self._open_next()
            return self._current is not None

    def _read(
        self, source: FileSource, things: Iterator[LazyFrame | Packet], skip_before: Fraction | None
    ) -> LazyFrame | Packet | None:
        """The next packet, or frame at or after a time of the file; None at the end of the file or after `close`."""
        with self._lock:
            if self._pace.closed or self._current is None:
                return None
            source.skip_before = skip_before
            try:
                return next(things, None)
            except SourceError as error:
                if len(self.files) == 1 and not self._loop:
                    raise
                self._say(str(error))
                return None

    def _still(self, source: StillSource) -> Iterator[LazyFrame]:
        """A picture again and again, for as long as it is shown; it is scaled once."""
        (image,) = source
        frame = lazy(image)
        for index in count():
            pts = index / self._still_rate
            if pts >= self._still_seconds:
                return
            if source.skip_before is None or pts >= source.skip_before:
                length = min(1 / self._still_rate, self._still_seconds - pts)
                yield replace(frame, pts=pts, index=index, duration=length)

    def _usual_step(self, source: FileSource) -> Fraction:
        if isinstance(source, StillSource):
            return 1 / self._still_rate
        return 1 / source.rate if source.rate else Fraction(1, 25)

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _title(self) -> str:
        return str(self.files[0]) if len(self.files) == 1 else f"the folder {self.files[0].parent}"

    def close(self) -> None:
        """Release the files. An iteration in another thread ends; a file that it is just reading, it releases."""
        if self.file is None:
            return
        self._pace.close()
        if not self._lock.acquire(timeout=_CLOSE_S):
            return
        try:
            for source in (self._current, self.file):
                if source is not None:
                    source.close()
            self._current = self.file = None
        finally:
            self._lock.release()


def _has_no_times(path: Path) -> bool:
    """Whether the file is one of pictures that come at a rate which somebody must choose."""
    return is_sequence(path) or (picture_kind(path) == "TIFF" and is_moving_picture(path))


def _untold(path: Path, clock_zero: Fraction, seconds: Fraction) -> None:
    """Nobody follows what is shown."""


def _moved(packet: Packet, seconds: Fraction) -> Packet:
    """A packet of another track, so much later or, where less than 0, earlier."""
    if seconds and packet.time_base:
        ticks = round(seconds / packet.time_base)
        moved: Any = packet
        moved.pts = None if packet.pts is None else packet.pts + ticks
        moved.dts = None if packet.dts is None else packet.dts + ticks
    return packet
