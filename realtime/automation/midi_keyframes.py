"""A MIDI file's automation as keyframes, to be edited: the desk's own curve, drawn in straight lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from stylefader.realtime.automation.csv_file import AutomationFile
from stylefader.realtime.automation.keyframes import Automation, Keyframe
from stylefader.realtime.automation.midi_automation import MidiAutomation, Tell
from stylefader.realtime.automation.thinning import thin
from stylefader.realtime.parameters.alpha_desk import MIDI_SMOOTHING
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.parameters.targets import Target

LEAST_TOLERANCE = 1e-4
_DIGITS = 6
_TELL = 2048
_REST = 25
"""Time constants until alpha has come to rest: two stages are then within 1e-9 of their target."""


def midi_keyframes(automation: MidiAutomation, tolerance: float, *, tell: Tell = lambda share: None) -> AutomationFile:
    """Keyframes from 0 on that are nowhere further than `tolerance` (1e-4 or more) from what a render would take.

    One column for a parameter whose components all move together. Half of the tolerance goes into joining samples by
    straight lines: the desk's second derivative is at most 2 ways / (time constant)^2, and a line over a time h is
    h^2 / 8 of it away. The other half goes into leaving samples out.
    """
    assert tolerance >= LEAST_TOLERANCE
    bounds = [found for parameter in automation.parameters if (found := automation.bounds(parameter.name)) is not None]
    widest = max((high - low for low, high in bounds), default=0.0)
    constant_s = MIDI_SMOOTHING.time_constant_s
    step = Fraction(constant_s * math.sqrt(2 * tolerance / max(widest, tolerance))).limit_denominator(10**6)
    rest = Fraction(_REST * constant_s).limit_denominator(10**6)
    times: list[Fraction] = []
    moves = sorted({0, *(move.at_ns for move in automation.moves if move.at_ns > 0)})
    ends = [*(Fraction(at_ns, 10**9) for at_ns in moves), Fraction(moves[-1], 10**9) + rest]
    rows: list[tuple[float, ...]] = []
    values_at = automation.forward()

    def sample(time: Fraction) -> None:
        values = values_at(time)
        times.append(time)
        rows.append(tuple(round(float(value), _DIGITS) for own in values.values() for value in own))

    for number, (start, end) in enumerate(pairwise(ends)):
        if number % _TELL == 0:
            tell(number / len(ends))
        moving = min(end - start, rest)
        pieces = math.ceil(moving / step)
        for piece in range(pieces):
            sample(start + moving * piece / pieces)
        if moving < end - start:
            sample(start + rest)
    sample(ends[-1])
    columns, kept = _columns(automation.parameters, rows)
    keyframes = [
        Keyframe(time=time, values=tuple(row[place] for place in kept)) for time, row in zip(times, rows, strict=True)
    ]
    file = AutomationFile(automation=Automation(keyframes, columns=columns, origin=automation.origin))
    return thin(file, tolerance / 2 - 10.0**-_DIGITS)


def _columns(parameters: Sequence[Parameter], rows: Sequence[tuple[float, ...]]) -> tuple[list[str], list[int]]:
    """The columns of a file for rows of all components, and which components they are."""
    columns, kept, begin = list[str](), list[int](), 0
    for parameter in parameters:
        own = range(begin, begin + parameter.size)
        begin += parameter.size
        if not own:
            continue
        if all(len({row[place] for place in own}) == 1 for row in rows):
            columns.append(parameter.name)
            kept.append(own[0])
        else:
            columns += [str(Target(parameter.name, component)) for component in range(parameter.size)]
            kept += own
    return columns, kept
