"""LFOs: parameters that move by themselves, in hertz or in beats, added on top of where the faders stand.

A `[[lfo]]` of the mapping file each. All are functions of the time alone (and, in beats, of the clock): the same time
gives the same values, live as in a render.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stylefader.realtime.parameters.parameter import Layout
from stylefader.realtime.parameters.targets import Target, parse_target
from stylefader.realtime.parameters.tempo import FREE_BPM

_HASH = 0x9E3779B97F4A7C15


def _sine(cycles: float, seed: int) -> float:
    return math.sin(2 * math.pi * cycles)


def _triangle(cycles: float, seed: int) -> float:
    """From the middle up, as the sine."""
    return 1 - 4 * abs((cycles + 0.25) % 1 - 0.5)


def _ramp(cycles: float, seed: int) -> float:
    return 2 * (cycles % 1) - 1


def _square(cycles: float, seed: int) -> float:
    return 1.0 if cycles % 1 < 0.5 else -1.0


def _random(cycles: float, seed: int) -> float:
    """Another value every cycle, which holds."""
    return _drawn(math.floor(cycles), seed)


def _drift(cycles: float, seed: int) -> float:
    """The values of `random`, with a soft way from each to the next."""
    number = math.floor(cycles)
    u = cycles - number
    before, after = _drawn(number, seed), _drawn(number + 1, seed)
    return before + (after - before) * u * u * (3 - 2 * u)


def _drawn(number: int, seed: int) -> float:
    """A value from -1 to 1 that only these two decide (splitmix64's finalizer)."""
    word = ((number + 1) * _HASH ^ seed * 0xD1B54A32D192ED03) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        word = (word ^ word >> shift) * factor % 2**64
    return (word >> 11) / 2**52 - 1


SHAPES: dict[str, Callable[[float, int], float]] = {
    "sine": _sine,
    "triangle": _triangle,
    "ramp": _ramp,
    "square": _square,
    "random": _random,
    "drift": _drift,
}
"""From -1 to 1, by cycles since the start and a seed."""


@dataclass(frozen=True, kw_only=True)
class LfoMap:
    """One LFO; fields as in docs/control.md, of `hertz` and `beats` (a cycle's length) just one. line: in its file."""

    target: str
    shape: str = "sine"
    hertz: float | None = None
    beats: float | None = None
    depth: float = 0.25
    up: bool = False
    phase: float = 0.0
    seed: int = 0
    line: int = 0

    @cached_property
    def moves(self) -> Target:
        """What it moves."""
        target = parse_target(self.target)
        assert target is not None
        return target

    def offset(self, seconds: float, beat: float) -> float:
        """What to add at a time in seconds, and quarter notes, from the start."""
        cycles = seconds * self.hertz if self.hertz is not None else beat / (self.beats or 1)
        wave = SHAPES[self.shape](cycles + self.phase, self.seed)
        return self.depth * ((1 + wave) / 2 if self.up else wave)


def free_beat(bpm: float | None) -> Callable[[int], float]:
    """Beats of a tempo that stays, from 0 at 0 ns; 120 a minute where it is None."""
    return lambda at_ns: at_ns * (bpm or FREE_BPM) / 60e9


class LfoSettings(Protocol):
    """What LFOs take from a mapping."""

    @property
    def lfos(self) -> tuple[LfoMap, ...]:
        """The LFOs, in the file's order."""


class Lfos:
    """The sum of some LFOs: a part of a session's modulation. Any thread may set others.

    beat: quarter notes since the start of the music, by the time in nanoseconds. zero_ns: when seconds begin.
    """

    source = "lfo"

    def __init__(self, lfos: Sequence[LfoMap], *, beat: Callable[[int], float], zero_ns: int = 0) -> None:
        self.lfos = tuple(lfos)
        self._beat, self._zero_ns = beat, zero_ns

    def offsets_at(self, seconds: Fraction, layout: Layout) -> npt.NDArray[np.float64]:
        """The same at a time of a clip, whose start is `zero_ns`."""
        return self.offsets(self._zero_ns + round(seconds * 10**9), layout)

    def take_over(self, mapping: LfoSettings) -> None:
        """Go on with the LFOs of an edited mapping."""
        self.lfos = mapping.lfos

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        """What to add at a time: float64 (layout.size,)."""
        total = np.zeros(layout.size)
        if self.lfos:
            seconds, beat = (at_ns - self._zero_ns) / 1e9, self._beat(at_ns)
            for entry in self.lfos:
                place = layout.place(entry.moves)
                if place is not None:
                    total[place] += entry.offset(seconds, beat)
        return total
