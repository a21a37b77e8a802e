"""A MIDI file's automation as keyframes, to be edited: the desk's own curve, drawn in straight lines."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

from stylefader.realtime.automation.automation_file import sheet_of
from stylefader.realtime.automation.keyframes import AutomationFile, Keyframe
from stylefader.realtime.automation.midi_automation import MidiAutomation, Tell
from stylefader.realtime.automation.thinning import thin
from stylefader.realtime.parameters.alpha_desk import MIDI_SMOOTHING, Alpha

LEAST_TOLERANCE = 1e-4
_DIGITS = 6
_TELL = 2048
_REST = 25
"""Time constants until alpha has come to rest: two stages are then within 1e-9 of their target."""


def midi_sheet(
    automation: MidiAutomation, n_blocks: int, tolerance: float, *, tell: Tell = lambda share: None
) -> AutomationFile:
    """Keyframes from 0 on that are nowhere further than `tolerance` (1e-4 or more) from what a render would take.

    One column where all blocks move together. Half of the tolerance goes into joining samples by straight lines: the
    desk's second derivative is at most 2 ways / (time constant)^2, and a line over a time h is h^2 / 8 of it away. The
    other half goes into leaving samples out.
    """
    assert tolerance >= LEAST_TOLERANCE
    low, high = automation.bounds()
    constant_s = MIDI_SMOOTHING.time_constant_s
    step = Fraction(constant_s * math.sqrt(2 * tolerance / max(high - low, tolerance))).limit_denominator(10**6)
    rest = Fraction(_REST * constant_s).limit_denominator(10**6)
    keyframes = []
    moves = sorted({0, *(move.at_ns for move in automation.moves if move.at_ns > 0)})
    ends = [*(Fraction(at_ns, 10**9) for at_ns in moves), Fraction(moves[-1], 10**9) + rest]
    automation.check_blocks(n_blocks)
    alpha_at = automation.forward()
    for number, (start, end) in enumerate(pairwise(ends)):
        if number % _TELL == 0:
            tell(number / len(ends))
        moving = min(end - start, rest)
        pieces = math.ceil(moving / step)
        times = [start + moving * piece / pieces for piece in range(pieces)]
        for time in [*times, *([start + rest] if moving < end - start else [])]:
            keyframes.append(_keyframe(time, alpha_at(time)))
    keyframes.append(_keyframe(ends[-1], alpha_at(ends[-1])))
    if all(len(set(keyframe.alpha)) == 1 for keyframe in keyframes):
        keyframes = [Keyframe(time=keyframe.time, alpha=keyframe.alpha[:1]) for keyframe in keyframes]
    return thin(sheet_of(keyframes, origin=automation.origin), tolerance / 2 - 10.0**-_DIGITS)


def _keyframe(time: Fraction, alphas: Alpha) -> Keyframe:
    return Keyframe(time=time, alpha=tuple(round(float(alpha), _DIGITS) for alpha in alphas))
