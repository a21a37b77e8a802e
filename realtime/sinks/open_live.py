"""The sink of a live session from one word: `virtualcam`, `ndi:NAME`, `show.mkv`, `rtmp://...`. Opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.stream import Stream

from stylefader.realtime.sinks.base import Sink
from stylefader.training.errors import SinkError

MakeSink = Callable[[int, int, Fraction | None], Sink]

WORDS = (
    "virtualcam[:DEVICE], ndi[:NAME], FILE.mkv or FILE.mp4 (a recording), "
    "rtmp:// rtmps:// rtsp:// srt:// udp:// (a stream), hls:FOLDER or PLAYLIST.m3u8, null"
)

# A device or a stream shows the newest; a recording keeps two seconds or so for the moments when the disk is slow.
_NEWEST = 2
_RECORDING = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSinkOptions:
    """What the command line says for all sinks. overwrite: of recordings. crf, bit_rate: None is the usual one.

    sound: an audio track of an open file source, whose packets go into recordings beside the picture. exact_size:
    recordings keep an odd size.
    """

    overwrite: bool = False
    crf: int | None = None
    bit_rate: int | None = None
    sound: Stream | None = None
    exact_size: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSinkChoice:
    """One sink that was asked for, and how the fan-out should drive it (`FanOut.add` takes the same names).

    name: for people, with no keys or passwords in it. make(width, height, rate): the sink, not open; rate may be None.
    """

    name: str
    make: MakeSink
    bound: int = _NEWEST
    drains: bool = False
    reconnects: bool = False
    packets: bool = False


def live_sink(word: str, options: LiveSinkOptions | None = None) -> LiveSinkChoice:
    """What one `--sink` word means. Raises SinkError naming what there is, and for addresses that cannot work."""
    options = options or LiveSinkOptions()
    kind, colon, rest = word.partition(":")
    if "://" in word or word.lower().endswith(".m3u8"):
        return _stream(word, options)
    if colon and not rest and kind in ("virtualcam", "ndi", "hls"):
        raise SinkError(f"the sink {word!r} ends after the colon; {_NAMES[kind]}")
    if kind == "null" and not colon:
        return LiveSinkChoice(name="null", make=_null)
    if kind == "virtualcam":
        return _virtual_camera(rest or None)
    if kind == "ndi":
        return _ndi(rest or None)
    if kind == "hls":
        if not rest:
            raise SinkError(f"the sink 'hls' needs a folder; {_NAMES[kind]}")
        from stylefader.realtime.sinks.live.stream import HLS_LIST

        return _stream(str(Path(rest) / HLS_LIST), options)
    if word.lower().endswith((".mkv", ".mp4")):
        return _recording(Path(word), options)
    raise SinkError(f"unknown sink {word!r}; there are {WORDS}")


_LONGEST_NDI = 63
"""Bytes of a name in DNS-SD (RFC 6763), by which NDI is found."""
_NAMES = {
    "virtualcam": "write virtualcam, or virtualcam:DEVICE",
    "ndi": "write ndi, or ndi:NAME",
    "hls": "write hls:FOLDER",
}


def _null(width: int, height: int, rate: Fraction | None) -> Sink:
    from stylefader.realtime.sinks.live.null import NullSink

    return NullSink()


def _virtual_camera(device: str | None) -> LiveSinkChoice:
    def make(width: int, height: int, rate: Fraction | None) -> Sink:
        from stylefader.realtime.sinks.live.virtual_camera import VirtualCameraSink

        return VirtualCameraSink(width=width, height=height, rate=rate, device=device)

    return LiveSinkChoice(name=f"virtual camera {device}" if device else "virtual camera", make=make)


def _ndi(name: str | None) -> LiveSinkChoice:
    from stylefader.realtime.sinks.live.ndi import DEFAULT_NAME, NdiSink

    shown = name or DEFAULT_NAME
    if len(shown.encode("utf-8", "replace")) > _LONGEST_NDI or not shown.isprintable():  # NDI's library would crash
        raise SinkError(f"{shown!r:.80} is no name for NDI: give up to {_LONGEST_NDI} characters that can be printed")

    def make(width: int, height: int, rate: Fraction | None) -> Sink:
        return NdiSink(width=width, height=height, rate=rate, name=shown)

    return LiveSinkChoice(name=f"ndi {shown}", make=make)


def _recording(path: Path, options: LiveSinkOptions) -> LiveSinkChoice:
    from stylefader.realtime.sinks.live.recording import QUALITY, RecordingSink

    def make(width: int, height: int, rate: Fraction | None) -> Sink:
        return RecordingSink(
            path,
            width=width,
            height=height,
            rate=rate,
            crf=QUALITY if options.crf is None else options.crf,
            overwrite=options.overwrite,
            sound=options.sound,
            exact_size=options.exact_size,
        )

    return LiveSinkChoice(
        name=f"recording {path}", make=make, bound=_RECORDING, drains=True, packets=options.sound is not None
    )


def _stream(target: str, options: LiveSinkOptions) -> LiveSinkChoice:
    from stylefader.realtime.sinks.live.stream import StreamSink, protocol_of, shown_address

    protocol_of(target)

    def make(width: int, height: int, rate: Fraction | None) -> Sink:
        return StreamSink(target, width=width, height=height, rate=rate, bit_rate=options.bit_rate)

    return LiveSinkChoice(name=shown_address(target), make=make, reconnects=True)
