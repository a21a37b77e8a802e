"""A virtual camera: other programs (Zoom, Teams, OBS, a browser) see the frames as a webcam.

Stands at the right end of the live path. Needs pyvirtualcam (the extra `virtualcam`) and a device of the system's.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from fractions import Fraction
from typing import Any

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SinkError

INSTALL = "pip install 'stylefader[virtualcam]'"
_DEFAULT_RATE = Fraction(30)


def how_to_get_one(platform: str = sys.platform) -> str:
    """What to do on this system so that there is a virtual camera."""
    if platform == "win32":
        return "install OBS Studio (its virtual camera comes with it), or Unity Capture"
    if platform == "darwin":
        return "install OBS Studio, and in it start and stop the virtual camera once"
    return (
        "install v4l2loopback (sudo apt install v4l2loopback-dkms) and make a device: "
        'sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label="stylefader"'
    )


class VirtualCameraSink(Sink):
    """Shows frames in a virtual camera.

    device: its name (/dev/video2 on Linux, else as programs list it); the first one free where None. width, height:
    of every frame. rate: about how many frames a second, None where nobody knows.
    """

    def __init__(self, *, width: int, height: int, rate: Fraction | None, device: str | None = None) -> None:
        self.notes: list[str] = []
        self.device = device
        self._width, self._height = width, height
        self._rate = rate or _DEFAULT_RATE
        self._camera: Any = None

    def open(self) -> None:
        """Open the device. Raises SinkError saying how to get one where there is none."""
        self.notes = []
        try:
            import pyvirtualcam
        except ImportError as error:
            raise SinkError(f"the virtual camera needs pyvirtualcam; install it: {INSTALL}") from error
        try:
            self._camera = pyvirtualcam.Camera(
                self._width,
                self._height,
                float(self._rate),
                fmt=pyvirtualcam.PixelFormat.RGB,
                device=self.device,
            )
        except (RuntimeError, OSError, ValueError) as error:
            named = f"the virtual camera {self.device}" if self.device is not None else "a virtual camera"
            why = "; ".join(reason(error).splitlines())
            raise SinkError(f"{named} cannot be opened ({why}); {how_to_get_one()}") from error
        self.device = self._camera.device
        self.notes.append(f"other programs find it as {self.device}")

    def write(self, frame: Frame) -> None:
        """Show one frame. Raises SinkError(failure=True) when that fails."""
        if self._camera is None:
            raise SinkError("the virtual camera is not open for writing", failure=True)
        if (frame.width, frame.height) != (self._width, self._height):
            raise SinkError(
                f"the virtual camera is {self._width}x{self._height}, but a frame of {frame.width}x{frame.height} came",
                failure=True,
            )
        try:
            self._camera.send(frame.image)
        except (RuntimeError, OSError, ValueError) as error:
            raise SinkError(f"the virtual camera {self.device} failed: {reason(error)}", failure=True) from error

    def close(self) -> None:
        """Release the device."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()

    def abort(self) -> None:
        """Close the camera, without an error."""
        with suppress(RuntimeError, OSError):
            self.close()
