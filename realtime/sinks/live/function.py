"""A function of the program's own as a sink: it is called with every frame, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.base import Sink
from stylefader.training.errors import SinkError

TakesFrame = Callable[[Frame], None]


class FunctionSink(Sink):
    """Calls `function` with each frame. What it raises counts as a failure of this sink, and ends it alone."""

    takes_original = True

    def __init__(self, function: TakesFrame) -> None:
        self.notes: list[str] = []
        self._function = function

    def open(self) -> None:
        """Do nothing."""

    def write(self, frame: Frame) -> None:
        """Call the function. Raises SinkError(failure=True) with what it raised."""
        try:
            self._function(frame)
        except Exception as error:
            raise SinkError(f"it raised {type(error).__name__}: {error}", failure=True) from error

    def close(self) -> None:
        """Do nothing."""

    def abort(self) -> None:
        """Do nothing."""
