"""From an open FFmpeg container to pictures, as early as they can be had. Cameras and network streams share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime.sources.background import Session, Shot, monotonic_pts
from realtime.sources.decoded import VideoPicture
from realtime.sources.geometry import SQUARE
from realtime.sources.orientation import orientation
from realtime.sources.pace import Pace
from realtime.sources.picture_maker import PictureMaker
from realtime.sources.stream_clock import Backlog, StreamClock

# Rates that FFmpeg guesses from the clock of a stream, not from its frames, are in the thousands.
_CREDIBLE_RATE = 300
# How long a picture of a stream in pieces waits for whoever takes them.
_ROOM_S = 0.1
# A stream at its own pace that is this far from it begins anew from where it is.
_ASTRAY_LATE = Fraction(1)
_ASTRAY_EARLY = Fraction(10)


def video_of(container: InputContainer) -> VideoStream | None:
    """The stream with the main picture, ready to decode with no delay of the decoder's own; None without one."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        return None
    # Threads that take a frame each hold back as many frames as there are threads.
    stream.codec_context.thread_type = av.codec.context.ThreadType.SLICE
    return stream


def rate_of(stream: VideoStream) -> Fraction | None:
    """Frames a second as the stream says them, None where it does not say anything credible."""
    rate = stream.average_rate or stream.guessed_rate or None
    return rate if rate is not None and rate < _CREDIBLE_RATE else None


def read_shots(
    container: InputContainer,
    stream: VideoStream,
    session: Session,
    *,
    own_clock: bool,
    paced: bool,
    now_ns: Callable[[], int] = time.monotonic_ns,
) -> Generator[Shot]:
    """Pictures until the stream ends or the session is closed. Raises av.FFmpegError where reading fails.

    own_clock: the stream's timestamps mean something; else times are those of arrival. paced: the stream comes in
    pieces, faster than it is to be shown (HLS), so each picture waits for its time; otherwise pictures that waited in
    a queue too long are left out, and counted in the session.
    """
    make, backlog, clock = PictureMaker(), Backlog(), StreamClock()
    time_base = stream.time_base or Fraction(1, av.time_base)
    pace = Pace(now_ns=now_ns)
    first_ns: int | None = None
    for packet in container.demux(stream):
        arrived_ns = now_ns()
        for picture in _decoded(stream, packet):
            if session.closed:
                return
            first_ns = arrived_ns if first_ns is None else first_ns
            if own_clock:
                ticks = picture.pts if picture.pts is not None else picture.dts
                pts, began_anew = clock.next(None if ticks is None else ticks * time_base, arrived_ns)
                if began_anew:
                    backlog.forget()
                    if paced:
                        pace.set_due(pts)
            else:
                pts = monotonic_pts(first_ns, arrived_ns)
            if paced:
                _wait(pace, pts, session)
                # A piece that came late is several pictures at once: nobody is to lose any of them for that.
                session.make_room(_ROOM_S)
                arrived_ns = now_ns()
            elif own_clock and backlog.is_late(arrived_ns, pts):
                session.leave_out()
                continue
            aspect = stream.sample_aspect_ratio or SQUARE
            decoded = VideoPicture(picture, make, turn=orientation(picture), aspect=aspect)
            yield Shot(picture=decoded, captured_ns=arrived_ns, pts=pts)


def _decoded(stream: VideoStream, packet: Packet[Any]) -> list[VideoFrame]:
    try:
        return list(stream.decode(packet))
    except (av.EOFError, av.InvalidDataError):
        return []  # a damaged packet of a stream: the next key frame mends it


def _wait(pace: Pace, pts: Fraction, session: Session) -> None:
    """Hold a picture until it is due."""
    late = pace.late(pts)
    if late > _ASTRAY_LATE or late < -_ASTRAY_EARLY:
        pace.set_due(pts)
    while not session.closed and (left := -pace.late(pts)) > 0:
        session.rest(float(left))
