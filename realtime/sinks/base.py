"""What every sink for frames promises. Sinks stand at the right end of the frame path."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.base import Packet


class Sink(ABC):
    """Takes frames in presentation order.

    Three states: made, open, ended. It ends either by `close` (what was written is kept and complete) or by
    `abort` (nothing of it stays). Leaving a `with` block by an exception aborts. Ending twice is harmless.
    `notes` are messages for the user about what could not be kept; they are complete at the end.
    `takes_original`: whether a live session gives it frames with their original. Frames that wait for a sink without
    it keep only one picture in memory.
    """

    notes: list[str]
    takes_original = False

    @abstractmethod
    def open(self) -> None:
        """Open the device or file. Raises SinkError."""

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Take one frame; its image is not used after the return. Raises SinkError."""

    def write_packet(self, packet: Packet) -> None:
        """Take an undecoded packet of another track; sinks that cannot hold it let it go."""

    @abstractmethod
    def close(self) -> None:
        """Finish what was written and put it in its final place. Raises SinkError."""

    @abstractmethod
    def abort(self) -> None:
        """Drop what was written, leaving nothing behind. Never raises."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()
