"""Musical time: beats of a MIDI clock, tapped, or counted by themselves.

LFOs ask it which beat it is at a time.

A MIDI clock sends 24 ticks a quarter note, each some milliseconds early or late. Its tempo is the slope of a straight
line through the last two beats of ticks, so that the jitter of one hardly shows. Beats go on at that tempo, and what
they are off the count of ticks is made good little by little: nothing jumps, and nothing adds up.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from stylefader.training.errors import ControlError

TICKS = 24
"""A quarter note."""
SILENT_NS = 2_000_000_000
"""After so long without a message another clock may be followed; the tempo stays."""
LEAST_BPM, MOST_BPM = 10.0, 1000.0
FREE_BPM = 120.0
"""Where neither a MIDI clock nor a mapping gives a tempo."""
AHEAD = 3 / TICKS
"""Beats go no further than that beyond the last tick: they wait for a clock that hangs."""
BEHIND = 0.25
"""And are never further behind it than that: a clock that leaps is followed at once."""
_NS_A_MINUTE = 60e9
_SHARE = 0.12
"""Of what beats are off the count, made good until the next tick."""
_SURE = 7
"""Ticks from which on the slope is the tempo."""
_RECENT, _OTHER = TICKS, 0.15
"""So many intervals that are by so much shorter or longer than the tempo are another tempo."""
_TAPS = 8


class BeatClock:
    """Thread-safe. Without a clock beats run from the time it was made on, at `bpm`.

    Of several clocks the one that is heard first is followed, until it has been silent for 2 s. Before a start or
    stop was heard, ticks alone run the beats, from the beat where they stand.
    """

    def __init__(self, bpm: float = FREE_BPM, *, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._lock = threading.Lock()
        self._now_ns = now_ns
        self._rate = _checked(bpm) / _NS_A_MINUTE  # beats a nanosecond
        # Beats since `_at_ns`: `_beat`, then on at `_rate`, with `_off` added evenly over `_over_ns`.
        self._at_ns, self._beat, self._off, self._over_ns = now_ns(), 0.0, 0.0, 1.0
        self._given = 0.0  # the furthest beat that anyone was told: none is told less
        self._running = True
        self._source: str | None = None
        self._last_source = ""
        self._heard_ns = 0
        self._next: int | None = None  # which tick the next one is; None: the one that fits best
        self._limit = math.inf  # no beat beyond
        self._ticks: deque[int] = deque(maxlen=2 * TICKS + 1)
        self._taps: deque[int] = deque(maxlen=_TAPS)

    @property
    def bpm(self) -> float:
        """Quarter notes a minute."""
        with self._lock:
            return self._rate * _NS_A_MINUTE

    @property
    def running(self) -> bool:
        """Whether beats go on."""
        with self._lock:
            return self._running

    @property
    def source(self) -> str | None:
        """Whose clock is followed; None where there is none."""
        with self._lock:
            self._leave_silent(self._now_ns())
            return self._source

    def beat(self, at_ns: int) -> float:
        """Quarter notes since the start at a time in monotonic nanoseconds. Goes back at a start or position only."""
        with self._lock:
            self._leave_silent(at_ns)
            self._given = max(self._given, self._place(at_ns))
            return self._given

    def set_tempo(self, bpm: float, at_ns: int) -> bool:
        """Run freely at that tempo; False where a clock is followed. Raises ControlError for no tempo."""
        rate = _checked(bpm) / _NS_A_MINUTE
        with self._lock:
            self._leave_silent(at_ns)
            if self._source is not None:
                return False
            self._settle(at_ns)
            self._rate, self._running = rate, True
            return True

    def tap(self, at_ns: int) -> bool:
        """A tap on the beat: from the second on they give the tempo. False where a clock is followed."""
        with self._lock:
            self._leave_silent(at_ns)
            if self._source is not None:
                self._taps.clear()
                return False
            if self._taps and not 0 < at_ns - self._taps[-1] <= SILENT_NS:
                self._taps.clear()
            self._taps.append(at_ns)
            self._settle(at_ns)
            self._running = True
            if len(self._taps) >= 2:
                self._rate = _bounded(1 / max(_slope(self._taps), 1.0))
                self._off, self._over_ns = round(self._beat) - self._beat, 1 / self._rate
            return True

    def tick(self, at_ns: int, source: str = "midi") -> None:
        """A timing clock message (0xF8)."""
        with self._lock:
            if not self._follows(source, at_ns):
                return
            at_ns = max(at_ns, self._ticks[-1]) if self._ticks else at_ns
            place = self._place(at_ns)
            self._ticks.append(at_ns)
            if not self._running:
                self._learn_tempo()
                return
            if self._next is None:
                self._next = round(place * TICKS)
            count, self._next = self._next / TICKS, self._next + 1
            self._at_ns, self._beat, self._limit = at_ns, max(place, count - BEHIND), count + AHEAD
            self._learn_tempo()
            self._over_ns = 1 / (TICKS * self._rate)
            self._off = _SHARE * (count - self._beat)  # a little slower or faster until the next tick

    def start(self, at_ns: int, source: str = "midi") -> None:
        """From the beginning (0xFA): the next tick is beat 0."""
        with self._lock:
            if self._follows(source, at_ns):
                self._running = True
                self._jump(0, at_ns)

    def resume(self, at_ns: int, source: str = "midi") -> None:
        """Go on where it stands (0xFB)."""
        with self._lock:
            if self._follows(source, at_ns) and not self._running:
                self._running = True
                self._at_ns, self._off = max(at_ns, self._at_ns), 0.0
                self._wait_for_next()

    def stop(self, at_ns: int, source: str = "midi") -> None:
        """Stand still (0xFC)."""
        with self._lock:
            if self._follows(source, at_ns):
                self._settle(at_ns)
                self._running = False

    def position(self, sixteenths: int, at_ns: int, source: str = "midi") -> None:
        """Song position (0xF2), in sixteenth notes: the next tick is there."""
        with self._lock:
            if self._follows(source, at_ns):
                self._jump(max(sixteenths, 0) * TICKS // 4, at_ns)

    def _follows(self, source: str, at_ns: int) -> bool:
        """Whether it is this clock that counts."""
        self._leave_silent(at_ns)
        if self._source is None:
            self._settle(at_ns)
            if self._running or source != self._last_source:  # else it is the one that stopped, and may go on
                self._running, self._next = True, None
            self._source = self._last_source = source
            self._ticks.clear()
            self._taps.clear()
        if self._source != source:
            return False
        self._heard_ns = max(self._heard_ns, at_ns)
        return True

    def _leave_silent(self, at_ns: int) -> None:
        """Stop following a clock that is gone; beats go on from where they are, unless it had stopped."""
        if self._source is not None and at_ns - self._heard_ns >= SILENT_NS:
            self._settle(self._heard_ns + SILENT_NS)
            self._source, self._limit = None, math.inf

    def _jump(self, tick: int, at_ns: int) -> None:
        self._next = tick
        self._at_ns, self._beat, self._off = max(at_ns, self._at_ns), tick / TICKS, 0.0
        self._given = self._beat
        self._wait_for_next()

    def _wait_for_next(self) -> None:
        """Stand where the next tick is, until it comes."""
        if self._next is not None:
            self._limit = self._next / TICKS

    def _settle(self, at_ns: int) -> None:
        """Go on from here."""
        self._beat = self._place(at_ns)
        self._at_ns, self._off = max(at_ns, self._at_ns), 0.0

    def _place(self, at_ns: int) -> float:
        passed = at_ns - self._at_ns
        if not self._running or passed <= 0:
            return self._beat
        place = self._beat + self._rate * passed + self._off * min(1.0, passed / self._over_ns)
        return min(place, max(self._beat, self._limit))

    def _learn_tempo(self) -> None:
        ticks = self._ticks
        if len(ticks) > _RECENT + 1:
            recent = (ticks[-1] - ticks[-1 - _RECENT]) / _RECENT
            if abs(recent * TICKS * self._rate - 1) > _OTHER:  # another tempo: what was before says nothing
                for _ in range(len(ticks) - _RECENT - 1):
                    ticks.popleft()
        if len(ticks) >= _SURE:
            self._rate = _bounded(1 / (TICKS * max(_slope(ticks), 1.0)))


def _checked(bpm: float) -> float:
    if not LEAST_BPM <= bpm <= MOST_BPM:
        raise ControlError(f"a tempo is from {LEAST_BPM:g} to {MOST_BPM:g} beats a minute, not {bpm}")
    return bpm


def _bounded(rate: float) -> float:
    return min(max(rate, LEAST_BPM / _NS_A_MINUTE), MOST_BPM / _NS_A_MINUTE)


def _slope(times_ns: Sequence[int]) -> float:
    """Nanoseconds from one to the next, by least squares."""
    middle, first = (len(times_ns) - 1) / 2, times_ns[0]
    above = sum((place - middle) * (at_ns - first) for place, at_ns in enumerate(times_ns))
    return above / sum((place - middle) ** 2 for place in range(len(times_ns)))
