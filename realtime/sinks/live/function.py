"""A function of the program's own as a sink: it is called with every frame, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stylefader.realtime.media.frame import Frame, Picture
from stylefader.realtime.sinks.base import Sink
from stylefader.training.errors import SinkError

TakesFrame = Callable[[Frame], None]


class FunctionSink(Sink):
    """Calls `function` with each frame, whose pictures are read-only: the other sinks have the same ones.

    What it raises counts as a failure of this sink, and ends it alone.
    """

    takes_original = True

    def __init__(self, function: TakesFrame) -> None:
        self.notes: list[str] = []
        self._function = function

    def open(self) -> None:
        """Do nothing."""

    def write(self, frame: Frame) -> None:
        """Call the function. Raises SinkError(failure=True) with what it raised."""
        try:
            original = None if frame.original is None else _locked(frame.original)
            self._function(replace(frame, image=_locked(frame.image), original=original))
        except Exception as error:
            raise SinkError(f"it raised {type(error).__name__}: {error}", failure=True) from error

    def close(self) -> None:
        """Do nothing."""

    def abort(self) -> None:
        """Do nothing."""


def _locked(image: Picture) -> Picture:
    """The same pixels, to be looked at only."""
    view = image.view()
    view.flags.writeable = False
    return view
