"""How far two automations are apart at any time: looked at where either bends, and within eased ways where they turn.

Times are whole numbers of a unit that all keyframes share, so that nothing is lost over a night's length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from stylefader.realtime.automation.keyframes import Keyframe


def ticks(*automations: Sequence[Keyframe]) -> list[list[int]]:
    """The times of each one's keyframes as whole numbers of one unit."""
    shared = math.lcm(*{keyframe.time.denominator for keyframes in automations for keyframe in keyframes})
    return [
        [keyframe.time.numerator * (shared // keyframe.time.denominator) for keyframe in keyframes]
        for keyframes in automations
    ]


def largest_difference(first: Sequence[Keyframe], second: Sequence[Keyframe]) -> float:
    """The most that any column of two automations differs at any time, also before and after their keyframes."""
    first_times, second_times = ticks(first, second)
    times = sorted({*first_times, *second_times})
    ways = _Ways(first, first_times), _Ways(second, second_times)
    most = max(_apart(first[0].values, second[0].values), _apart(first[-1].values, second[-1].values))
    for start, end in pairwise(times):
        one, other = ways[0].part(start, end), ways[1].part(start, end)
        most = max(most, *(_apart(one.values(s), other.values(s)) for s in (0.0, 1.0, *_turns(one, other))))
    return most


class _Part(NamedTuple):
    """A part of the way between two keyframes, where u goes from u_start to u_end. s: from 0 to 1 along this part."""

    start: tuple[float, ...]
    change: tuple[float, ...]
    smooth: bool = False
    u_start: float = 0.0
    u_end: float = 0.0

    def values(self, s: float) -> list[float]:
        u = self.u_start + s * (self.u_end - self.u_start)
        if self.smooth:
            u = u * u * (3 - 2 * u)
        return [start + u * change for start, change in zip(self.start, self.change, strict=True)]


class _Ways:
    """The ways from each keyframe to the next, asked for in time order."""

    def __init__(self, keyframes: Sequence[Keyframe], times: list[int]) -> None:
        self._keyframes, self._times = keyframes, times
        self._next = 0

    def part(self, start: int, end: int) -> _Part:
        """The part between two times, neither of which has a keyframe behind it before the other."""
        while self._next < len(self._times) and self._times[self._next] <= start:
            self._next += 1
        before = self._keyframes[max(self._next - 1, 0)]
        still = (0.0,) * len(before.values)
        if not 0 < self._next < len(self._times) or before.ease == "hold":
            return _Part(before.values, still)
        after = self._keyframes[self._next]
        begin, length = self._times[self._next - 1], self._times[self._next] - self._times[self._next - 1]
        start_values, end_values = _as_wide(before.values, after.values)
        change = tuple(b - a for a, b in zip(start_values, end_values, strict=True))
        return _Part(start_values, change, before.ease == "smooth", (start - begin) / length, (end - begin) / length)


def _apart(first: Sequence[float], second: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(*_as_wide(tuple(first), tuple(second)), strict=True))


def _as_wide(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """One value counts for all columns."""
    return (first * len(second) if len(first) == 1 else first), (second * len(first) if len(second) == 1 else second)


def _turns(one: _Part, other: _Part) -> list[float]:
    """Where within a part the difference of two may turn: it is a cubic there, known by four of its values."""
    if not (one.smooth or other.smooth):
        return []
    turns = []
    sides = [_as_wide(tuple(one.values(s)), tuple(other.values(s))) for s in (0.0, 1 / 3, 2 / 3, 1.0)]
    for column in range(len(sides[0][0])):
        f = [first[column] - second[column] for first, second in sides]
        slope = (-11 * f[0] + 18 * f[1] - 9 * f[2] + 2 * f[3]) / 2
        bend = 4.5 * (2 * f[0] - 5 * f[1] + 4 * f[2] - f[3])
        cubic = 4.5 * (-f[0] + 3 * f[1] - 3 * f[2] + f[3])
        turns += [s for s in _roots(3 * cubic, 2 * bend, slope) if 0 < s < 1]
    return turns


def _roots(a: float, b: float, c: float) -> list[float]:
    """Where a s^2 + b s + c is 0."""
    inside = b * b - 4 * a * c
    if inside < 0 or a == b == 0:
        return []
    if a == 0:
        return [-c / b]
    q = -(b + math.copysign(math.sqrt(inside), b)) / 2
    return [q / a, *([c / q] if q else [])]
