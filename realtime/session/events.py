"""What happens in a live session, as data; with those of sources and sinks in `realtime/pipeline/events.py`.

source, sinks, engines, styles --Event--> Listeners --> a program's words (`words.py`), its log, a panel
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stylefader.engines.account import EngineAccount
from stylefader.realtime.pipeline.events import Event, SinkHung, SinkLost, SinkNotClosed, SourceLost
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.family_choice import Reason

_log = logging.getLogger("stylefader.realtime.session")


@dataclass(frozen=True, kw_only=True)
class NoWindow(Event):
    """A window was wanted and cannot be shown."""

    why: str


Outside = Literal["alpha_outside", "mix_outside", "colour_outside"]
"""Strengths outside of a mask."""


@dataclass(frozen=True, kw_only=True)
class NoEffect(Event):
    """A setting does nothing in this session."""

    setting: Outside | Literal["fade", "fade_in", "fps", "overwrite", "full_screen", "monitor", "pad", "free"]
    why: str


@dataclass(frozen=True, kw_only=True)
class ValueOutOfRange(Event):
    """A value to begin with to which a parameter of the first style does not go: it is kept within its range."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SessionStarted(Event):
    """Frames are taken from now on."""

    source: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class SourceEnded(Event):
    """A file is at its end. stylized: whether any frame was, or none was wanted to be."""

    source: str
    stylized: bool


@dataclass(frozen=True, kw_only=True)
class SourceChanged(Event):
    """Frames come from another source from now on."""

    source: str


@dataclass(frozen=True, kw_only=True)
class MaskFailed(Event):
    """A frame has no mask of its own: the one before holds. Told once."""

    why: str


@dataclass(frozen=True, kw_only=True)
class SinkAdded(Event):
    """A sink gets frames from now on."""

    sink: str


@dataclass(frozen=True, kw_only=True)
class SinkRemoved(Event):
    """A sink was ended, as it was asked to be."""

    sink: str


@dataclass(frozen=True, kw_only=True)
class EngineStage(Event):
    """What the first engine's build is doing; the original passes through meanwhile."""

    stage: str


@dataclass(frozen=True, kw_only=True)
class MemberChosen(Event):
    """A size of a style was chosen.

    Attributes:
        style: The family.
        member: The pack.
        size: What its size is called.
        reason: Why that one.
        larger: What the next larger size is called; None for the largest.
        smallest: Whether there is none below it.
    """

    style: str
    member: str
    size: str
    reason: Reason
    larger: str | None
    smallest: bool


@dataclass(frozen=True, kw_only=True)
class EngineTaken(Event):
    """An engine plays from now on."""

    style: str
    title: str
    size: Size
    account: EngineAccount


@dataclass(frozen=True, kw_only=True)
class EngineFailed(Event):
    """An engine broke while it played; another one takes over."""

    engine: str
    why: str


@dataclass(frozen=True, kw_only=True)
class EngineRefused(Event):
    """An engine is not available. trying: the one that is tried now, None if the one that plays goes on."""

    why: str
    trying: str | None


@dataclass(frozen=True, kw_only=True)
class StyleComing(Event):
    """A style that was chosen is still being built. plays: the one that goes on, None for the original."""

    style: str
    plays: str | None


@dataclass(frozen=True, kw_only=True)
class StyleRefused(Event):
    """A style that was chosen is not available. plays: the one that goes on, None for the original."""

    why: str
    plays: str | None


@dataclass(frozen=True, kw_only=True)
class WeightsEmpty(Event):
    """Every weight of a palette's styles is 0, so the mix before holds."""

    palette: str


@dataclass(frozen=True, kw_only=True)
class LessonStarted(Event):
    """A painting is being learnt from now on, beside the show. share: of one processor, at most."""

    style: str
    share: float


@dataclass(frozen=True, kw_only=True)
class LessonDone(Event):
    """A painting is learnt. kept: the pack file that has it."""

    style: str
    steps: int
    kept: Path | None


@dataclass(frozen=True, kw_only=True)
class LessonFailed(Event):
    """A painting is not learnt, or no further; the style plays with the vector that it has."""

    style: str
    why: str


@dataclass(frozen=True, kw_only=True)
class LessonStarved(Event):
    """The machine has no time left for learning: no step in so many seconds. It goes on when there is."""

    style: str
    step: int
    seconds: int


@dataclass(frozen=True, kw_only=True)
class SizeChanged(Event):
    """The network's size is changed to hold the rate. ms: what a frame took until now."""

    ms: float
    size: Size
    larger: bool


@dataclass(frozen=True, kw_only=True)
class PicturesSpoilt(Event):
    """Pictures that cannot be converted are left out; told once. why: the first one's error."""

    why: str


@dataclass(frozen=True, kw_only=True)
class NumbersNotWritten(Event):
    """The file of numbers cannot be written any more."""

    why: str


Listener = Callable[[Event], None]
ALARMS = (EngineFailed, SourceLost, SinkLost, SinkHung, SinkNotClosed, StyleRefused, PicturesSpoilt)
"""What nobody asked for."""


class Listeners:
    """Hands events to all listeners and to the log. Any thread; an error in a listener is logged."""

    def __init__(self, *listeners: Listener) -> None:
        self._lock = threading.Lock()
        self._listeners = listeners

    def add(self, listener: Listener) -> None:
        """Hear what happens from now on."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Hear no more; harmless twice."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

    def tell(self, event: Event) -> None:
        """Tell all of an event. Raises nothing."""
        _log.log(logging.WARNING if isinstance(event, ALARMS) else logging.INFO, "%s", event)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # a fault of who listens must not end a show
                _log.exception("a listener failed at %s", event)
