"""From the packets of a file's picture track to pictures: the right decoder, what it cannot read counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
from av.codec import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SourceError

# FFmpeg's own decoders of these pass over the second picture that holds the alpha channel.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class PictureDecoder:
    """Decodes one picture track of a file, from wherever its container was brought to.

    Attributes:
        packets: How many packets with data came.
        skipped: How many of them could not be decoded.
    """

    def __init__(self, path: Path, stream: VideoStream) -> None:
        self._path = path
        self._stream = stream
        self._own = decoder_with_alpha(stream)
        self._hurries = False
        self.packets = 0
        self.skipped = 0

    def decode(self, packet: Packet[Any], *, hurry: bool = False) -> list[VideoFrame]:
        """The pictures that are ready once `packet` came; an empty packet brings out the last ones.

        hurry: pictures that no other one needs are left out.

        Raises SourceError where this FFmpeg cannot decode the track at all.
        """
        self.packets += 1 if packet.size else 0
        if hurry != self._hurries:
            self._hurries = hurry
            context = self._own or self._stream.codec_context
            context.skip_frame = "NONREF" if hurry else "DEFAULT"
        try:
            if self._own is not None:
                return list(self._own.decode(packet if packet.size else None))
            return list(self._stream.decode(packet))
        except (av.DecoderNotFoundError, av.PatchWelcomeError, NotImplementedError) as error:
            raise SourceError(
                f"{self._path}: this FFmpeg cannot decode this kind of {self._stream.codec_context.name} video "
                f"({reason(error)}); convert it to H.264 with another program"
            ) from error
        except av.EOFError:
            return []
        except MemoryError as error:
            raise SourceError(f"{self._path}: no memory left to decode a picture", failure=True) from error
        except av.FFmpegError:
            self.skipped += 1
            return []


def decoder_with_alpha(stream: VideoStream) -> VideoCodecContext | None:
    """A decoder that gives the alpha channel of VP8 and VP9; None where the stream's own one is right."""
    context = stream.codec_context
    name = _WITH_ALPHA.get(context.codec.canonical_name)
    if name is None or name not in av.codecs_available or stream.metadata.get("alpha_mode") != "1":
        return None
    decoder = CodecContext.create(name, "r")
    assert isinstance(decoder, VideoCodecContext)
    if context.extradata:
        decoder.extradata = context.extradata
    decoder.width, decoder.height = context.width, context.height
    # What the file says of the colours, where the pictures themselves do not.
    decoder.colorspace, decoder.color_range = context.colorspace, context.color_range
    decoder.color_primaries, decoder.color_trc = context.color_primaries, context.color_trc
    return decoder
