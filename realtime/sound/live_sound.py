"""Sound in a live session: what an input or the playing file adds to alpha now. A part of `Modulators`.

Whoever listens publishes what it heard as one immutable value; the alpha desk reads the newest and never waits.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from stylefader.realtime.controls.mapping.mapping import Mapping
from stylefader.realtime.controls.mapping.sound_section import BANDS, SoundMap
from stylefader.realtime.parameters.parameter import Layout
from stylefader.realtime.sound.bands import SILENCE_DB, Floats
from stylefader.realtime.sound.envelope import offsets

SoundState = Literal["opening", "running", "lost"]


class Heard(NamedTuple):
    """Where mappings stand, together with the mappings, so that an edit of the file never mixes two."""

    maps: tuple[SoundMap, ...] = ()
    values: Floats = np.zeros(0)


class LiveSound(ABC):
    """Made, running after `start`, over after `close`; `close` twice is harmless.

    name: for people. state: `lost` while nothing comes. error: what its thread died of.
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
            self.error = error
        finally:
            self._drop()

    @abstractmethod
    def heard(self, at_ns: int) -> Heard:
        """Where the mappings stand at a time in monotonic nanoseconds. Any thread; never waits."""

    @abstractmethod
    def levels(self) -> Floats:
        """The highest level of each named band since the last call: dB (bands,)."""

    def take_over(self, mapping: Mapping) -> None:
        """Go on with the `[[sound]]` of this mapping."""
        self._maps = mapping.sounds

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        """What to add at a time in monotonic nanoseconds: float64 (layout.size,). Any thread; never waits."""
        heard = self.heard(at_ns)
        return offsets(heard.maps, heard.values, layout)

    def numbers(self) -> dict[str, Any]:
        """State and levels as JSON has them; levels are since the last call. Raises what the thread died of."""
        if self.error is not None:
            raise self.error
        levels = zip(BANDS, self.levels().tolist(), strict=True)
        bands = {name: round(max(level, SILENCE_DB), 1) for name, level in levels}
        return {"state": self.state, **bands, "lost": self.lost}


def highest(levels: Sequence[Floats]) -> Floats:
    """The highest level of each named band in levels of dB (n, bands, 3); silence where there are none."""
    each = [part[:, : len(BANDS), -1].max(axis=0) for part in levels if len(part)]
    return np.max(each, axis=0) if each else np.full(len(BANDS), SILENCE_DB)
