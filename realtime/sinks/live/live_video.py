"""H.264 as a live session writes it, for recordings and streams: fast, at real times, no frame held back for long."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from av.codec.context import Flags, ThreadType
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from stylefader.realtime.media.colour import FromRgb, tags_to_write
from stylefader.realtime.sinks.files.containers import ENCODERS

_SECOND = 1_000_000_000
# Seconds from one picture that a player can begin with to the next, by the frames' own times.
_KEYFRAME_EVERY = 2
# What rate control is told where the rate varies; the times themselves stay exact.
_NOMINAL_RATE = Fraction(30)


class LiveVideo:
    """The H.264 track of an output that is not yet begun; frames of any rate, at the time of their capture.

    width, height: of every frame. rate: about how many frames a second, None where nobody knows. tick: seconds of
    the track's clock. options: as libx264 names them. at_once: a frame's packet comes before the next frame, at some
    cost in size; else the encoder works on several frames together. begins: seconds on the track of the first frame.

    There are no B-frames: packets come in the order of the frames.
    """

    def __init__(
        self,
        output: OutputContainer,
        *,
        width: int,
        height: int,
        rate: Fraction | None,
        tick: Fraction,
        options: dict[str, str],
        at_once: bool = False,
        begins: Fraction = Fraction(0),
    ) -> None:
        nominal = (rate or _NOMINAL_RATE).limit_denominator(1001)
        encoder = ENCODERS["h264"]
        even = width % 2 == 0 and height % 2 == 0
        pixel_format = encoder.pixel_format if even else str(encoder.odd_pixel_format)
        stream = output.add_stream(encoder.name, rate=nominal, width=width, height=height)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.pix_fmt = pixel_format
        context.time_base = stream.time_base = tick
        # Matroska would write a rate into the header; x264 is told one of its own for its level and rate control.
        context.framerate = Fraction(0)
        # x264 takes anything but slices alone for threads that each hold a frame back.
        context.thread_type = ThreadType.SLICE if at_once else ThreadType.FRAME
        context.flags |= Flags.global_header
        tags = tags_to_write(None, height)
        context.colorspace, context.color_range = tags.matrix, 1
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        context.options = {
            "bf": "0",
            "forced-idr": "1",
            "g": str(max(1, round(nominal * _KEYFRAME_EVERY * 5))),
            "x264-params": f"fps={nominal.numerator}/{nominal.denominator}",
            **options,
        }
        self.stream = stream
        self._tick = tick
        self._begins = begins
        self._from_rgb = FromRgb(pixel_format, tags)
        self._first_ns: int | None = None
        self._last: int | None = None
        self._next_key = Fraction(0)

    def time_of(self, captured_ns: int) -> Fraction:
        """Seconds on the track of something captured then; the first frame encoded makes the beginning."""
        if self._first_ns is None:
            self._first_ns = captured_ns
        return Fraction(captured_ns - self._first_ns, _SECOND) + self._begins

    def encode(self, image: npt.NDArray[np.uint8], at: Fraction) -> list[Packet[Any]]:
        """The packets that are ready once uint8 (H, W, 3) RGB at `at` seconds, after the one before, came."""
        ticks = round(at / self._tick)
        if self._last is not None and ticks <= self._last:
            ticks = self._last + 1
        self._last = ticks
        picture = self._from_rgb(image)
        picture.pts, picture.time_base = ticks, self._tick
        if at >= self._next_key:
            picture.pict_type = PictureType.I
            self._next_key = at + _KEYFRAME_EVERY
        return self.stream.encode(picture)

    def finish(self) -> list[Packet[Any]]:
        """The packets that the encoder still held; nothing comes after."""
        return self.stream.encode(None)
