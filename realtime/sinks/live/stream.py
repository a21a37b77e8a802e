"""Streams out: RTMP, RTSP, SRT and MPEG-TS over UDP to an address, HLS into a folder.

Stands at the right end of the live path. Frames are encoded here; the packets go to a process of their own
(`stream_process.py`) which talks to the network and is ended where it hangs.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sinks.live.live_video import LiveVideo
from stylefader.realtime.sinks.live.stream_link import SendingProcess
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SinkError

# Seconds that the goodbye may take; a session ends within two.
_GOODBYE_S = 1.2
_TICK = Fraction(1, 1000)
_SETTINGS = {"preset": "veryfast", "tune": "zerolatency", "crf": "22"}
# Bits that a pixel may take at most: 720p at 30 frames a second comes to 2.8 Mbit/s.
_BITS_A_PIXEL = 0.1
_LEAST_BITS = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """How FFmpeg sends by one kind of address: its muxer and that one's options. title: for people."""

    title: str
    muxer: str
    options: dict[str, str] = field(default_factory=dict)


_FLV = {"flvflags": "no_duration_filesize"}
PROTOCOLS = {
    "rtmp": Protocol(title="RTMP", muxer="flv", options=_FLV),
    "rtmps": Protocol(title="RTMPS", muxer="flv", options=_FLV),
    "rtsp": Protocol(title="RTSP", muxer="rtsp", options={"rtsp_transport": "tcp"}),
    "srt": Protocol(title="SRT", muxer="mpegts", options={"flush_packets": "1"}),
    "udp": Protocol(title="UDP", muxer="mpegts", options={"flush_packets": "1"}),
}
HLS = Protocol(
    title="HLS",
    muxer="hls",
    options={
        "hls_time": "2",
        "hls_list_size": "6",
        # The list and its pieces appear whole; numbers by the clock, so that a player never mixes two sessions.
        "hls_flags": "delete_segments+independent_segments+program_date_time+temp_file",
        "hls_start_number_source": "epoch",
    },
)
HLS_LIST = "index.m3u8"


def shown_address(address: str) -> str:
    """The address as it may be shown: the last part of the path (mostly a secret key), password and query left out."""
    try:
        parts = urlsplit(address)
    except ValueError as error:  # brackets that hold no IPv6 address
        raise SinkError(f"the address of that stream cannot be read: {error}") from error
    if not parts.scheme or not parts.hostname:
        return address
    place = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if (port := re.search(r":(\d+)$", parts.netloc)) is not None:
        place += f":{port[1]}"
    folders, _, key = parts.path.rpartition("/")
    return f"{parts.scheme}://{place}{folders}{'/...' if key else ''}"


class StreamSink(Sink):
    """Sends frames out as H.264 at the times of their capture; a black picture opens the stream.

    target: an address (rtmp, rtmps, rtsp, srt, udp), or the path of an HLS list (.m3u8). width, height: of every
    frame; an odd side loses its last line, since players of streams want 4:2:0. rate: about how many frames a
    second, None where nobody knows. bit_rate: bits a second at most, by the size where nothing is said.

    After a failure and `abort`, `open` connects anew: the fan-out does that.
    """

    def __init__(
        self, target: str | Path, *, width: int, height: int, rate: Fraction | None, bit_rate: int | None = None
    ) -> None:
        self.target = str(target)
        self.title = shown_address(self.target)
        self.notes: list[str] = []
        self._protocol = protocol_of(self.target)
        self._size = (width, height)
        self._width, self._height = width // 2 * 2, height // 2 * 2
        if min(self._width, self._height) < 2:
            raise SinkError(f"a stream of {width}x{height} cannot be sent; give at least 2x2")
        self._rate = rate
        pixels = self._width * self._height * float(rate or 30)
        self._bit_rate = bit_rate or max(_LEAST_BITS, round(pixels * _BITS_A_PIXEL))
        self._link: SendingProcess | None = None

    # -- opening ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect. Raises SinkError, also where the other end does not answer for ten seconds."""
        self.notes = []
        if self._size != (self._width, self._height):
            self.notes.append(f"the stream is {self._width}x{self._height}: an odd side lost its last line")
        address = self._address()
        self._link = SendingProcess([address, self._protocol.muxer, json.dumps(self._protocol.options)])
        try:
            self._begin(self._link)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._fail("cannot be reached", error) from error
        except BaseException:
            self.abort()
            raise

    def _address(self) -> str:
        if self._protocol is PROTOCOLS["udp"] and "pkt_size" not in self.target:
            # Whole packets of MPEG-TS in each of UDP's, as receivers expect.
            return f"{self.target}{'&' if '?' in self.target else '?'}pkt_size=1316"
        if self._protocol is not HLS:
            return self.target
        folder = Path(self.target).parent
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise SinkError(f"the folder {folder} cannot be made: {reason(error)}; choose another place") from error
        # Not as file:, under which FFmpeg does not find the old pieces that it should delete.
        return os.path.abspath(self.target)

    def _begin(self, link: SendingProcess) -> None:
        one_frame = 1 / (self._rate or Fraction(30))
        self._output: OutputContainer = av.open(link, "w", format="nut", container_options={"flush_packets": "1"})
        self._video = LiveVideo(
            self._output,
            width=self._width,
            height=self._height,
            rate=self._rate,
            tick=_TICK,
            options={**_SETTINGS, "maxrate": str(self._bit_rate), "bufsize": str(self._bit_rate)},
            at_once=True,
            begins=one_frame,
        )
        with link.watched():
            self._output.start_encoding()
            # The other process learns from the first packet what the stream carries, and connects.
            black = np.zeros((self._height, self._width, 3), np.uint8)
            self._mux(black, Fraction(0))
            link.wait_for_open()

    # -- running ---------------------------------------------------------------------------------------------------

    def write(self, frame: Frame) -> None:
        """Send one frame. Raises SinkError(failure=True), also where nothing goes out for ten seconds."""
        link = self._link
        if link is None:
            raise SinkError(f"{self.title} is not open for writing", failure=True)
        if (frame.width, frame.height) != self._size:
            width, height = self._size
            raise SinkError(
                f"{self.title} is {width}x{height}, but a frame of {frame.width}x{frame.height} came", failure=True
            )
        image = frame.image
        if self._size != (self._width, self._height):
            image = np.ascontiguousarray(image[: self._height, : self._width])
        try:
            with link.watched():
                self._mux(image, self._video.time_of(frame.captured_ns))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._fail("broke off", error) from error

    def _mux(self, image: npt.NDArray[np.uint8], at: Fraction) -> None:
        for packet in self._video.encode(image, at):
            self._output.mux(packet)

    def _fail(self, what: str, error: Exception) -> SinkError:
        link = self._link
        why = (link.why() if link is not None else None) or reason(error)
        self.abort()
        return SinkError(f"{self.title} {what}: {why}", failure=True)

    # -- ending ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Send what is left and say goodbye, for a second or so. Raises SinkError."""
        link = self._link
        if link is None:
            return
        try:
            with link.watched(_GOODBYE_S):
                for packet in self._video.finish():
                    self._output.mux(packet)
                self._output.close()
                link.finish()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._fail("did not end well", error) from error
        self._link = None
        link.kill()

    def abort(self) -> None:
        """End the connection at once; what was sent is sent. Never raises."""
        link, self._link = self._link, None
        if link is not None:
            link.kill()
            with suppress(av.FFmpegError, OSError, ValueError, AttributeError):
                self._output.close()


def protocol_of(target: str) -> Protocol:
    """How `target` is sent to. Raises SinkError where there is no way, or where this FFmpeg lacks it."""
    scheme, separator, rest = target.partition("://")
    if not separator:
        if target.lower().endswith(".m3u8"):
            if "%" in os.path.abspath(target):
                raise SinkError(f"{target:.99} has a % in its path, which FFmpeg takes for a number; name it otherwise")
            return HLS
        there = ", ".join(f"{name}://" for name in PROTOCOLS)
        raise SinkError(f"{target:.99} is no address to stream to; give one of {there}")
    protocol = PROTOCOLS.get(scheme.lower())
    if protocol is None:
        raise SinkError(f"cannot stream to {scheme:.40}://; there are {', '.join(f'{s}://' for s in PROTOCOLS)}")
    if not rest.strip("/"):
        raise SinkError(f"{target:.200} names no host; write {scheme:.40}://HOST:PORT/...")
    if protocol.title == "SRT" and not has_srt():
        raise SinkError(
            "this FFmpeg has no SRT (PyAV's own packages leave it out); stream by rtmp:// or udp://, or build PyAV "
            "against an FFmpeg that has libsrt"
        )
    return protocol


def has_srt() -> bool:
    """Whether this FFmpeg speaks SRT; PyAV does not list protocols, so one is opened with no host."""
    try:
        av.open("srt://", "r").close()
    except av.ProtocolNotFoundError:
        return False
    except (av.FFmpegError, OSError, ValueError):
        return True  # it is there and misses a host
    return True
