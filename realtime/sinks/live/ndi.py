"""NDI: the frames as a source on the local network, for OBS, vMix, Resolume and every other NDI receiver.

Stands at the right end of the live path. Needs cyndilib (the extra `ndi`), which brings NDI's own library.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SinkError

INSTALL = "pip install 'stylefader[ndi]'"
DEFAULT_NAME = "stylefader"
_DEFAULT_RATE = Fraction(30)
_AVAHI = Path("/run/avahi-daemon/socket")
"""Where Linux's service of names on the local network is asked, by which NDI's receivers find a source."""
NO_NAMES = (
    "NDI: receivers do not find this source by its name, since avahi-daemon does not run here; start it "
    "(Debian: sudo apt install avahi-daemon), or give receivers this computer's address"
)


class NdiSink(Sink):
    """Sends frames as an NDI source; receivers come and go as they like.

    name: what receivers list, after the computer's name. width, height: of every frame. rate: about how many frames
    a second, None where nobody knows; receivers are told it, frames go out when they come.
    """

    def __init__(self, *, width: int, height: int, rate: Fraction | None, name: str = DEFAULT_NAME) -> None:
        self.notes: list[str] = []
        self.name = name
        self._width, self._height = width, height
        self._rate = (rate or _DEFAULT_RATE).limit_denominator(1001)
        self._sender: Any = None

    def open(self) -> None:
        """Appear on the network. Raises SinkError."""
        self.notes = []
        try:
            from cyndilib.sender import Sender
            from cyndilib.video_frame import VideoSendFrame
            from cyndilib.wrapper.ndi_structs import FourCC
        except (ImportError, OSError) as error:
            raise SinkError(f"NDI needs cyndilib ({reason(error)}); install it: {INSTALL}") from error
        try:
            video = VideoSendFrame()
            video.set_resolution(self._width, self._height)
            video.set_frame_rate(self._rate)
            video.set_fourcc(FourCC.RGBX)
            # clock_video would make `write` wait for the next frame's turn.
            self._sender = Sender(self.name, clock_video=False, clock_audio=False)
            self._sender.set_video_frame(video)
            self._sender.open()
        except Exception as error:  # the package raises bare Exceptions
            self.abort()
            raise SinkError(f"the NDI source {self.name!r} cannot be made: {reason(error)}") from error
        if sys.platform == "linux" and not _AVAHI.exists():
            self.notes.append(NO_NAMES)
        self._rgbx = np.full((self._height, self._width, 4), 255, np.uint8)

    def write(self, frame: Frame) -> None:
        """Send one frame. Raises SinkError(failure=True) when that fails."""
        if self._sender is None:
            raise SinkError(f"the NDI source {self.name!r} is not open for writing", failure=True)
        if (frame.width, frame.height) != (self._width, self._height):
            raise SinkError(
                f"the NDI source {self.name!r} is {self._width}x{self._height}, "
                f"but a frame of {frame.width}x{frame.height} came",
                failure=True,
            )
        self._rgbx[..., :3] = frame.image
        try:
            self._sender.write_video(self._rgbx.reshape(-1))
        except Exception as error:
            raise SinkError(f"the NDI source {self.name!r} failed: {reason(error)}", failure=True) from error

    def close(self) -> None:
        """Leave the network."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def abort(self) -> None:
        """Leave the network, without an error."""
        with suppress(Exception):
            self.close()
