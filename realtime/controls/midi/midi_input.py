"""One MIDI input while it is open: its mido messages become events in the MIDI library's thread, which called us.

No other thread of ours has to wake up for a message, so it reaches the alpha desk at once. The state of decoding is
under a lock of the port. If a controller sends more than `MOST_A_SECOND` messages, only the newest value of each of its
controls is used; `flush` gives it from another thread some milliseconds later. The last value is never lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from mido import Message

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.midi.decoder import Decoder

MOST_A_SECOND = 2000
"""Twice what a MIDI cable can carry."""
SWITCH_S = 0.0005
"""For `sys.setswitchinterval`: how long another thread of Python may go on while a message waits for its turn."""
_AT_ONCE = 64
_MOST_LATE = 1024
_NS = 1_000_000_000
_TIME = ("clock", "start", "continue", "stop", "songpos")


class TakesTime(Protocol):
    """`BeatClock`, as far as MIDI knows it."""

    def tick(self, at_ns: int, source: str = ...) -> None:
        """A clock message came, of which a quarter note has 24."""

    def start(self, at_ns: int, source: str = ...) -> None:
        """Beat 0 is at the next tick."""

    def resume(self, at_ns: int, source: str = ...) -> None:
        """Go on from where the clock was stopped."""

    def stop(self, at_ns: int, source: str = ...) -> None:
        """The clock was stopped."""

    def position(self, sixteenths: int, at_ns: int, source: str = ...) -> None:
        """Go to a position in the song, in sixteenths from its beginning."""


class MidiInput:
    """`take` is the callback of a mido input; `flush` comes from whoever is woken by `wake`, until `busy` is over.

    receive: told every event, from either thread, one at a time. failed: told what it raised.
    """

    def __init__(
        self,
        name: str,
        receive: Callable[[ControlEvent], None],
        *,
        clock: TakesTime | None,
        now_ns: Callable[[], int],
        wake: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.name = name
        self.coalesced = 0
        self._receive, self._clock, self._now_ns = receive, clock, now_ns
        self._wake, self._failed = wake, failed
        self._lock = threading.Lock()  # over all below
        self._decoder = Decoder(name)
        self._late: dict[tuple[str, int, int], ControlEvent] = {}
        self._full_ns = 0  # when as many messages as may come at once may come again
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether `flush` will have something to give."""
        return bool(self._late) or self._decoder.waits

    def take(self, message: Message, at_ns: int | None = None) -> None:
        """A message that came, now or then. Never raises: the MIDI library's thread could tell nobody."""
        at_ns = self._now_ns() if at_ns is None else at_ns
        try:
            if message.type in _TIME:
                self._take_time(message, at_ns)
                return
            with self._lock:
                if self._closed:
                    return
                late = self._is_flood(at_ns)
                for control in self._decoder.feed(message, at_ns):
                    self._give(control, late=late)
                busy = self.busy
            if busy:
                self._wake()
        except BaseException as error:
            self._failed(error)

    def flush(self) -> None:
        """Give what was coalesced, and coarse halves that waited long enough for their fine ones."""
        if not self.busy:
            return
        with self._lock:
            if self._closed:
                return
            late, self._late = self._late, {}
            for control in (*late.values(), *self._decoder.due(self._now_ns())):
                self._hand_on(control)

    def close(self) -> None:
        """After this returns nothing is given any more; later messages are ignored."""
        with self._lock:
            self._closed = True

    def _is_flood(self, at_ns: int) -> bool:
        """Each message fills a bucket of `_AT_ONCE`, which empties at the rate that is allowed."""
        full_ns = max(self._full_ns, at_ns) + _NS // MOST_A_SECOND
        if full_ns - at_ns > _AT_ONCE * _NS // MOST_A_SECOND:
            return True
        self._full_ns = full_ns
        return False

    def _give(self, control: ControlEvent, *, late: bool) -> None:
        if late or self._late:
            key = (control.kind, control.channel, control.number)
            if self._late.pop(key, None) is not None:  # overtaken
                self.coalesced += 1
            if late and len(self._late) < _MOST_LATE:
                self._late[key] = control
                return
        self._hand_on(control)

    def _hand_on(self, control: ControlEvent) -> None:
        """An event that raises does not stop the events after it."""
        try:
            self._receive(control)
        except Exception as error:
            self._failed(error)

    def _take_time(self, message: Message, at_ns: int) -> None:
        clock, kind = self._clock, message.type
        if clock is None or self._closed:
            return
        if kind == "clock":
            clock.tick(at_ns, self.name)
        elif kind == "start":
            clock.start(at_ns, self.name)
        elif kind == "continue":
            clock.resume(at_ns, self.name)
        elif kind == "stop":
            clock.stop(at_ns, self.name)
        else:
            clock.position(message.pos, at_ns, self.name)
