"""What the video containers and encoders that we write can hold."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Stream

from stylefader.training.errors import SinkError


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoder:
    """One encoder of FFmpeg and the settings that we give it.

    quality: its default; quality_option: the name of that option, None where the encoder has none.
    pixel_format: for even sizes; odd_pixel_format: for sizes with an odd side, None where it cannot do them.
    least: pixels that each side has at least. alpha_format: for pictures with transparent places, None where it
    cannot hold them; alpha_options: its options for those, beside the others.
    options: as FFmpeg names them. free_time_base: whether it takes any time base, else only 1/rate.
    """

    name: str
    quality: int | None
    quality_range: tuple[int, int] = (0, 51)
    quality_option: str | None = "crf"
    pixel_format: str = "yuv420p"
    odd_pixel_format: str | None = "yuv444p"
    least: int = 1
    options: dict[str, str] = field(default_factory=dict)
    free_time_base: bool = True
    tag: str | None = None
    alpha_format: str | None = None
    alpha_options: dict[str, str] = field(default_factory=dict)


# vp9's good/cpu-used and av1's preset are the points where a twice as slow setting gains a few per cent only.
# x265 writes past its own buffers and ends the process on some small sizes (33x21, 48x48, 39x65).
ENCODERS = {
    "h264": Encoder(name="libx264", quality=18, options={"preset": "medium"}),
    "hevc": Encoder(
        name="libx265", quality=20, least=64, options={"preset": "medium", "x265-params": "log-level=error"}, tag="hvc1"
    ),
    "vp9": Encoder(
        name="libvpx-vp9",
        quality=24,
        quality_range=(0, 63),
        odd_pixel_format="yuv420p",
        options={"deadline": "good", "cpu-used": "3", "row-mt": "1"},
        alpha_format="yuva420p",
        alpha_options={"auto-alt-ref": "0"},  # pictures that are never shown have no alpha to go with
    ),
    "av1": Encoder(name="libsvtav1", quality=26, quality_range=(0, 63), odd_pixel_format=None, options={"preset": "8"}),
    "mpeg4": Encoder(
        name="mpeg4",
        quality=3,
        quality_range=(1, 31),
        quality_option=None,
        odd_pixel_format="yuv420p",
        free_time_base=False,
    ),
    "ffv1": Encoder(name="ffv1", quality=None, quality_option=None, pixel_format="yuv444p", alpha_format="yuva444p"),
    "prores": Encoder(
        name="prores_ks",
        quality=None,
        quality_option=None,
        pixel_format="yuv422p10le",
        odd_pixel_format="yuv422p10le",
        options={"profile": "hq", "vendor": "apl0"},
        alpha_format="yuva444p10le",
        alpha_options={"profile": "4444"},
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """One file format: FFmpeg's muxer, the codecs of `ENCODERS` that it holds (the usual one first), its tick.

    alpha: of these, the codecs whose transparent places it keeps.
    tick: seconds; the container rounds every time to it. None: it keeps the time base that it is given.
    """

    muxer: str
    title: str
    codecs: tuple[str, ...]
    alpha: tuple[str, ...] = ()
    tick: Fraction | None = None


_MP4 = Container(muxer="mp4", title="MP4", codecs=("h264", "hevc", "av1", "vp9", "mpeg4"))
_MS = Fraction(1, 1000)
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container(muxer="mov", title="QuickTime", codecs=("h264", "hevc", "mpeg4", "prores"), alpha=("prores",)),
    ".mkv": Container(
        muxer="matroska",
        title="Matroska",
        codecs=("h264", "hevc", "av1", "vp9", "mpeg4", "ffv1"),
        alpha=("vp9", "ffv1"),
        tick=_MS,
    ),
    ".webm": Container(muxer="webm", title="WebM", codecs=("vp9", "av1"), alpha=("vp9",), tick=_MS),
}


def container_for(path: Path) -> Container:
    """The container that a file name asks for. Raises SinkError naming those that there are."""
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        ending = f"the ending {path.suffix!r}" if path.suffix else "no ending"
        raise SinkError(f"{path} has {ending}, which is no video format; use one of {', '.join(CONTAINERS)}")
    return container


def encoder_for(container: Container, codec: str | None, *, alpha: bool = False) -> Encoder:
    """The encoder for a codec's or an encoder's name in a container. Raises SinkError saying what there is.

    alpha: some frames have transparent places. Without a name QuickTime has ProRes for those, as editing programs have.
    """
    if codec is None:
        return ENCODERS["prores" if alpha and "prores" in container.alpha else container.codecs[0]]
    wanted = codec.lower()
    name = next((n for n, e in ENCODERS.items() if wanted in (n, e.name)), {"h265": "hevc", "x264": "h264"}.get(wanted))
    if name is None:
        raise SinkError(f"unknown video codec {codec!r}; there are {', '.join(ENCODERS)}")
    if name not in container.codecs:
        raise SinkError(
            f"{container.title} cannot hold {name} video; it holds {', '.join(container.codecs)}"
            f" ({name} goes into {', '.join(s for s, c in CONTAINERS.items() if name in c.codecs)})"
        )
    if ENCODERS[name].name not in av.codecs_available:
        raise SinkError(f"this FFmpeg has no {ENCODERS[name].name} encoder; choose another of {container.codecs}")
    return ENCODERS[name]


def keeps_alpha(container: Container, encoder: Encoder) -> bool:
    """Whether transparent places stay so with this encoder in this container."""
    return any(ENCODERS[name] is encoder for name in container.alpha)


def can_hold(container: Container, stream: Stream, options: dict[str, str] | None = None) -> bool:
    """Whether the container, with the muxer's options, takes a stream's packets as they are; tried out in memory."""
    if stream.type not in ("audio", "video", "subtitle", "attachment"):
        return False
    if stream.type != "attachment" and stream.codec_context is None:  # no decoder: its parameters are unknown
        return False
    trial = av.open(io.BytesIO(), "w", format=container.muxer, container_options=dict(options or {}))
    try:
        if stream.type != "attachment":
            codec = stream.codec_context.codec
            if not {codec.name, codec.canonical_name} & trial.supported_codecs:
                return False
        trial.add_stream_from_template(stream, opaque=True)
        if stream.type == "attachment":
            return container.muxer == "matroska"
        trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    finally:
        _quietly_close(trial)
    return True


def _quietly_close(container: av.container.OutputContainer) -> None:
    try:
        container.close()
    except (av.FFmpegError, ValueError):
        return
