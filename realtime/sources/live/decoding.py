"""From an open FFmpeg container to pictures, with the least delay. Cameras and network streams share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stylefader.realtime.sources.decoded import VideoPicture
from stylefader.realtime.sources.deinterlacing import Deinterlace, Deinterlacer
from stylefader.realtime.sources.geometry import SQUARE, Turn
from stylefader.realtime.sources.live.background import Session, Shot, monotonic_pts
from stylefader.realtime.sources.live.stream_clock import Backlog, StreamClock
from stylefader.realtime.sources.orientation import orientation
from stylefader.realtime.sources.pace import Pace
from stylefader.realtime.sources.picture_maker import PictureMaker

# Rates that FFmpeg guesses from the clock of a stream, not from its frames, are in the thousands.
_CREDIBLE_RATE = 300
# How long a picture of a stream in pieces waits for whoever takes them.
_ROOM_S = 0.1
# A stream at its own pace that is this far from it begins anew from where it is.
_ASTRAY_LATE = Fraction(1)
_ASTRAY_EARLY = Fraction(10)


class _Moment(NamedTuple):
    """What is known of a picture beside it: its time, when it came, and what brings it upright."""

    pts: Fraction
    arrived_ns: int
    turn: Turn


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
    deinterlace: Deinterlace = "auto",
    interlaced: Callable[[], None] = lambda: None,
    now_ns: Callable[[], int] = time.monotonic_ns,
) -> Generator[Shot]:
    """Pictures until the stream ends or the session is closed. Raises av.FFmpegError where reading fails.

    own_clock: the stream's timestamps mean something; else times are those of arrival. paced: the stream comes in
    pieces, faster than it is to be shown (HLS), so each picture waits for its time; otherwise pictures that waited in
    a queue too long are left out, and counted in the session. deinterlace: `auto` where the stream says that it is
    interlaced; each picture then waits for the next one. interlaced: told once, before the first picture of that kind.
    """
    make, backlog, clock = PictureMaker(), Backlog(), StreamClock()
    time_base = stream.time_base or Fraction(1, av.time_base)
    pace = Pace(now_ns=now_ns)
    first_ns: int | None = None
    lines: Deinterlacer[_Moment] | None = None
    if deinterlace == "auto":
        lines = Deinterlacer(stream.codec_context.field_order)
    told = False
    for packet in container.demux(stream):
        if session.closed:
            return
        arrived_ns = now_ns()
        ready: list[tuple[VideoFrame, _Moment]] = []
        for picture in _decoded(stream, packet):
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
            if own_clock and not paced and backlog.is_late(arrived_ns, pts):
                session.leave_out()
                continue
            moment = _Moment(pts, arrived_ns, orientation(picture))
            ready += [(picture, moment)] if lines is None else lines.put(picture, moment)
        if lines is not None and not packet.size:
            ready += lines.finish()
        if lines is not None and lines.active and not told:
            told = True
            interlaced()
        for whole, moment in ready:
            if session.closed:
                return
            captured_ns = moment.arrived_ns
            if paced:
                _wait(pace, moment.pts, session)
                # A piece that came late is several pictures at once: nobody is to lose any of them for that.
                session.make_room(_ROOM_S)
                captured_ns = now_ns()
            decoded = VideoPicture(whole, make, turn=moment.turn, aspect=stream.sample_aspect_ratio or SQUARE)
            yield Shot(picture=decoded, captured_ns=captured_ns, pts=moment.pts)


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
