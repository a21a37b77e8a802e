"""Where the stylizer's pictures go: to the sinks, and to the window's slot."""

from __future__ import annotations

from typing import Protocol

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.pipeline.queues import NewestMailbox


class FrameOutputs(Protocol):
    """What takes every picture of a session, and never waits."""

    def put(self, frame: Frame) -> None:
        """Take a frame; from the stylizer's thread."""
        ...


class SessionOutputs:
    """Hands each frame to the fan-out and leaves it in `view`, from which the main thread shows the newest."""

    def __init__(self, fan_out: FanOut, *, view: bool) -> None:
        self.view: NewestMailbox[Frame] | None = NewestMailbox() if view else None
        self._fan_out = fan_out

    def put(self, frame: Frame) -> None:
        """Hand a frame to every sink and to the window; never waits."""
        self._fan_out.put(frame)
        if self.view is not None:
            self.view.put(frame)
