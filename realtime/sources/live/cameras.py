"""Which cameras there are, and which of them a word means."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import av

from stylefader.realtime.sources.live.v4l2 import Mode, modes_of, video_nodes
from stylefader.training.errors import SourceError

# FFmpeg's name for the system's cameras.
CAMERA_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
_NODE = re.compile(r"(?:/dev/video)?(\d{1,4})")


@dataclass(frozen=True, kw_only=True)
class CameraInfo:
    """number, name: as people choose it. address: what FFmpeg opens.

    modes: (width, height, frames a second or None), largest first; empty where the system does not say.
    """

    number: int
    name: str
    address: str
    modes: tuple[Mode, ...] = ()


def cameras() -> list[CameraInfo]:
    """The cameras of this machine in the order of their numbers; empty where there is none or no way to know."""
    if sys.platform.startswith("linux"):
        found = []
        for number, name in video_nodes():
            modes = modes_of(number)
            if modes is not None:
                found.append(CameraInfo(number=number, name=name, address=f"/dev/video{number}", modes=tuple(modes)))
        return found
    system = CAMERA_FORMATS.get(sys.platform)
    if system is None:
        return []
    try:
        devices = av.enumerate_input_devices(system)
    except (av.FFmpegError, OSError, ValueError):
        return []
    videos = [device for device in devices if "video" in device.media_types]
    return [
        CameraInfo(
            number=number,
            name=device.description or device.name,
            address=f"video={device.name}" if system == "dshow" else f"{device.name}:none",
        )
        for number, device in enumerate(videos)
    ]


def camera_number(word: str) -> int | None:
    """The number that a word is (`0`, `/dev/video0`), None for any other."""
    match = _NODE.fullmatch(word)
    return int(match[1]) if match else None


def matching(word: str, there: Sequence[CameraInfo]) -> list[CameraInfo]:
    """The cameras that a word fits: its number, else its name exactly, else a part of its name, in any case."""
    number = camera_number(word)
    if number is not None:
        return [camera for camera in there if camera.number == number]
    small = word.casefold()
    exact = [camera for camera in there if camera.name.casefold() == small]
    return exact or [camera for camera in there if small in camera.name.casefold()]


def find_camera(word: str, there: Sequence[CameraInfo]) -> CameraInfo:
    """The one camera that a word fits. Raises SourceError where none or several do.

    Where the system lists none but on Linux, which always can, a number is believed.
    """
    number = camera_number(word)
    if number is not None and not there and not sys.platform.startswith("linux"):
        return CameraInfo(number=number, name="not listed", address=f"{number}:none")
    fitting = matching(word, there)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise SourceError(f"{word!r:.80} fits several cameras: {names(fitting)}; give more of the name, or the number")
    what = f"there is no camera {word}" if number is not None else f"no camera has {word!r:.80} in its name"
    raise SourceError(f"{what}; {names_there(there)}")


def names(there: Sequence[CameraInfo]) -> str:
    """Numbers and names of cameras in one line, for messages."""
    return ", ".join(f"{camera.number} ({camera.name})" for camera in there)


def names_there(there: Sequence[CameraInfo]) -> str:
    """What there is, and what to do, as the end of a message."""
    if there:
        return f"there are: {names(there)}; choose one of them by number or part of its name"
    return "no camera is there at all; plug one in, allow access to it, or try --source testcard"
