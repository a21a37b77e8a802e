"""Video files as a sink: encodes frames, and carries over every other track of the file that they came from.

Stands at the right end of the frame path for files. Times are exact: a frame is written at its own pts less
`origin`, never at a count of frames.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from stylefader.realtime.media.colour import ColourTags, FromRgb, tags_to_write
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sinks.files.atomic_output import DISK_ERRORS, begin_file, check_target, remove, write_failed
from stylefader.realtime.sinks.files.containers import Container, Encoder, container_for, encoder_for
from stylefader.realtime.sinks.files.encoder_priority import ordinary_priority
from stylefader.realtime.sinks.files.packet_times import PacketTimes
from stylefader.realtime.sinks.files.picture_form import picture_form
from stylefader.realtime.sinks.files.stream_copy import carried_chapters, carry_metadata, carry_tracks, needs_free_tags
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SinkError

# FFmpeg keeps both halves of a time base in 32 bits.
_FINEST = 2**31 - 1
# What an encoder's rate control is told where the rate varies; the times themselves stay exact.
_NOMINAL_RATE = Fraction(30)


class VideoFileSink(Sink):
    """Writes frames to a video file, whole or not at all.

    path: the output; its ending chooses the container (.mp4, .m4v, .mov, .mkv, .webm). width, height: of every
    frame. rate: frames a second, None where it varies. time_base: seconds a tick of the frames' pts. codec: h264,
    hevc, vp9, av1, mpeg4, ffv1, prores; the default is H.264 where the container holds it, and ProRes in .mov where
    there is alpha. crf: quality, lower is better. copy_from: the open source whose other tracks, chapters and metadata
    go along; its packets come through `write_packet`. origin: seconds subtracted from every timestamp.
    sample_aspect_ratio: width of a pixel over its height. colour: tags of the frames' source, kept where they fit.
    overwrite: replace an existing file. alpha: the frames come with their alpha, which is kept where codec and
    container can hold it; else they are written as they are, over black. exact_size: an odd size is kept in 4:4:4
    where 4:2:0 cannot hold it; else a line is cut.

    `size`, after `open`: (width, height) as written. `notes`, complete after `open`: what could not be carried over
    or had to change, in plain words.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        width: int,
        height: int,
        rate: Fraction | None,
        time_base: Fraction,
        codec: str | None = None,
        crf: int | None = None,
        copy_from: VideoFileSource | None = None,
        origin: Fraction = Fraction(0),
        sample_aspect_ratio: Fraction = Fraction(1),
        colour: ColourTags | None = None,
        overwrite: bool = False,
        alpha: bool = False,
        exact_size: bool = False,
    ) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self.size = (width, height)
        self._alpha_comes, self._exact_size = alpha, exact_size
        self._width, self._height = width, height
        self._rate = rate
        self._time_base = time_base
        self._codec = codec
        self._crf = crf
        self._copy_from = copy_from
        self._origin = origin
        self._aspect = sample_aspect_ratio
        self._colour = colour
        self._overwrite = overwrite
        self._output: OutputContainer | None = None
        self._partial: Path | None = None

    # -- opening ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Check everything, then begin the file under its temporary name. Raises SinkError."""
        self.notes = []
        container = container_for(self.path)
        encoder = encoder_for(container, self._codec, alpha=self._alpha_comes)
        quality = self._quality(encoder)
        self._form = picture_form(
            container,
            encoder,
            (self._width, self._height),
            alpha=self._alpha_comes,
            exact_size=self._exact_size,
        )
        self.size = self._form.size
        self.notes.extend(self._form.notes)
        inputs = [self._copy_from.path] if self._copy_from is not None else []
        self._target = check_target(self.path, overwrite=self._overwrite, inputs=inputs)
        self._last: int | None = None
        self._durations: dict[int, int] = {}
        self._refused = 0
        self._partial = begin_file(self._target, self.notes)
        try:
            self._output = av.open(
                f"file:{self._partial}",
                "w",
                format=container.muxer,
                container_options=self._container_options(container),
            )
            self._add_video(container, encoder, quality)
            self._tracks: dict[int, Stream] = {}
            if self._copy_from is not None:
                self._tracks = carry_tracks(self._copy_from, self._output, container, self.notes)
                carry_metadata(self._copy_from, self._output, self._stream)
                chapters = carried_chapters(self._copy_from, self._origin)
                if chapters:
                    self._output.set_chapters(chapters)
            self._times = {index: PacketTimes(reorders=t.type == "video") for index, t in self._tracks.items()}
            self._output.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.abort()
            raise self._cannot_begin(error, encoder) from error
        except BaseException:
            self.abort()
            raise
        self._say_what_changes(container)

    def _quality(self, encoder: Encoder) -> int | None:
        if self._crf is None:
            return encoder.quality
        if encoder.quality is None:
            self.notes.append(f"{encoder.name} is lossless; the quality {self._crf} has no effect")
            return None
        low, high = encoder.quality_range
        if not low <= self._crf <= high:
            raise SinkError(f"quality {self._crf} does not fit {encoder.name}; give {low} (best) to {high}")
        return self._crf

    def _tick(self) -> Fraction:
        """The coarsest time base that holds the frames' times and the origin exactly, where 32 bits allow it."""
        fine = Fraction(1, math.lcm(self._time_base.denominator, self._origin.denominator))
        return fine if fine.denominator <= _FINEST else self._time_base

    def _container_options(self, container: Container) -> dict[str, str]:
        if container.tick is not None:
            # Audio that primes its decoder begins before 0; moving the whole file to 0 would move every frame.
            return {"avoid_negative_ts": "disabled"}
        flags = "+faststart"
        if self._copy_from is not None and needs_free_tags(self._copy_from):
            flags += "+use_metadata_tags"
        # Where a track begins late is written in this scale, by default in milliseconds.
        return {"movflags": flags, "movie_timescale": str(self._tick().denominator)}

    def _add_video(self, container: Container, encoder: Encoder, quality: int | None) -> None:
        assert self._output is not None
        options = encoder.options | (encoder.alpha_options if self._form.alpha else {})
        rate = self._rate
        nominal = rate or (self._copy_from.average_rate if self._copy_from is not None else None) or _NOMINAL_RATE
        self._ticks = self._tick() if encoder.free_time_base or rate is None else 1 / rate
        stream = self._output.add_stream(encoder.name, rate=nominal, width=self.size[0], height=self.size[1])
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.pix_fmt = self._form.pixel_format
        context.time_base = self._ticks
        if encoder.name == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only, else its banner goes to the terminal
        if rate is None and encoder.name == "libx264":
            # Matroska would write a rate into the header; x264 is told one of its own for its level and rate control.
            context.framerate = Fraction(0)
            options["x264-params"] = f"fps={nominal.numerator}/{nominal.denominator}"
        context.thread_type = ThreadType.AUTO
        context.sample_aspect_ratio = self._aspect.limit_denominator(10000)
        tags = tags_to_write(self._colour, self.size[1])
        context.colorspace, context.color_range = tags.matrix, 1
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        if quality is not None and encoder.quality_option is not None:
            options[encoder.quality_option] = str(quality)
        elif quality is not None:
            context.qscale = True
            context.global_quality = quality
        if encoder.tag is not None and container.tick is None:
            context.codec_tag = encoder.tag
        context.options = options
        stream.time_base = self._ticks
        if encoder.name == "libsvtav1":
            with ordinary_priority():
                context.open()
        self._stream = stream
        self._from_rgb = FromRgb(self._form.pixel_format, tags)

    def _cannot_begin(self, error: Exception, encoder: Encoder) -> SinkError:
        if getattr(error, "errno", None) in DISK_ERRORS:
            return write_failed(self.path, error)
        return SinkError(
            f"{self.path} cannot be begun as {self._width}x{self._height} {encoder.name} video: {reason(error)}; "
            "try another codec or size"
        )

    def _say_what_changes(self, container: Container) -> None:
        tick = container.tick
        if tick is None:
            return
        steps = [self._ticks] if self._rate is None else [1 / self._rate, self._origin]
        lands = (self._ticks / tick).denominator == 1 or all((step / tick).denominator == 1 for step in steps)
        if not lands:
            self.notes.append(
                f"{container.title} keeps times in milliseconds: a frame's time may move by up to half a millisecond"
            )

    # -- running ---------------------------------------------------------------------------------------------------

    def write(self, frame: Frame) -> None:
        """Encode one frame (its pts after the one before). Raises SinkError(failure=True) when that fails."""
        output = self._opened()
        if (frame.width, frame.height) != (self._width, self._height):
            raise SinkError(
                f"{self.path} is {self._width}x{self._height}, but a frame of {frame.width}x{frame.height} came",
                failure=True,
            )
        ticks = round((frame.pts - self._origin) / self._ticks)
        if self._last is not None and ticks <= self._last:
            ticks = self._last + 1
        self._last = ticks
        if frame.duration is not None:
            self._durations[ticks] = max(1, round(frame.duration / self._ticks))
        picture = self._from_rgb(self._form.image(frame))
        picture.pts = ticks
        picture.time_base = self._ticks
        try:
            packets = self._stream.encode(picture)
            for packet in packets:
                self._mux(output, packet)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._fail(error) from error

    def _mux(self, output: OutputContainer, packet: Packet[Any]) -> None:
        duration = self._durations.pop(packet.pts, None) if packet.pts is not None else None
        if duration is not None:
            packet.duration = duration
        output.mux(packet)

    def write_packet(self, packet: Packet[Any]) -> None:
        """Take over one packet of `copy_from`, byte for byte, at its time less `origin`; the packet is used up.

        Packets of tracks that are not carried over are passed over. Raises SinkError(failure=True).
        """
        output = self._opened()
        index = packet.stream.index
        if index not in self._tracks or packet.time_base is None:
            return
        shift = round(self._origin / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        for ready in self._times[index].put(packet):
            self._carry(output, ready, self._tracks[index])

    def _carry(self, output: OutputContainer, packet: Packet[Any], target: Stream) -> None:
        packet.stream = target
        try:
            output.mux(packet)
        except av.ArgumentError:
            # The container takes no packet that lies before the one before; losing it is better than the film.
            self._refused += 1
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._fail(error) from error

    def _opened(self) -> OutputContainer:
        if self._output is None:
            raise SinkError(f"{self.path} is not open for writing", failure=True)
        return self._output

    def _fail(self, error: Exception) -> SinkError:
        self.abort()
        return write_failed(self.path, error)

    # -- ending ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish the file and give it its name. Raises SinkError, and then nothing is kept."""
        output, partial = self._output, self._partial
        if output is None or partial is None:
            return
        if self._last is None:
            self.abort()
            raise SinkError(f"no frame came, so {self.path} was not written", failure=True)
        try:
            for index, times in self._times.items():
                for packet in times.finish():
                    self._carry(output, packet, self._tracks[index])
            for packet in self._stream.encode(None):
                self._mux(output, packet)
            output.close()
            if os.path.lexists(self.path) and not self._overwrite:
                raise SinkError(f"{self.path} was made by somebody else meanwhile; it was left alone", failure=True)
            partial.replace(self._target)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._fail(error) from error
        except BaseException:
            self.abort()
            raise
        self._output = self._partial = None
        if self._refused:
            self.notes.append(f"{self._refused} packets of other tracks were left out: their times go backwards")

    def abort(self) -> None:
        """Drop the file. Never raises; does nothing after `close`."""
        output, self._output = self._output, None
        partial, self._partial = self._partial, None
        if partial is None:
            return
        # The name goes first, so that not even a crash inside the muxer's goodbye leaves it behind.
        remove(partial)
        if output is not None:
            with suppress(av.FFmpegError, OSError, ValueError):
                output.close()
            remove(partial)
