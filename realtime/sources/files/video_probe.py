"""What a video file says of itself before it is read: which track is the picture, its first times, its frames."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from stylefader.realtime.sources.open_container import open_container
from stylefader.training.errors import SourceError

# How many packets are looked at to tell a constant rate from a varying one.
_RATE_PROBE = 240


def main_picture(container: InputContainer, path: Path) -> VideoStream:
    """The track that players show. Raises SourceError where there is none, or no decoder for it."""
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not videos:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "no tracks at all"
        raise SourceError(f"{path} has no video track (it has: {kinds}); give a file with a picture")
    best = container.streams.best("video")
    stream = next((s for s in videos if best is not None and s.index == best.index), videos[0])
    if stream.codec_context is None:
        raise SourceError(
            f"{path}: this FFmpeg has no decoder for its video codec; convert it to H.264 with another program"
        )
    return stream


def first_times(path: Path, index: int) -> list[Fraction]:
    """The times of the first frames of track `index`, undecoded, from an opening of its own."""
    times: list[Fraction] = []
    with open_container(path) as container:
        try:
            for packet in container.demux(container.streams[index]):
                if packet.pts is not None and packet.time_base is not None and not packet.is_discard:
                    times.append(packet.pts * packet.time_base)
                if len(times) == _RATE_PROBE:
                    break
        except av.FFmpegError:
            return times
    # The last ones may still have a frame missing between them that comes later in the file.
    return sorted(times)[: max(2, len(times) - 4)]


def declared_frames(container: InputContainer, stream: VideoStream) -> int:
    """How many frames the file says that it holds, 0 where it does not say."""
    index = stream.index_entries
    if container.format.name == "avi" and len(index) and index[-1].timestamp == stream.frames - 1:
        return len(index)  # AVI counts the gaps between its frames too, but its index leaves them out
    return int(stream.frames)


def frames_within(begin: Fraction, low: Fraction, high: Fraction, rate: Fraction) -> int:
    """How many frames that stand at whole steps from `begin`, in seconds, are in [low, high); at least 1."""
    before, until = ((at - begin) * rate for at in (low, high))
    return max(1, math.ceil(until) - math.ceil(before))


def cover_pictures(path: Path, indexes: list[int]) -> dict[int, bytes]:
    """The pictures attached to the file (cover art) as tracks `indexes`, each undecoded; from an opening of its own."""
    found: dict[int, bytes] = {}
    with open_container(path) as container:
        for packet in container.demux([container.streams[index] for index in indexes]):
            if packet.size:
                found.setdefault(packet.stream.index, bytes(packet))
            if len(found) == len(indexes):
                break
    return found
