"""Network streams as live sources: RTSP, RTMP, HTTP (HLS, MJPEG, MPEG-TS), UDP, and SRT where FFmpeg has it."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import av
from av.container import InputContainer

from stylefader.realtime.sources.base import LostError
from stylefader.realtime.sources.deinterlacing import Deinterlace, words_for
from stylefader.realtime.sources.live.background import BackgroundSource, Session, Shot
from stylefader.realtime.sources.live.decoding import rate_of, read_shots, video_of
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SourceError

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "http", "https", "udp", "rtp", "tcp")
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://.+")

# Formats that come as one picture after another, whose timestamps FFmpeg makes up.
_NO_CLOCK = ("mpjpeg", "mjpeg", "jpeg_pipe", "image2pipe")
# Formats that come in pieces of many seconds.
_IN_PIECES = ("hls", "dash")
_OPEN_S = 10.0
_STALL_S = 5.0


def scheme_of(word: str) -> str | None:
    """The scheme of a URL in lower case, None where the word is none."""
    match = _URL.fullmatch(word)
    return match[1].lower() if match else None


def without_secrets(url: str) -> str:
    """The URL as it may be shown: without user name, password, and what stands behind `?`. Raises SourceError."""
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets that hold no IPv6 address
        raise SourceError(f"the address of that stream cannot be read: {error}") from error
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class StreamSource(BackgroundSource):
    """A network stream by its URL. When it ends or stalls, the iteration raises SourceError("... is lost ...").

    open_s, stall_s: seconds to wait for the first picture, and for any later one. deinterlace: `auto` where the stream
    says that it is interlaced.
    """

    def __init__(
        self, url: str, *, open_s: float = _OPEN_S, stall_s: float = _STALL_S, deinterlace: Deinterlace = "auto"
    ) -> None:
        super().__init__(without_secrets(url), open_s=open_s, stall_s=stall_s)
        self.url = url
        self._deinterlace = deinterlace

    def _shots(self, session: Session) -> Generator[Shot]:
        with closing(self._connect()) as container:
            stream = video_of(container)
            if stream is None:
                kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
                raise SourceError(f"{self.name} has no picture (it has: {kinds}); give another stream", failure=True)
            self.sample_aspect_ratio = stream.sample_aspect_ratio or self.sample_aspect_ratio
            # A film on a web server comes as fast as the network is, like HLS.
            paced = container.format.name.startswith(_IN_PIECES) or bool(container.duration)
            own_clock = container.format.name not in _NO_CLOCK
            self.rate = rate_of(stream) if own_clock else None
            try:
                yield from read_shots(
                    container, stream, session, own_clock=own_clock, paced=paced, deinterlace=self._deinterlace,
                    interlaced=lambda: self.notes.append(words_for(self.name)),
                )  # fmt: skip
            except av.ExitError as error:
                why = f"nothing came for {self._stall_s:g} s"
                raise LostError(self.name, why) from error
            except (av.FFmpegError, OSError) as error:
                raise LostError(self.name, reason(error)) from error

    def _connect(self) -> InputContainer:
        try:
            return av.open(
                self.url,
                "r",
                options=_options(scheme_of(self.url) or ""),
                timeout=(self._open_s, self._stall_s),
                metadata_errors="replace",
            )
        except av.ProtocolNotFoundError as error:
            scheme = scheme_of(self.url)
            raise SourceError(
                f"{self.name}: the FFmpeg in this PyAV has no {scheme}; give the stream as RTSP, RTMP or HTTP, or "
                f"install PyAV on an FFmpeg that has it: pip install --no-binary av av"
            ) from error
        except av.ExitError as error:
            raise SourceError(
                f"{self.name} cannot be opened: no answer within {self._open_s:g} s; check the address and the network",
                failure=True,
            ) from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SourceError(
                f"{self.name} cannot be opened: {reason(error)}; check the address and that the stream runs",
                failure=True,
            ) from error


def _options(scheme: str) -> dict[str, str]:
    """What FFmpeg is told, so that little time passes between the network and the picture.

    Not `fflags=nobuffer`: it throws away what was read while the stream was recognised, the first key frame with it,
    and leaves the screen empty until the next one.
    """
    options = {"fflags": "discardcorrupt", "analyzeduration": "1000000"}
    if scheme not in ("http", "https"):
        # These say at once what they hold. Files and playlists may hide it deeper.
        options |= {"probesize": "1000000"}
    if scheme in ("rtsp", "rtsps"):
        options |= {"rtsp_flags": "prefer_tcp"}  # UDP where the camera has nothing else
    return options
