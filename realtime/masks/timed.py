"""Masks that change at times of the clip, as a render of a take has them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stylefader.realtime.masks.base import Mask, MaskChoice, MaskSource, notes_of
from stylefader.realtime.masks.inverted import turned
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Parameter, Values


@dataclass(frozen=True, kw_only=True)
class TimedChoice:
    """From a time of the clip on, in seconds, a source of masks, or none: all is inside.

    began: when that source began, from which it counts its own time. off, inverted: see `MaskUse`.
    """

    time: Fraction
    began: Fraction
    choice: MaskChoice | None
    off: bool = False
    inverted: bool = False


class TimedMask:
    """A source of masks (`MaskSource`) that is one after another. Before the first time the first one counts.

    Args:
        choices: In the order of their times, one at least.
        height: Of the masks, in pixels.
        width: Of the masks, in pixels.
        moved: Names of parameters that somebody moves. Others stand in each choice where it says.

    Raises:
        StylefaderError: One of them cannot be opened, which is tried at once.
    """

    def __init__(
        self, choices: Sequence[TimedChoice], height: int, width: int, *, moved: Set[str] = frozenset()
    ) -> None:
        self._choices, self._size, self._moved = tuple(choices), (height, width), moved
        self._times = [one.time for one in choices]
        self._notes: list[str] = []  # of those that are over
        self._place: int | None = None
        self._source: MaskSource | None = None
        for choice in {id(one.choice): one.choice for one in choices}.values():
            if choice is not None:
                choice.open(height, width).close()

    @property
    def notes(self) -> list[str]:
        """Those of all that have played so far."""
        return [*self._notes, *notes_of(self._source)]

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask | None:
        """What the choice of that time gives; None where all is inside."""
        now = self._at(max(0, bisect_right(self._times, time) - 1))
        if self._source is None or now.choice is None or now.off:
            return None
        still = {
            one.name: np.array(one.default, np.float32)
            for one in now.choice.parameters if one.name not in self._moved
        }  # fmt: skip
        mask = self._source.mask(image, time - now.began, {**values, **still})
        return turned(mask, *self._size) if now.inverted else mask

    def close(self) -> None:
        """Close what is open; harmless twice."""
        self._notes = self.notes
        source, self._source, self._place = self._source, None, None
        if source is not None:
            source.close()

    def _at(self, place: int) -> TimedChoice:
        """The choice of that place, whose source is open."""
        now = self._choices[place]
        if place != self._place:
            before = None if self._place is None else self._choices[self._place]
            if before is None or (before.choice, before.began) != (now.choice, now.began):
                self.close()
                self._source = None if now.choice is None else now.choice.open(*self._size)
            self._place = place
        return now


def parameters_of_choices(choices: Sequence[MaskChoice | None]) -> tuple[Parameter, ...]:
    """All that any of them has to be moved; what several have begins as the first of them says."""
    found: dict[str, Parameter] = {}
    for choice in choices:
        for one in () if choice is None else choice.parameters:
            found.setdefault(one.name, one)
    return tuple(found.values())
