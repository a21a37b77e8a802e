"""The sink that takes frames and forgets them: for measuring, and for sessions that only drive other things."""

from __future__ import annotations

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.base import Sink
from stylefader.training.errors import SinkError


class NullSink(Sink):
    """Counts what came. frames: how many since `open`."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.frames = 0
        self._open = False

    def open(self) -> None:
        """Begin to count at 0."""
        self.frames = 0
        self._open = True

    def write(self, frame: Frame) -> None:
        """Count the frame and drop it."""
        if not self._open:
            raise SinkError("the null sink is not open for writing", failure=True)
        self.frames += 1

    def close(self) -> None:
        """Take no more frames."""
        self._open = False

    def abort(self) -> None:
        """Take no more frames."""
        self._open = False
