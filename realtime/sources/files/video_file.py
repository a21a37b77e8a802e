"""Video files as a source: decoded frames, and the undecoded packets of every other track beside them.

Stands at the left end of the frame path for files. Nothing is dropped and nothing runs ahead: a frame is decoded
when somebody asks for it (`video_pass.py`), and made when somebody takes it (`picture_maker.py`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from stylefader.realtime.media.colour import ColourTags, has_alpha, tags_of
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.tone_mapping import TONE_MAPPED, needs_tone_mapping, words_for
from stylefader.realtime.media.transparency import BLACK, Colour, note_for
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.decoded import LazyFrame, VideoPicture
from stylefader.realtime.sources.deinterlacing import Deinterlace
from stylefader.realtime.sources.files.timeline import clock_zero, declared_end, exact_rate, is_steady
from stylefader.realtime.sources.files.video_pass import Picture, Range, VideoPass
from stylefader.realtime.sources.files.video_probe import (
    cover_pictures,
    declared_frames,
    first_times,
    frames_within,
    main_picture,
)
from stylefader.realtime.sources.geometry import DEFAULT_FIT, SQUARE, Fit, place
from stylefader.realtime.sources.open_container import open_container, reason
from stylefader.realtime.sources.orientation import orientation
from stylefader.realtime.sources.picture_maker import PictureMaker
from stylefader.training.errors import SourceError

# How far before the wanted start to seek, in seconds, one after the other, until a frame at or before it comes.
_SEEK_BACK = (Fraction(0), Fraction(2), Fraction(10))


class VideoFileSource(Source):
    """Frames of the main video track of a file that FFmpeg can read.

    path: the file. size: (width, height) that every frame is brought to, upright and with square pixels, by fit; a
    frame whose size is not that of the first is brought to its size in the same way. start, stop: only frames with
    start <= t < stop, in seconds as players show them: t = 0 is the start of the file's earliest track
    (`clock_zero` on the file's own clock, usually 0), not the file's raw timestamp. deinterlace: `auto`
    where the file says that it is interlaced. background: what is put behind transparent places, for good; without it
    that is black, and frames have their alpha beside the image. HDR and BT.2020 come in BT.709.

    A single pass: iterating again goes on where the last iteration stopped; `close` and `open` start over.

    After `open`, beside what every Source has:

    time_base: seconds a tick of the video track. duration: seconds of the file's picture that the file declares, or
    None. sample_aspect_ratio: width of a pixel over its height. colour: what the numbers meant before they became
    RGB; BT.709 where they were tone-mapped. has_alpha: whether frames come with their alpha. clock_zero: the file's
    timestamp of t = 0. origin: the file's timestamp of `start`, what a sink subtracts so that a cut starts at 0.
    metadata: of the file. stream_metadata: of the video track. disposition: of the video track. chapters: as PyAV
    gives them. tracks: the other streams, in file order, until `close`. notes: things worth saying aloud, complete
    after the last frame.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: tuple[int, int] | None = None,
        fit: Fit = DEFAULT_FIT,
        start: Fraction | None = None,
        stop: Fraction | None = None,
        deinterlace: Deinterlace = "auto",
        background: Colour | None = None,
    ) -> None:
        self.path = Path(path)
        self.live = False
        self._size = size
        self._fit, self._deinterlace, self._background = fit, deinterlace, background
        self.start = start
        self.stop = stop
        self._container: InputContainer | None = None
        self._begun: VideoPass | None = None
        self.tracks: list[Stream] = []
        self.notes: list[str] = []

    # -- opening ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the file and decode up to the first wanted frame.

        Raises SourceError: the file is missing, is no video, cannot be decoded, or has nothing in the range.
        """
        self._check_arguments()
        self.notes = []
        self._container = open_container(self.path)
        try:
            self._choose_tracks(self._container)
            self._go_to_start()
            self._describe()
        except BaseException:
            self.close()
            raise

    def _check_arguments(self) -> None:
        if self._size is not None and min(self._size) < 1:
            raise SourceError(f"size {self._size[0]}x{self._size[1]} is not a picture; give at least 1x1")
        if self.start is not None and self.start < 0:
            raise SourceError(f"start {float(self.start):g} s lies before the video; give 0 or more")
        if self.stop is not None and self.stop <= (self.start or 0):
            raise SourceError(
                f"the range from {float(self.start or 0):g} s to {float(self.stop):g} s is empty; "
                "the end must come after the start"
            )

    def _choose_tracks(self, container: InputContainer) -> None:
        stream = main_picture(container, self.path)
        self._stream: VideoStream = stream
        self.tracks = [s for s in container.streams if s.index != stream.index]
        stream.codec_context.thread_type = av.codec.context.ThreadType.AUTO
        self.time_base = stream.time_base or Fraction(1, av.time_base)
        self.clock_zero = clock_zero(container, stream)
        self.origin = self.clock_zero + (self.start or 0)
        self.metadata = dict(container.metadata)
        self.stream_metadata = dict(stream.metadata)
        self.disposition = stream.disposition
        self.chapters: list[Any] = list(container.chapters())

    def _go_to_start(self) -> None:
        container, stream = self._open_container_and_stream()
        if not self.start:
            self._begin()
            self._wait_for_first_picture()
            return
        end = declared_end(container, stream)
        if end is not None and self.origin >= end[0] and not end[1]:
            self._refuse_start(end[0] - self.clock_zero)
        first = self.clock_zero if stream.start_time is None else stream.start_time * self.time_base
        for back in _SEEK_BACK:
            wanted = max(self.origin - back, self.clock_zero)
            try:
                container.seek(int(wanted / self.time_base), stream=stream)
            except (av.FFmpegError, OverflowError):
                break
            self._begin()
            try:
                self._wait_for_first_picture()
            except SourceError:
                continue
            found = self._pass.first_decoded
            if found is not None and found <= max(self.origin, first):  # at the first there is nothing earlier
                return
            if wanted == self.clock_zero:
                break
        # A file that cannot be searched: from the beginning, decoding everything.
        container.close()
        self._container = container = open_container(self.path)
        self._choose_tracks(container)
        self._begin()
        self._wait_for_first_picture()

    def _begin(self) -> None:
        """Forget every state of decoding; called at the beginning and after each seek."""
        container, stream = self._open_container_and_stream()
        wanted = Range(zero=self.clock_zero, start=self.start, stop=self.stop)
        self._begun = VideoPass(
            self.path, container, stream, self.tracks, wanted, self.notes, deinterlace=self._deinterlace
        )
        self._ahead: deque[Picture | Packet[Any]] = deque()
        self._index = 0
        self._resized = False

    @property
    def _pass(self) -> VideoPass:
        assert self._begun is not None
        return self._begun

    def _wait_for_first_picture(self) -> None:
        for item in self._pass.things:
            self._ahead.append(item)
            if isinstance(item, Picture):
                return
        last = self._pass.last_seen
        if last is None:
            codec = self._stream.codec_context.name
            raise SourceError(
                f"{self.path}: no picture could be decoded from its {codec} video track; "
                "the file is damaged or not complete"
            )
        if self.start and last < self.origin:
            self._refuse_start((self._pass.reached or last) - self.clock_zero)
        raise SourceError(f"{self.path} has no picture in the range; the range must hold at least one frame")

    def _refuse_start(self, length: Fraction) -> None:
        raise SourceError(
            f"start {float(self.start or 0):g} s lies beyond the end of {self.path}, "
            f"which lasts {float(length):.3f} s; give an earlier start"
        )

    def _describe(self) -> None:
        container, stream = self._open_container_and_stream()
        first = next(item.picture for item in self._ahead if isinstance(item, Picture))
        self._turn = turn = orientation(first)
        tags = tags_of(first)
        self._coded_size = (first.width, first.height)
        self._aspect = Fraction(stream.sample_aspect_ratio or 1) or SQUARE
        self.width, self.height = self._size or turn.sides(first.width, first.height)
        self.sample_aspect_ratio = turn.aspect(self._aspect) if self._size is None else SQUARE
        self.rate, self.average_rate = exact_rate(stream)
        if self.rate is not None and not is_steady(first_times(self.path, stream.index), self.rate):
            self.rate = None
        end = declared_end(container, stream)
        begin = self.clock_zero if stream.start_time is None else stream.start_time * self.time_base
        self.duration = None if end is None else max(end[0] - begin, Fraction(0))
        self.frame_count = self._expected_frames(begin, end[0] if end else None)
        self._describe_colours(tags, has_alpha(first.format))
        self._make = PictureMaker(self._background or BLACK)

    def _describe_colours(self, tags: ColourTags, transparent: bool) -> None:
        self.colour = tags
        if needs_tone_mapping(tags):
            self.colour = TONE_MAPPED
            self.notes.append(f"{self.path.name} is in {words_for(tags)}; it is brought to BT.709, which is not HDR")
        self.has_alpha = transparent and self._background is None
        if transparent and self._background is not None:
            self.notes.append(note_for(self.path.name, self._background))

    def _expected_frames(self, begin: Fraction, end: Fraction | None) -> int | None:
        container, stream = self._open_container_and_stream()
        declared = declared_frames(container, stream)
        if self.start is None and self.stop is None and declared:
            return declared
        if end is None or self.rate is None or self.average_rate is None:
            return None
        high = end if self.stop is None else min(end, self.clock_zero + self.stop)
        return frames_within(begin, max(begin, self.origin), high, self.average_rate)

    def _open_container_and_stream(self) -> tuple[InputContainer, VideoStream]:
        if self._container is None:
            raise SourceError(f"{self.path} is not open", failure=True)
        return self._container, self._stream

    # -- running ---------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Frame]:
        """Frames of the range in presentation order. Raises SourceError(failure=True) when the file breaks off."""
        for item in self.frames_and_packets():
            if isinstance(item, Frame):
                yield item

    def frames_and_packets(self) -> Iterator[Frame | Packet[Any]]:
        """Frames as `__iter__` gives them, with the packets of `tracks` in between, in the order of the file.

        Packets have the file's own timestamps and belong to whoever takes them. Only packets that begin within
        the range come. Raises SourceError(failure=True) when the file breaks off, or a picture cannot be converted.
        """
        for item in self.lazy_frames_and_packets():
            if not isinstance(item, LazyFrame):
                yield item
                continue
            try:
                frame = item.frame()
            except (av.FFmpegError, cv2.error, ValueError) as error:
                at = float(item.pts - self.clock_zero)
                raise SourceError(
                    f"{self.path}: the picture at {at:.3f} s cannot be made into RGB ({reason(error)}); "
                    "convert the file with another program",
                    failure=True,
                ) from error
            yield frame

    def lazy_frames_and_packets(self) -> Iterator[LazyFrame | Packet[Any]]:
        """The same, frames unconverted."""
        self._open_container_and_stream()
        while self._ahead or not self._pass.ended:
            self._pass.hurry = self.hurry
            item = self._ahead.popleft() if self._ahead else next(self._pass.things, None)
            if item is None:
                return
            if not isinstance(item, Picture):
                yield item
                continue
            self._index += self._pass.take_left_out()
            if self.skip_before is not None and item.pts < self.skip_before:
                self._index += 1
            else:
                yield self._frame(item)

    def _frame(self, decoded: Picture) -> LazyFrame:
        captured_ns = time.monotonic_ns()
        picture, pts, duration = decoded
        changed = (picture.width, picture.height) != self._coded_size
        if changed and not self._resized:
            self._resized = True
            self.notes.append(
                f"the picture of {self.path.name} changes its size to {picture.width}x{picture.height} at "
                f"{float(pts - self.clock_zero):.3f} s; it is brought to {self.width}x{self.height} ({self._fit})"
            )
        lying = VideoPicture(picture, self._make, turn=self._turn, aspect=self._aspect)
        placement = place(
            lying.width, lying.height, (self.width, self.height), fit=self._fit, aspect=lying.aspect,
            turn=lying.turn, size_aspect=self.sample_aspect_ratio,
        )  # fmt: skip
        frame = LazyFrame(
            picture=lying, placement=placement, pts=pts, index=self._index, captured_ns=captured_ns, duration=duration,
            has_alpha=self.has_alpha,
        )  # fmt: skip
        self._index += 1
        return frame

    def close(self) -> None:
        """Release the file. Closing twice is harmless."""
        if self._container is not None:
            # PyAV's streams point into the container: touching one after this would crash the process.
            self.tracks = []
            self._ahead = deque()
            if self._begun is not None:
                self._begun.shut()
            self._container.close()
            self._container = None

    def cover_pictures(self) -> list[tuple[Stream, bytes]]:
        """The pictures attached to the file (cover art), each with its stream; read on a second opening."""
        covers = [s for s in self.tracks if s.disposition & Disposition.attached_pic]
        found = cover_pictures(self.path, [s.index for s in covers]) if covers else {}
        return [(s, found[s.index]) for s in covers if s.index in found]
