"""The capture thread: takes frames from a live source as they come and leaves the newest, unconverted, in a mailbox.

A source that fails is opened again, first after 0.5 s and then after twice as long each time, up to 8 s. The mailbox is
empty meanwhile; the sinks keep the last picture.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.events import SourceBack, SourceLost, SourceNote, Tell, untold
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.rates import RateMeter
from stylefader.realtime.sources.base import LostError, Packet, Source
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.training.errors import SourceError

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
_JOIN_S = 2.0

_log = logging.getLogger(__name__)

State = Literal["opening", "running", "lost", "ended", "failed"]


@dataclass
class CaptureCounts:
    """captured: frames that the source gave; skipped: those left out by `every`; losses: how often it broke.

    rate: of the frames that the source gave.
    """

    captured: int = 0
    skipped: int = 0
    losses: int = 0
    rate: RateMeter = field(default_factory=RateMeter)


class Capture:
    """Runs one source at a time: `first`, which is open, and then those that `make` makes.

    every: process only every Nth frame. reconnects: open it again when it breaks or ends; else its end is the end.
    tell: gets what people should know. `state` is `lost` between a break and the next frame; `error` says why it was
    lost or failed. put_packet: gets the packets of the other tracks of a file. counts: go on counting where another
    capture ended; frames are numbered by it, whichever opening they come from.
    """

    def __init__(
        self,
        make: Callable[[], Source],
        mailbox: NewestMailbox[Frame | LazyFrame],
        *,
        name: str,
        reconnects: bool,
        first: Source | None = None,
        every: int = 1,
        put_packet: Callable[[Packet], None] = lambda packet: None,
        counts: CaptureCounts | None = None,
        tell: Tell = untold,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = name
        self.counts = counts or CaptureCounts()
        self.state: State = "opening"
        self.error: SourceError | None = None
        self.notes: list[str] = []
        self._make, self._mailbox = make, mailbox
        self._reconnects, self._every, self._tell_of, self._now_ns = reconnects, every, tell, now_ns
        self._first, self._put_packet = first, put_packet
        self._notes_seen = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._run, name="live-capture", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = _JOIN_S) -> bool:
        """End the source and the thread; whether it ended in time. Harmless twice."""
        self._stop.set()
        with self._lock:
            source = self._source
        if source is not None:
            with suppress(Exception):  # it is being used by its own thread, which sees to errors
                source.close()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def over(self) -> bool:
        """Whether no more frames will come."""
        return self.state in ("ended", "failed")

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            before = self.counts.captured
            error: SourceError | None = None
            why = "it ended"
            try:
                self._once()
            except SourceError as problem:
                error, why = problem, problem.why if isinstance(problem, LostError) else str(problem)
            except Exception as problem:  # a driver's or a library's; the show goes on
                why = f"{type(problem).__name__}: {problem}"
                error = SourceError(f"{self.name} broke: {why}", failure=True)
                error.__cause__ = problem
            if self._stop.is_set():
                return
            if error is not None:
                _log.warning("source %s", self.name, exc_info=error)
            self.error = error
            if not self._reconnects:
                self.state = "failed" if error else "ended"
                self._mailbox.wake()
                return
            if self.counts.captured > before:
                wait_s = FIRST_WAIT_S
            if self.state != "lost":
                self.counts.losses += 1
                self._tell_of(SourceLost(source=self.name, why=why))
            self.state = "lost"
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _once(self) -> None:
        """Take frames from one opening of the source until its end. Raises SourceError."""
        source, self._first = self._first, None
        fresh = source is None
        if source is None:
            source = self._make()
        try:
            with self._lock:
                self._source = source  # before it is open: `stop` ends an opening that hangs, too
            if self._stop.is_set():
                return
            if fresh:
                source.open()
            self._notes_seen = 0
            self._tell_notes(source)
            for thing in source.lazy_frames_and_packets():
                if self._stop.is_set():
                    return
                if len(source.notes) != self._notes_seen:
                    self._tell_notes(source)
                if isinstance(thing, LazyFrame):
                    self._take(thing)
                else:
                    self._put_packet(thing)
            self._tell_notes(source)
        finally:
            with self._lock:
                self._source = None
            source.close()

    def _take(self, frame: LazyFrame) -> None:
        if self.state != "running":
            if self.state == "lost":
                self._tell_of(SourceBack(source=self.name))
            self.state = "running"
        number = self.counts.captured
        self.counts.captured += 1
        self.counts.rate.count(self._now_ns())
        if number % self._every:
            self.counts.skipped += 1
        else:
            self._mailbox.put(replace(frame, index=number))

    def _tell_notes(self, source: Source) -> None:
        """Pass on new notes of the source: at its opening, while it plays, and at its end."""
        notes = list(source.notes)
        self._notes_seen = len(notes)
        for note in notes:
            if note not in self.notes:
                self.notes.append(note)
                self._tell_of(SourceNote(source=self.name, note=note))
