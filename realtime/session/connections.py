"""What a running session is connected to: sinks that come and go, and a source that may be changed. Any thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from av.stream import Stream

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.capture import Capture, CaptureCounts
from stylefader.realtime.pipeline.events import Note
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.config import SessionConfig
from stylefader.realtime.session.events import Listeners, SinkAdded, SinkRemoved, SourceChanged
from stylefader.realtime.session.live_session import LiveSession
from stylefader.realtime.session.plan import is_recording, source_options
from stylefader.realtime.sinks.live.function import FunctionSink
from stylefader.realtime.sinks.open_live import LiveSinkOptions, live_sink
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.realtime.sources.open_live import LiveChoice, live_source
from stylefader.realtime.sources.transform import TransformedSource
from stylefader.training.errors import SinkError, SourceError

_log = logging.getLogger(__name__)
_USUAL_RATE = 30.0
"""Frames a second, until it is seen how many come."""


class Connections:
    """choice, source: what gives the frames at first, and the same opened.

    followed: told a source that is about to give the frames, where its sound is heard; gives words where it has none.
    """

    def __init__(
        self,
        config: SessionConfig,
        choice: LiveChoice,
        source: TransformedSource,
        listeners: Listeners,
        *,
        followed: Callable[[TransformedSource], str | None] = lambda source: None,
    ) -> None:
        self._config, self._listeners, self._followed = config, listeners, followed
        self.fan_out = FanOut(tell=listeners.tell)
        self._choice, self._source = choice, source
        self._live: LiveSession | None = None
        self._lock = threading.Lock()  # one change at a time
        self._changing = False
        self._recordings: dict[str, Path] = {}  # by the sink's name
        for word in config.sinks.words:
            self._add(word)
        for number, function in enumerate(config.sinks.functions, 1):
            self.fan_out.add(f"function {number}", FunctionSink(function), bound=1, inner=True)

    def play(self, live: LiveSession) -> None:
        """The session whose source may be changed."""
        self._live = live

    def capture(self, mailbox: NewestMailbox[Frame | LazyFrame], counts: CaptureCounts | None = None) -> Capture:
        """A capture of the present source, not started."""
        choice = self._choice
        return Capture(
            choice.make, mailbox, name=choice.name, reconnects=choice.reconnects, first=self._source,
            every=self._config.picture.every, put_packet=self.fan_out.put_packet, counts=counts,
            tell=self._listeners.tell,
        )  # fmt: skip

    @property
    def over(self) -> bool:
        """Whether the source is at its end or broke for good, and no other one is on its way."""
        return self._live is not None and not self._changing and self._live.over

    def add_sink(self, word: str) -> str:
        """Add a sink by its word; its name. Raises SinkError."""
        with self._lock:
            name = self._add(word)
        self._listeners.tell(SinkAdded(sink=name))
        return name

    def remove_sink(self, name: str) -> None:
        """End a sink. Raises SinkError for no such sink."""
        self.fan_out.remove(name)
        with self._lock:
            self._recordings.pop(name, None)
        self._listeners.tell(SinkRemoved(sink=name))

    def change_source(self, word: str) -> None:
        """Take the frames of another source. Raises SourceError, and then the present one goes on."""
        live = self._live
        assert live is not None
        with self._lock:
            self._changing = True  # so that a source that ends meanwhile does not end the session
            try:
                choice = live_source(word, source_options(self._config.source, self._config.picture))
                source = choice.make()
                source.open()
            except BaseException:
                self._changing = False
                raise
            try:
                for note in choice.notes:
                    self._listeners.tell(Note(words=f"note: {note}"))
                self._choice, self._source, before = choice, source, (self._choice, self._source)
                counts = live.capture.counts
                if not live.change_capture(lambda mailbox: self.capture(mailbox, counts), between=self._between):
                    self._choice, self._source = before
                    raise SourceError(f"{choice.name} is not taken: the session is over")
            except BaseException:
                source.close()
                raise
            finally:
                self._changing = False
        self._listeners.tell(SourceChanged(source=choice.name))

    def close(self, deadline_s: float) -> None:
        """End the sinks by that time."""
        self.fan_out.close(deadline_s)

    def _between(self) -> None:
        """Called between two sources, when neither gives frames."""
        self.fan_out.end_packets()
        try:
            words = self._followed(self._source)
        except Exception as error:  # the picture goes on in any case
            _log.error("the sound of %s", self._choice.name, exc_info=error)
            words = f"{self._choice.name}: its sound is not heard: {error}"
        if words is not None:
            self._listeners.tell(Note(words=words))

    def _add(self, word: str) -> str:
        config, source = self._config, self._source
        options = LiveSinkOptions(
            overwrite=config.sinks.overwrite, sound=_sound_of(source), exact_size=config.sinks.exact_size
        )
        choice = live_sink(word, options)
        path = Path(word).resolve() if is_recording(word) else None
        running = {one.name for one in self.fan_out.stats() if one.state != "failed"}
        if path is not None and any(path == other for name, other in self._recordings.items() if name in running):
            raise SinkError("two recordings cannot go into one file")
        sink = choice.make(config.picture.width, config.picture.height, self._rate)
        self.fan_out.add(
            choice.name, sink, bound=choice.bound, drains=choice.drains, reconnects=choice.reconnects,
            packets=choice.packets,
        )  # fmt: skip
        if path is not None:
            self._recordings[choice.name] = path
        return choice.name

    def wanted_rate(self, arriving: float | None) -> float:
        """Frames a second that the session should reach, given those that come from the source.

        A camera may give fewer than it says, for want of light; a file that gives fewer is waited for.
        """
        picture = self._config.picture
        rates = [rate for rate in (picture.fps or picture.adaptive_fps, self._rate) if rate]
        if arriving and (self._choice.reconnects or not rates):
            rates.append(arriving / picture.every)
        return float(min(rates, default=_USUAL_RATE))

    @property
    def _rate(self) -> Fraction | None:
        """Frames a second that come, about; None where nobody knows."""
        return self._source.rate / self._config.picture.every if self._source.rate else None


def _sound_of(source: TransformedSource) -> Stream | None:
    """The first audio track of a file, for recordings; None for sources without."""
    return next((track for track in getattr(source.inner, "tracks", ()) if track.type == "audio"), None)
