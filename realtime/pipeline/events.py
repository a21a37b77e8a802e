"""What happens to sources and sinks while a session runs, as data. The words are made in `realtime/session/words.py`.

A `Tell` is called with each `Event`, from any thread; it must return soon and raise nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that a person may want to be told of."""


Tell = Callable[[Event], None]


def untold(event: Event) -> None:
    """A Tell that does nothing."""


@dataclass(frozen=True, kw_only=True)
class Note(Event):
    """Words of a part that has no events of its own."""

    words: str


@dataclass(frozen=True, kw_only=True)
class SourceNote(Event):
    """A note of a source about something that could not be done exactly as asked."""

    source: str
    note: str


@dataclass(frozen=True, kw_only=True)
class SourceLost(Event):
    """A source broke or ended, and is tried again. why: of the loss alone, without the source's name."""

    source: str
    why: str


@dataclass(frozen=True, kw_only=True)
class SourceBack(Event):
    """A source that was lost gives pictures again."""

    source: str


@dataclass(frozen=True, kw_only=True)
class SinkConnected(Event):
    """A sink that reconnects by itself is open."""

    sink: str


@dataclass(frozen=True, kw_only=True)
class SinkNote(Event):
    """What a sink noted: what could not be carried over."""

    sink: str
    note: str


@dataclass(frozen=True, kw_only=True)
class SinkLost(Event):
    """A sink failed. why: a whole sentence that names it. again_s: seconds until it is tried again, None: never."""

    sink: str
    why: str
    again_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class SinkNotClosed(Event):
    """The end of a sink failed. why: a whole sentence that names it."""

    sink: str
    why: str


@dataclass(frozen=True, kw_only=True)
class FramesNotWritten(Event):
    """The time to write what waited for a sink was over."""

    sink: str
    frames: int


@dataclass(frozen=True, kw_only=True)
class SinkHung(Event):
    """A sink did not end within so many seconds, and was left to its thread."""

    sink: str
    after_s: float
