"""Sound in a live session: what an input or the playing file adds to alpha now. A part of `Modulators`.

Whoever listens publishes what it heard as one immutable value; the alpha desk reads the newest and never waits.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from stylefader.realtime.controls.mapping.mapping import Mapping
from stylefader.realtime.controls.mapping.sound_section import BANDS, SoundMap
from stylefader.realtime.parameters.parameter import Layout
from stylefader.realtime.sound.bands import SILENCE_DB, Floats
from stylefader.realtime.sound.envelope import offsets

SoundState = Literal["opening", "running", "lost"]
HOLD_S = 1.0
"""For how long a level that was reached is shown."""
_log = logging.getLogger(__name__)


class Heard(NamedTuple):
    """Where mappings stand, together with the mappings, so that an edit of the file never mixes two."""

    maps: tuple[SoundMap, ...] = ()
    values: Floats = np.zeros(0)


@dataclass(frozen=True, kw_only=True)
class SoundReading:
    """What is heard at a moment. levels_db: by the name of the band, the highest of the last second.

    lost: samples that came faster than they were measured.
    """

    state: SoundState
    levels_db: tuple[tuple[str, float], ...]
    lost: int


class LiveSound(ABC):
    """Made, running after `start`, over after `close`; `close` twice is harmless.

    name: for people. state: `lost` while nothing comes. error: what ended its thread.
    lost: samples that came faster than they were measured.
    """

    source = "sound"

    def __init__(self, name: str, *, every_s: float) -> None:
        self.name = name
        self._every_s, self._stop = every_s, threading.Event()
        self.state: SoundState = "opening"
        self.error: BaseException | None = None
        self.lost = 0
        self._maps: tuple[SoundMap, ...] = ()

    @abstractmethod
    def start(self) -> None:
        """Begin to listen. Raises ControlError or SourceError where there is nothing to listen to."""

    @abstractmethod
    def close(self) -> None:
        """Listen no more."""

    @abstractmethod
    def step(self) -> None:
        """What its thread does every `every_s` seconds."""

    @abstractmethod
    def _drop(self) -> None:
        """Release what is listened to."""

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every_s):
                self.step()
        except BaseException as error:
            _log.error("%s died", self.name, exc_info=error)
            self.error = error
        finally:
            self._drop()

    @abstractmethod
    def heard(self, at_ns: int) -> Heard:
        """Where the mappings stand at a time in monotonic nanoseconds. Any thread; never waits."""

    @abstractmethod
    def levels(self, now_ns: int) -> Floats:
        """The highest level of each named band over the last `HOLD_S` seconds: dB (bands,). Any thread."""

    def take_over(self, mapping: Mapping) -> None:
        """Go on with the `[[sound]]` of this mapping."""
        self._maps = mapping.sounds

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        """What to add at a time in monotonic nanoseconds: float64 (layout.size,). Any thread; never waits."""
        heard = self.heard(at_ns)
        return offsets(heard.maps, heard.values, layout)

    def reading(self, now_ns: int | None = None) -> SoundReading:
        """State and levels at a time in monotonic nanoseconds, now where None. Any thread; changes nothing."""
        levels = self.levels(time.monotonic_ns() if now_ns is None else now_ns).tolist()
        bands = tuple((name, round(max(level, SILENCE_DB), 1)) for name, level in zip(BANDS, levels, strict=True))
        return SoundReading(state=self.state, levels_db=bands, lost=self.lost)


def highest(levels: Sequence[Floats]) -> Floats:
    """The highest level of each named band in levels of dB (n, bands, 3); silence where there are none."""
    each = [part[:, : len(BANDS), -1].max(axis=0) for part in levels if len(part)]
    return np.max(each, axis=0) if each else np.full(len(BANDS), SILENCE_DB)
