"""The sound of the file that a live session plays: its level at the moment that is shown.

    PacedSource --"this file is at this time"--> [thread "sound-file"] reads the file's track a little ahead
                                                            |
                              alpha desk <-- level at the time asked for

The thread reads the file by itself, so how far a file's sound and picture lie apart in it does not matter. A file that
begins again, and the next one of a folder, are read from their beginning.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stylefader.realtime.controls.mapping.sound_section import BANDS, SoundMap
from stylefader.realtime.sound.bands import SILENCE_DB, BandMeter, Floats
from stylefader.realtime.sound.envelope import Envelopes, bands_of
from stylefader.realtime.sound.live_sound import HOLD_S, Heard, LiveSound, highest
from stylefader.realtime.sound.track import Levels, SoundTrack, open_track
from stylefader.realtime.sources.files.pictures import is_picture
from stylefader.training.errors import SourceError

_EVERY_S = 0.01
_AHEAD_S, _KEPT_S = 0.5, 1.5
_JOIN_S = 2.0


class Shown(NamedTuple):
    """A file, the time in it in seconds, and which beginning of a file it is."""

    path: Path
    clock_zero: Fraction
    seconds: float
    round: int


class Part(NamedTuple):
    """A stretch of a file's sound, and where the mappings stand in it: (n, mappings)."""

    round: int
    times: Floats
    levels: Floats
    maps: tuple[SoundMap, ...]
    values: Floats


class PlayingSound(LiveSound):
    """Told by the source what it shows (`shown`, the capture's thread); asked by the desk. A file without is silent.

    In a session `start` makes the thread that calls `step`; a test calls `step` itself.
    """

    def __init__(self, *, say: Callable[[str], None] = lambda words: None) -> None:
        super().__init__("the file's sound", every_s=_EVERY_S)
        self._say = say
        self._shown: Shown | None = None
        self._parts: tuple[Part, ...] = ()
        self._last = Heard()
        self._round = -1
        self._track: SoundTrack | None = None
        self._levels: Iterator[Levels] | None = None
        self._meter: BandMeter
        self._envelopes: Envelopes
        self._silent: set[Path] = set()
        self._thread = threading.Thread(target=self._run, name="sound-file", daemon=True)

    def start(self) -> None:
        """Start the thread that reads ahead."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and close the file; harmless twice."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        if not self._thread.is_alive():
            self._drop()

    def shown(self, path: Path, clock_zero: Fraction, seconds: Fraction) -> None:
        """The frame of that time of the file, in seconds as players count, is the newest now."""
        before = self._shown
        new = before is None or before.path != path or float(seconds) < before.seconds
        number = 0 if before is None else before.round + new
        self._shown = Shown(path, clock_zero, float(seconds), number)

    def stopped(self) -> None:
        """No file is shown any more: silence."""
        self._shown, self._last = None, Heard()

    def heard(self, at_ns: int) -> Heard:
        """What is added to alpha at the frame that is shown now."""
        shown, parts = self._shown, self._parts
        if shown is None:
            return self._last
        seconds = shown.seconds
        for part in reversed(parts):
            if part.round == shown.round and len(part.times) and part.times[0] <= seconds:
                place = int(np.searchsorted(part.times, seconds, side="right")) - 1
                self._last = Heard(part.maps, part.values[place])
                break
        return self._last  # before the sound of a new round is there, as it was

    def levels(self, now_ns: int) -> Floats:
        """Of the last `HOLD_S` seconds of the file that were shown."""
        shown = self._shown
        if shown is None:
            return np.full(len(BANDS), SILENCE_DB)
        since, until = shown.seconds - HOLD_S, shown.seconds
        parts = [part for part in self._parts if part.round == shown.round]
        return highest([part.levels[(part.times > since) & (part.times <= until)] for part in parts])

    def step(self) -> None:
        """Read on, to a little beyond what is shown. The thread's turn."""
        shown = self._shown
        if shown is None:
            return
        if shown.round != self._round:
            self._begin(shown)
        if self._levels is None:
            return
        parts = deque(self._parts)
        now_s = shown.seconds
        while not self._stop.is_set() and not (
            parts and parts[-1].round == self._round and len(parts[-1].times) and parts[-1].times[-1] > now_s + _AHEAD_S
        ):
            part = self._next(self._levels)
            parts.append(part)
            while parts[0] is not part and (parts[0].round != self._round or _is_past(parts[0], now_s - _KEPT_S)):
                parts.popleft()
            self._parts = tuple(parts)
            newest = self._shown
            if newest is not None and newest.round != self._round:
                return

    def _next(self, levels: Iterator[Levels]) -> Part:
        maps = self._maps
        if maps is not self._envelopes.maps:
            self._meter.set_bands(bands_of(maps))
            self._envelopes = Envelopes(maps, self._meter.step_s, self._envelopes.values.tolist())
        heard = next(levels)
        return Part(self._round, heard.times, heard.levels, maps, self._envelopes.follow(heard.levels))

    def _begin(self, shown: Shown) -> None:
        """From the beginning of the file that is shown."""
        self._drop()
        self._round = shown.round
        maps, last = self._maps, self._last
        values = last.values.tolist() if last.maps is maps else []
        try:
            self._track, self._meter = open_track(shown.path, bands_of(maps), clock_zero=shown.clock_zero)
            self._levels = self._track.levels(self._meter)
            self.state = "running"
        except SourceError as error:
            self._meter = BandMeter(48000, bands_of(maps))
            self._levels = _nothing(self._meter)
            self.state = "lost"
            if shown.path not in self._silent and not is_picture(shown.path):
                self._silent.add(shown.path)
                self._say(f"{error}: silence")
        self._envelopes = Envelopes(maps, self._meter.step_s, values)

    def _drop(self) -> None:
        self._levels = None
        track, self._track = self._track, None
        if track is not None:
            with suppress(Exception):
                track.close()


def _is_past(part: Part, seconds: float) -> bool:
    return not len(part.times) or bool(part.times[-1] < seconds)


def _nothing(meter: BandMeter) -> Iterator[Levels]:
    """Silence for ever."""
    while True:
        first = meter.passed
        levels = meter.feed(np.zeros((meter.rate // 2, 1)))
        times = (meter.middle(first) + np.arange(len(levels)) * float(meter.step)) / meter.rate
        yield Levels(times, levels, False)
