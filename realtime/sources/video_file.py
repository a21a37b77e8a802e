"""Video files as a source: decoded frames, and the undecoded packets of every other track beside them.

Stands at the left end of the frame path for files. Nothing is dropped and nothing runs ahead: a frame is decoded
when somebody asks for it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime.colour import HDR_TRANSFERS, ColourTags, ToRgb, tags_of
from realtime.frames import Frame
from realtime.sources.base import Source
from realtime.sources.decoded import LazyFrame, VideoPicture
from realtime.sources.geometry import DEFAULT_FIT, SQUARE, Fit, place
from realtime.sources.opening import open_container, reason
from realtime.sources.orientation import orientation
from realtime.sources.timeline import Timeline, clock_zero, declared_end, exact_rate, is_steady
from realtime.sources.truncation import is_cut_off
from training.errors import SourceError

# How far before the wanted start to seek, in seconds, one after the other, until a frame at or before it comes.
_SEEK_BACK = (Fraction(0), Fraction(2), Fraction(10))
# How many packets are looked at to tell a constant rate from a varying one.
_RATE_PROBE = 240
# After the last wanted frame, how long to go on for late packets of other tracks, in seconds of the video.
_LATE_PACKETS = Fraction(5)


class VideoFileSource(Source):
    """Frames of the main video track of a file that FFmpeg can read.

    path: the file. size: (width, height) that every frame is brought to, upright and with square pixels, by fit; a
    frame whose size is not that of the first is brought to its size in the same way. start, stop: only frames with
    start <= t < stop, in seconds as players show them: t = 0 is the start of the file's earliest track
    (`clock_zero` on the file's own clock, usually 0), not the file's raw timestamp. A single pass: iterating again
    goes on where the last iteration stopped; `close` and `open` start over.

    After `open`, beside what every Source has:

    time_base: seconds a tick of the video track. duration: seconds of the file's picture that the file declares, or
    None. sample_aspect_ratio: width of a pixel over its height. colour: what the numbers meant before they became
    RGB. clock_zero: the file's timestamp of t = 0. origin: the file's timestamp of `start`, what a sink subtracts so
    that a cut starts at 0. metadata: of the file. stream_metadata: of the video track. disposition: of the video
    track. chapters: as PyAV gives them. tracks: the other streams, in file order, until `close`. notes: things worth
    saying aloud, complete after the last frame.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: tuple[int, int] | None = None,
        fit: Fit = DEFAULT_FIT,
        start: Fraction | None = None,
        stop: Fraction | None = None,
    ) -> None:
        self.path = Path(path)
        self.live = False
        self._size, self._fit = size, fit
        self.start = start
        self.stop = stop
        self._container: InputContainer | None = None
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
        videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not videos:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "no tracks at all"
            raise SourceError(f"{self.path} has no video track (it has: {kinds}); give a file with a picture")
        best = container.streams.best("video")
        stream = next((s for s in videos if best is not None and s.index == best.index), videos[0])
        if stream.codec_context is None:
            raise SourceError(
                f"{self.path}: this FFmpeg has no decoder for its video codec; convert it to H.264 with another program"
            )
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
            if self._first_decoded is not None and self._first_decoded <= self.origin:
                return
            if self._first_decoded is not None and self._first_decoded <= first:
                return  # there is nothing earlier in the file
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
        self._timeline = Timeline(self.time_base)
        self._track_timelines = {s.index: Timeline(s.time_base or Fraction(1, av.time_base)) for s in self.tracks}
        self._items = self._run()
        self._ahead: deque[tuple[VideoFrame, Fraction, Fraction | None] | Packet[Any]] = deque()
        self._first_decoded: Fraction | None = None
        self._last_seen: Fraction | None = None
        self._reached: Fraction | None = None
        self._reached_any: Fraction | None = None
        self._video_packets = 0
        self._decoded = 0
        self._skipped = 0
        self._left_out = 0
        self._hurries = self._hurried = False  # now, and ever since the beginning
        self._index = 0
        self._resized = False
        self._ended = False

    def _wait_for_first_picture(self) -> None:
        for item in self._items:
            self._ahead.append(item)
            if not isinstance(item, Packet):
                return
        if self._last_seen is None:
            codec = self._stream.codec_context.name
            raise SourceError(
                f"{self.path}: no picture could be decoded from its {codec} video track; "
                "the file is damaged or not complete"
            )
        if self.start and self._last_seen < self.origin:
            self._refuse_start((self._reached or self._last_seen) - self.clock_zero)
        raise SourceError(f"{self.path} has no picture in the range; the range must hold at least one frame")

    def _refuse_start(self, length: Fraction) -> None:
        raise SourceError(
            f"start {float(self.start or 0):g} s lies beyond the end of {self.path}, "
            f"which lasts {float(length):.3f} s; give an earlier start"
        )

    def _describe(self) -> None:
        container, stream = self._open_container_and_stream()
        first = next(item[0] for item in self._ahead if not isinstance(item, Packet))
        self._to_rgb = ToRgb()
        self._turn = turn = orientation(first)
        self.colour: ColourTags = tags_of(first)
        self._coded_size = (first.width, first.height)
        self._aspect = Fraction(stream.sample_aspect_ratio or 1) or SQUARE
        self.width, self.height = self._size or turn.sides(first.width, first.height)
        self.sample_aspect_ratio = turn.aspect(self._aspect) if self._size is None else SQUARE
        self.rate, self.average_rate = exact_rate(stream)
        if self.rate is not None and not is_steady(self._first_times(), self.rate):
            self.rate = None
        end = declared_end(container, stream)
        begin = self.clock_zero if stream.start_time is None else stream.start_time * self.time_base
        self.duration = None if end is None else max(end[0] - begin, Fraction(0))
        self.frame_count = self._expected_frames(begin, end[0] if end else None)
        if first.interlaced_frame:
            self.notes.append(f"{self.path.name} is interlaced; both fields are stylized together as one picture")
        if self.colour.transfer in HDR_TRANSFERS:
            name = HDR_TRANSFERS[self.colour.transfer]
            self.notes.append(f"{self.path.name} is HDR ({name}); its values are kept as they are, at 8 bits")

    def _first_times(self) -> list[Fraction]:
        """The times of the first frames of the file, undecoded, from an opening of its own."""
        times: list[Fraction] = []
        with open_container(self.path) as container:
            try:
                for packet in container.demux(container.streams[self._stream.index]):
                    if packet.pts is not None and packet.time_base is not None and not packet.is_discard:
                        times.append(packet.pts * packet.time_base)
                    if len(times) == _RATE_PROBE:
                        break
            except av.FFmpegError:
                return times
        # The last ones may still have a frame missing between them that comes later in the file.
        return sorted(times)[: max(2, len(times) - 4)]

    def _expected_frames(self, begin: Fraction, end: Fraction | None) -> int | None:
        declared = self._declared_frames()
        if self.start is None and self.stop is None and declared:
            return declared
        if end is None or self.rate is None or self.average_rate is None:
            return None
        low = max(begin, self.origin)
        high = end if self.stop is None else min(end, self.clock_zero + self.stop)
        # Frames stand at whole steps from the first one; those in [low, high) are counted.
        before, until = ((at - begin) * self.average_rate for at in (low, high))
        return max(1, math.ceil(until) - math.ceil(before))

    def _declared_frames(self) -> int:
        """How many frames the file says that it holds, 0 where it does not say."""
        container, stream = self._open_container_and_stream()
        index = stream.index_entries
        if container.format.name == "avi" and len(index) and index[-1].timestamp == stream.frames - 1:
            return len(index)  # AVI counts the gaps between its frames too, but its index leaves them out
        return int(stream.frames)

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
        the range come. Raises SourceError(failure=True) when the file breaks off.
        """
        for item in self.lazy_frames_and_packets():
            yield item.frame() if isinstance(item, LazyFrame) else item

    def lazy_frames_and_packets(self) -> Iterator[LazyFrame | Packet[Any]]:
        """The same, frames unconverted."""
        self._open_container_and_stream()
        while self._ahead or not self._ended:
            if self._ahead:
                item = self._ahead.popleft()
            else:
                found = next(self._items, None)
                if found is None:
                    return
                item = found
            if isinstance(item, Packet):
                yield item
                continue
            self._index += self._left_out
            self._left_out = 0
            if self.skip_before is not None and item[1] < self.skip_before:
                self._index += 1
            else:
                yield self._frame(*item)

    def _frame(self, picture: VideoFrame, pts: Fraction, duration: Fraction | None) -> LazyFrame:
        captured_ns = time.monotonic_ns()
        if (picture.width, picture.height) != self._coded_size and not self._resized:
            self._resized = True
            self.notes.append(
                f"the picture of {self.path.name} changes its size to {picture.width}x{picture.height} at "
                f"{float(pts - self.clock_zero):.3f} s; it is brought to {self.width}x{self.height} from there"
            )
        decoded = VideoPicture(picture, self._to_rgb, turn=self._turn, aspect=self._aspect)
        placement = place(
            decoded.width, decoded.height, (self.width, self.height), fit=self._fit, aspect=decoded.aspect,
            turn=decoded.turn, size_aspect=self.sample_aspect_ratio,
        )  # fmt: skip
        frame = LazyFrame(
            picture=decoded, placement=placement, pts=pts, index=self._index, captured_ns=captured_ns, duration=duration
        )
        self._index += 1
        return frame

    def _run(self) -> Iterator[tuple[VideoFrame, Fraction, Fraction | None] | Packet[Any]]:
        """Wanted pictures and packets, undone to RGB only when somebody takes them."""
        container, stream = self._open_container_and_stream()
        stop = None if self.stop is None else self.clock_zero + self.stop
        video_done = False
        audio_open = {s.index for s in self.tracks if s.type == "audio"}
        for packet in self._demux(container):
            if packet.stream_index != stream.index:
                at = self._place(packet)
                if at is not None and stop is not None and at >= stop:
                    audio_open.discard(packet.stream_index)
                elif packet.size and (at is None or at >= self.origin or not self.start):
                    yield packet
            elif video_done:
                at = None if packet.dts is None else packet.dts * self.time_base
                if at is not None and stop is not None and at > stop + _LATE_PACKETS:
                    audio_open.clear()
            else:
                for picture in self._decode(packet):
                    self._decoded += 1
                    pts, duration = self._timeline.next(picture.pts, picture.dts, picture.duration)
                    self._count_left_out(pts)
                    self._first_decoded = pts if self._first_decoded is None else self._first_decoded
                    self._last_seen = pts
                    self._reached = pts + (duration or 0)
                    if stop is not None and pts >= stop:
                        video_done = True
                        break
                    if not self.start or pts >= self.origin:
                        yield picture, pts, duration
            if video_done and not audio_open:
                break
        if not video_done:
            self._check_end()
        self._say_what_happened()
        self._ended = True

    def _demux(self, container: InputContainer) -> Iterator[Packet[Any]]:
        packets = container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                # The last good packets are still inside the decoder; a flush brings them out.
                self.notes.append(f"reading {self.path.name} ended early: {reason(error)}")
                flush: Packet[Any] = Packet()
                flush.stream = self._stream
                flush.time_base = self.time_base
                yield flush
                return
            yield packet

    def _count_left_out(self, pts: Fraction) -> None:
        """Count the pictures before this one that were not decoded in a hurry, by the time that they leave empty."""
        step = self._timeline.usual_duration
        if self._hurried and self._reached is not None and step:
            missing = max(0, round((pts - self._reached) / step))
            self._left_out += missing
            self._decoded += missing

    def _decode(self, packet: Packet[Any]) -> list[VideoFrame]:
        self._video_packets += 1 if packet.size else 0
        if self.hurry != self._hurries:
            self._hurries = self.hurry
            self._hurried = True
            self._stream.codec_context.skip_frame = "NONREF" if self.hurry else "DEFAULT"
        try:
            return list(self._stream.decode(packet))
        except (av.DecoderNotFoundError, av.PatchWelcomeError, NotImplementedError) as error:
            raise SourceError(
                f"{self.path}: this FFmpeg cannot decode this kind of {self._stream.codec_context.name} video "
                f"({reason(error)}); convert it to H.264 with another program"
            ) from error
        except av.EOFError:
            return []
        except (av.FFmpegError, MemoryError) as error:
            if isinstance(error, MemoryError):
                raise SourceError(f"{self.path}: no memory left to decode a picture", failure=True) from error
            self._skipped += 1
            return []

    def _place(self, packet: Packet[Any]) -> Fraction | None:
        """Where a packet of another track stands on the file's clock, after repairing jumps backwards."""
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None or packet.time_base is None:
            return None
        shift = self._track_timelines[packet.stream_index].repair_packet(packet)
        at = (ticks + shift) * packet.time_base
        end = at + (packet.duration or 0) * packet.time_base
        self._reached_any = end if self._reached_any is None else max(self._reached_any, end)
        return at

    def _check_end(self) -> None:
        """Raise when the pictures stop clearly before the file says that they do."""
        container, stream = self._open_container_and_stream()
        if self._reached is None:
            return
        declared = declared_end(container, stream)
        tick = self._timeline.usual_duration or Fraction(1, 25)
        whole_file_only = declared is not None and declared[1]
        reached = max(self._reached, self._reached_any or self._reached) if whole_file_only else self._reached
        missing = None if declared is None else declared[0] - reached
        if self.stop is not None:
            wanted = self.clock_zero + self.stop - self._reached
            missing = wanted if missing is None else min(missing, wanted)
        if is_cut_off(self.path):
            short = missing is None or missing > 2 * tick
        else:
            # A sound file can declare a little more than it holds (edit lists, rounding, a long last frame):
            # believe it only when the number of frames says the same.
            expected = max(self._video_packets, 0 if self.start else self._declared_frames())
            few = self._decoded < expected - max(2, expected // 50)
            short = few and missing is not None and missing > 2 * tick
        if not short:
            return
        held = self._reached - self.clock_zero
        whole = "" if declared is None else f" of the {float(declared[0] - self.clock_zero):.3f} s that it declares"
        raise SourceError(
            f"{self.path} breaks off after {float(held):.3f} s{whole}: the file is cut off or damaged; "
            f"get the whole file, or add `--to {int(held * 1000) / 1000:g}s` to render the "
            "part that is there",
            failure=True,
        )

    def _say_what_happened(self) -> None:
        if self._skipped:
            some = "1 packet" if self._skipped == 1 else f"{self._skipped} packets"
            lost = max(self._skipped, self._video_packets - self._decoded)
            self.notes.append(f"{some} of {self.path.name} could not be decoded; about {lost} frames are missing")
        if self._timeline.repaired:
            self.notes.append(
                f"{self._timeline.repaired} timestamps of {self.path.name} were missing or went backwards; "
                "they were put after the frame before"
            )

    def close(self) -> None:
        """Release the file. Closing twice is harmless."""
        if self._container is not None:
            # PyAV's streams point into the container: touching one after this would crash the process.
            self.tracks = []
            self._items = iter(())
            self._ahead = deque()
            self._ended = True
            self._container.close()
            self._container = None

    def cover_pictures(self) -> list[tuple[Stream, bytes]]:
        """The pictures attached to the file (cover art), each with its stream; read on a second opening."""
        covers = [s for s in self.tracks if s.disposition & Disposition.attached_pic]
        if not covers:
            return []
        found: dict[int, bytes] = {}
        with open_container(self.path) as container:
            for packet in container.demux([container.streams[s.index] for s in covers]):
                if packet.size:
                    found.setdefault(packet.stream_index, bytes(packet))
                if len(found) == len(covers):
                    break
        return [(s, found[s.index]) for s in covers if s.index in found]
