"""Fewer keyframes for the same automation, nowhere further from it than a tolerance.

From each keyframe that stays, one straight way goes as far as it can: the slopes that pass every keyframe within the
tolerance are a cone that narrows from keyframe to keyframe, and where nothing is left of it the way ends (the swing
filter of Elmeleegy et al., PVLDB 2, 2009). Each keyframe is looked at once, or twice where a way ends before it, so a
night's take of a frame a row takes seconds. Where a value jumps by more than the tolerance it goes on jumping, where it
holds until then it holds, and eased ways that are not nearly straight stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from stylefader.realtime.automation.automation_file import with_keyframes
from stylefader.realtime.automation.csv_file import AutomationFile
from stylefader.realtime.automation.difference import ticks
from stylefader.realtime.automation.keyframes import Ease, Keyframe

Row = tuple[float, ...]
_BOW = math.sqrt(3) / 18
"""How far a smooth way is from the straight one, for a change of 1: the most that 3u^2 - 2u^3 - u comes to."""
_SPARE = 1e-9
"""Of the tolerance: for what is lost in rounding."""


class _Node(NamedTuple):
    """A time with a keyframe, or several: the values just before it and from it on, and how it goes on.

    time: in whole ticks. first, last: places of its keyframes.
    """

    time: int
    before: Row
    after: Row
    ease: Ease
    first: int
    last: int


class _Kept(NamedTuple):
    """A keyframe that stays. place: which one of before it was."""

    place: int
    values: Row
    ease: Ease


def thin(file: AutomationFile, tolerance: float) -> AutomationFile:
    """The same automation with as few keyframes as a walk along it needs; comments stand before what follows them.

    tolerance: the most that any value may differ at any time, 0 or more.
    """
    keyframes = file.automation.keyframes
    kept = _Thinning(_nodes(keyframes), tolerance * (1 - _SPARE)).run()
    while len(kept) > 1 and kept[-1].values == kept[-2].values:  # after the last one its values hold
        del kept[-1]
    while len(kept) > 1 and kept[0].values == kept[1].values:  # before the first one as well
        del kept[0]
    places = [entry.place for entry in kept]
    return with_keyframes(
        file,
        [Keyframe(time=keyframes[entry.place].time, values=entry.values, ease=entry.ease) for entry in kept],
        places,
    )


def _nodes(keyframes: Sequence[Keyframe]) -> list[_Node]:
    (times,) = ticks(keyframes)
    nodes: list[_Node] = []
    for place, keyframe in enumerate(keyframes):
        if place and times[place] == times[place - 1]:
            nodes[-1] = nodes[-1]._replace(after=keyframe.values, ease=keyframe.ease, last=place)
            continue
        holds = bool(nodes) and nodes[-1].ease == "hold"
        before = nodes[-1].after if holds else keyframe.values
        nodes.append(_Node(times[place], before, keyframe.values, keyframe.ease, place, place))
    return nodes


class _Thinning:
    def __init__(self, nodes: list[_Node], tolerance: float) -> None:
        self._nodes, self._tolerance = nodes, tolerance
        self._kept: list[_Kept] = []

    def run(self) -> list[_Kept]:
        nodes = self._nodes
        values = nodes[0].before
        if not self._near(values, nodes[0].after):
            self._keep(nodes[0].first, values, "linear")
            values = nodes[0].after
        place = 0
        while place < len(nodes) - 1:
            place, values = self._go_on(place, values)
        self._keep(nodes[place].last, values, "linear")
        return self._kept

    def _go_on(self, place: int, values: Row) -> tuple[int, Row]:
        """Keep a keyframe at a node with these values, and go as far as one way goes: the next node and its values."""
        nodes = self._nodes
        node = nodes[place]
        spare = self._spare(place)
        if spare is None or not self._near(values, node.after, spare):
            self._keep(node.last, values, "smooth")
            return self._arrive(place + 1, nodes[place + 1].before)
        cone = [(-math.inf, math.inf)] * len(values)
        end = place
        while True:
            narrowed = self._narrowed(cone, node, values, nodes[end + 1].time, nodes[end + 1].before, spare)
            if end > place and narrowed is not None:
                narrowed = self._narrowed(narrowed, node, values, nodes[end].time, nodes[end].after, spare)
            if narrowed is None:
                break
            cone, end = narrowed, end + 1
            if end == len(nodes) - 1:
                break
            spare = self._spare(end)
            if spare is None:
                break
        assert end > place, "the next node can always be reached"
        return self._end(place, values, end, cone)

    def _end(self, place: int, values: Row, end: int, cone: list[tuple[float, float]]) -> tuple[int, Row]:
        """Close a way: to the values of before where the cone allows it, else as near as it does."""
        start, stop = self._nodes[place], self._nodes[end]
        jumps = not self._near(stop.before, stop.after)
        stays = all(low <= 0 <= high for low, high in cone)
        if stays and (jumps or (end == len(self._nodes) - 1 and self._near(values, stop.after))):
            self._keep(start.last, values, "hold" if jumps else "linear")
            return end, stop.after if jumps else values
        self._keep(start.last, values, "linear")
        length = stop.time - start.time
        wanted = stop.before if jumps else stop.after
        reached = tuple(
            _within(aim, begin, length, slopes) for aim, begin, slopes in zip(wanted, values, cone, strict=True)
        )
        return self._arrive(end, reached)

    def _arrive(self, place: int, values: Row) -> tuple[int, Row]:
        """At a node with these values: go on from it, or jump to where it goes on."""
        node = self._nodes[place]
        if self._near(values, node.after):
            return place, values
        self._keep(node.first, values, "linear")
        return place, node.after

    def _spare(self, place: int) -> float | None:
        """What is left of the tolerance along the way from a node; None where that is eased too much to be straight."""
        node = self._nodes[place]
        if node.ease != "smooth":
            return self._tolerance
        bow = _BOW * max(abs(b - a) for a, b in zip(node.after, self._nodes[place + 1].before, strict=True))
        return None if bow > self._tolerance / 2 else self._tolerance - bow

    def _narrowed(
        self, cone: list[tuple[float, float]], start: _Node, values: Row, time: int, through: Row, spare: float
    ) -> list[tuple[float, float]] | None:
        """The slopes that pass within `spare` of some values at a time as well; None where there are none."""
        length = time - start.time
        narrowed = []
        for (low, high), begin, aim in zip(cone, values, through, strict=True):
            low, high = max(low, (aim - spare - begin) / length), min(high, (aim + spare - begin) / length)
            if low > high:
                return None
            narrowed.append((low, high))
        return narrowed

    def _near(self, first: Row, second: Row, spare: float | None = None) -> bool:
        within = self._tolerance if spare is None else spare
        return all(abs(a - b) <= within for a, b in zip(first, second, strict=True))

    def _keep(self, place: int, values: Row, ease: Ease) -> None:
        self._kept.append(_Kept(place, values, ease))


def _within(aim: float, begin: float, length: float, slopes: tuple[float, float]) -> float:
    """A value at the end of a way of these slopes: the one aimed at, else one near it, of few digits where it can be.

    Whatever comes back, its own slope is one of them, or the nearest that rounding leaves.
    """
    slope = (aim - begin) / length
    if slopes[0] <= slope <= slopes[1]:
        return aim
    nearest = begin + length * min(max(slope, slopes[0]), slopes[1])
    for digits in (4, 6, 9):
        for step in (0.0, 10.0**-digits, -(10.0**-digits)):
            short = round(nearest + step, digits)
            if slopes[0] <= (short - begin) / length <= slopes[1]:
                return short
    return nearest
