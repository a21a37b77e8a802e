"""One pass through an open video file: its packets in order, those of the picture decoded, from a range of times.

Nothing is dropped and nothing runs ahead: what is decoded is decoded when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stylefader.realtime.sources.deinterlacing import Deinterlace, Deinterlacer, words_for
from stylefader.realtime.sources.files.picture_decoder import PictureDecoder
from stylefader.realtime.sources.files.timeline import Timeline, declared_end
from stylefader.realtime.sources.files.truncation import is_cut_off
from stylefader.realtime.sources.files.video_probe import declared_frames
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SourceError

# After the last wanted frame, how long to go on for late packets of other tracks, in seconds of the video.
_LATE_PACKETS = Fraction(5)


class Picture(NamedTuple):
    """A decoded picture, its time and its duration in seconds on the file's clock."""

    picture: VideoFrame
    pts: Fraction
    duration: Fraction | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """What of a file is wanted: zero is the timestamp of its t = 0; start and stop are seconds from there."""

    zero: Fraction
    start: Fraction | None
    stop: Fraction | None

    @property
    def origin(self) -> Fraction:
        """The file's timestamp of the first wanted moment."""
        return self.zero + (self.start or 0)

    @property
    def end(self) -> Fraction | None:
        """The file's timestamp of the first moment that is not wanted any more."""
        return None if self.stop is None else self.zero + self.stop


class VideoPass:
    """Reads `container` from where it stands. Iterate over `things` once.

    tracks: the other streams. notes: where things worth saying go.

    Attributes:
        things: Pictures of the range in the order of showing, with the packets of other tracks between them.
        first_decoded: The time of the first picture decoded, wanted or not; None before it.
        last_seen: Of the last one decoded. reached: where that one ends.
        ended: Whether everything has been read.
        hurry: Set by whoever is late: pictures that no other one needs are not even decoded.
    """

    def __init__(
        self,
        path: Path,
        container: InputContainer,
        stream: VideoStream,
        tracks: list[Stream],
        wanted: Range,
        notes: list[str],
        *,
        deinterlace: Deinterlace = "auto",
    ) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._wanted, self._notes = wanted, notes
        self._time_base = stream.time_base or Fraction(1, av.time_base)
        self._decoder = PictureDecoder(path, stream)
        self._lines: Deinterlacer[tuple[Fraction, Fraction | None]] | None = None
        if deinterlace == "auto":
            self._lines = Deinterlacer(stream.codec_context.field_order)
        self._timeline = Timeline(self._time_base)
        self._track_timelines = {s.index: Timeline(s.time_base or Fraction(1, av.time_base)) for s in tracks}
        self._audio_open = {s.index for s in tracks if s.type == "audio"}
        self._decoded = 0
        self._reached_any: Fraction | None = None
        self.first_decoded: Fraction | None = None
        self.last_seen: Fraction | None = None
        self.reached: Fraction | None = None
        self.ended = False
        self.hurry = False
        self._hurried = False  # ever since the beginning
        self._left_out = 0
        self.things: Iterator[Picture | Packet[Any]] = self._run()

    def shut(self) -> None:
        """Give nothing any more: the container is about to be closed, and its streams with it."""
        self.things = iter(())
        self.ended = True

    def take_left_out(self) -> int:
        """How many pictures were left out in a hurry before the one that came last, told once."""
        left_out, self._left_out = self._left_out, 0
        return left_out

    def _run(self) -> Iterator[Picture | Packet[Any]]:
        wanted, stop = self._wanted, self._wanted.end
        video_done = False
        for packet in self._demux():
            # Not packet.stream_index: an empty packet, which ends a track, has 0 there whatever its track is.
            if packet.stream.disposition & Disposition.attached_pic:
                if packet.size:
                    yield self._cover(packet)
            elif packet.stream.index != self._stream.index:
                at = self._place(packet)
                if at is not None and stop is not None and at >= stop:
                    self._audio_open.discard(packet.stream.index)
                elif packet.size and (at is None or at >= wanted.origin or not wanted.start):
                    yield packet
            elif video_done:
                at = None if packet.dts is None else packet.dts * self._time_base
                if at is not None and stop is not None and at > stop + _LATE_PACKETS:
                    self._audio_open.clear()
            else:
                for thing in self._pictures(packet):
                    if stop is not None and thing.pts >= stop:
                        video_done = True
                        break
                    if not wanted.start or thing.pts >= wanted.origin:
                        yield thing
            if video_done and not self._audio_open:
                break
        if not video_done:
            self._check_end()
        self._say_what_happened()
        self.ended = True

    def _cover(self, packet: Packet[Any]) -> Packet[Any]:
        """A cover, which belongs to the whole file and has no time of its own, at the first wanted moment."""
        if packet.time_base is not None:
            packet.pts = packet.dts = round(self._wanted.origin / packet.time_base)
        return packet

    def _demux(self) -> Iterator[Packet[Any]]:
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                # The last good packets are still inside the decoder; a flush brings them out.
                self._notes.append(f"reading {self._path.name} ended early: {reason(error)}")
                flush: Packet[Any] = Packet()
                flush.stream = self._stream
                flush.time_base = self._time_base
                yield flush
                return
            yield packet

    def _pictures(self, packet: Packet[Any]) -> Iterator[Picture]:
        self._hurried |= self.hurry
        for picture in self._decoder.decode(packet, hurry=self.hurry):
            self._decoded += 1
            pts, duration = self._timeline.next(picture.pts, picture.dts, picture.duration)
            self._count_left_out(pts)
            self.first_decoded = pts if self.first_decoded is None else self.first_decoded
            self.last_seen = pts
            self.reached = pts + (duration or 0)
            if self._lines is None:
                yield Picture(picture, pts, duration)
            else:
                for whole, (at, length) in self._lines.put(picture, (pts, duration)):
                    yield Picture(whole, at, length)
        if not packet.size and self._lines is not None:
            for whole, (at, length) in self._lines.finish():
                yield Picture(whole, at, length)

    def _count_left_out(self, pts: Fraction) -> None:
        """Count the pictures before this one that were not decoded in a hurry, by the time that they leave empty."""
        step = self._timeline.usual_duration
        if self._hurried and self.reached is not None and step:
            missing = max(0, round((pts - self.reached) / step))
            self._left_out += missing
            self._decoded += missing

    def _place(self, packet: Packet[Any]) -> Fraction | None:
        """Where a packet of another track stands on the file's clock, after repairing jumps backwards."""
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None or packet.time_base is None:
            return None
        shift = self._track_timelines[packet.stream.index].repair_packet(packet)
        at = (ticks + shift) * packet.time_base
        end = at + (packet.duration or 0) * packet.time_base
        self._reached_any = end if self._reached_any is None else max(self._reached_any, end)
        return at

    def _check_end(self) -> None:
        """Raise when the pictures stop clearly before the file says that they do."""
        if self.reached is None:
            return
        wanted = self._wanted
        declared = declared_end(self._container, self._stream)
        tick = self._timeline.usual_duration or Fraction(1, 25)
        whole_file_only = declared is not None and declared[1]
        reached = max(self.reached, self._reached_any or self.reached) if whole_file_only else self.reached
        missing = None if declared is None else declared[0] - reached
        if wanted.end is not None:
            lacking = wanted.end - self.reached
            missing = lacking if missing is None else min(missing, lacking)
        if is_cut_off(self._path):
            short = missing is None or missing > 2 * tick
        else:
            # A sound file can declare a little more than it holds (edit lists, rounding, a long last frame):
            # believe it only when the number of frames says the same.
            whole = 0 if wanted.start else declared_frames(self._container, self._stream)
            expected = max(self._decoder.packets, whole)
            few = self._decoded < expected - max(2, expected // 50)
            short = few and missing is not None and missing > 2 * tick
        if not short:
            return
        held = self.reached - wanted.zero
        whole_words = "" if declared is None else f" of the {float(declared[0] - wanted.zero):.3f} s that it declares"
        raise SourceError(
            f"{self._path} breaks off after {float(held):.3f} s{whole_words}: the file is cut off or damaged; "
            f"get the whole file, or add `--to {int(held * 1000) / 1000:g}s` to render the "
            "part that is there",
            failure=True,
        )

    def _say_what_happened(self) -> None:
        name = self._path.name
        if self._lines is not None and self._lines.active:
            self._notes.append(words_for(name))
        if self._decoder.skipped:
            some = "1 packet" if self._decoder.skipped == 1 else f"{self._decoder.skipped} packets"
            lost = max(self._decoder.skipped, self._decoder.packets - self._decoded)
            self._notes.append(f"{some} of {name} could not be decoded; about {lost} frames are missing")
        if self._timeline.repaired:
            self._notes.append(
                f"{self._timeline.repaired} timestamps of {name} were missing or went backwards; "
                "they were put after the frame before"
            )
