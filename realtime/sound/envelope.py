"""From levels of bands to what they move: floor and ceiling, attack and release, and what each `[[sound]]` adds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stylefader.realtime.controls.mapping.sound_section import BANDS, CHANNELS, SoundMap
from stylefader.realtime.parameters.curves import CURVES
from stylefader.realtime.parameters.parameter import Layout
from stylefader.realtime.sound.bands import Band, Floats

_STILL = 1e-6
"""What falls below this has ended: silence adds nothing at all."""


def bands_of(maps: Sequence[SoundMap]) -> list[Band]:
    """The bands to measure: the named ones, for people to see, and then one a mapping."""
    return [*BANDS.values(), *(entry.band for entry in maps)]


class Envelopes:
    """Follows the levels that a meter of `bands_of(maps)` gives every `step_s` seconds.

    A level at the floor is 0, one at the ceiling 1, evenly in dB between them, then bent by the mapping's curve. What
    this comes to is followed with the mapping's time constants, of attack upwards and of release downwards: after one
    of them 63 % of the way is gone, after three 95 %. `values`: float64 (mappings,), where they stand.
    """

    def __init__(self, maps: Sequence[SoundMap], step_s: float, values: Sequence[float] = ()) -> None:
        self.maps = tuple(maps)
        self.values = np.zeros(len(maps))
        self.values[: len(values)] = list(values)[: len(maps)]
        self._up = [_share(entry.attack, step_s) for entry in maps]
        self._down = [_share(entry.release, step_s) for entry in maps]

    def follow(self, levels: Floats) -> Floats:
        """Pass levels, dB (n, bands, 3), and give `values` after each: (n, mappings)."""
        passed = np.empty((len(levels), len(self.maps)))
        for place, entry in enumerate(self.maps):
            heard = levels[:, len(BANDS) + place, CHANNELS.index(entry.channel)]
            wanted = ((heard - entry.floor) / (entry.ceiling - entry.floor)).clip(0, 1)
            curve = CURVES[entry.curve].there
            up, down, value = self._up[place], self._down[place], float(self.values[place])
            for number, there in enumerate(wanted.tolist()):
                there = curve(there)
                value += (there - value) * (up if there > value else down)
                if value < _STILL and not there:
                    value = 0.0
                passed[number, place] = value
            self.values[place] = value
        return passed


def offsets(maps: Sequence[SoundMap], values: Floats, layout: Layout) -> npt.NDArray[np.float64]:
    """What mappings that stand at `values` add to the parameters: float64 (layout.size,)."""
    total = np.zeros(layout.size)
    for entry, value in zip(maps, values.tolist(), strict=True):
        place = layout.place(entry.moves)
        if place is not None:
            total[place] += entry.depth * value
    return total


def _share(time_constant_s: float, step_s: float) -> float:
    """How much of the way is gone in a step."""
    return 1.0 if time_constant_s == 0 else -math.expm1(-step_s / time_constant_s)
