"""A MIDI file's automation as keyframes, to be edited: the desk's own curve, drawn in straight lines."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

from realtime.automation import Keyframe, Sheet
from realtime.automation_sheet import sheet_of
from realtime.automation_thinning import thin
from realtime.desk import MIDI_SMOOTHING
from realtime.midi_automation import MidiAutomation

LEAST_TOLERANCE = 1e-4
_DIGITS = 6
_REST = 25
"""Time constants until alpha has come to rest: two stages are then within 1e-9 of their target."""


def midi_sheet(automation: MidiAutomation, n_blocks: int, tolerance: float) -> Sheet:
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
    for start, end in pairwise(ends):
        moving = min(end - start, rest)
        pieces = math.ceil(moving / step)
        times = [start + moving * piece / pieces for piece in range(pieces)]
        for time in [*times, *([start + rest] if moving < end - start else [])]:
            alphas = automation.alpha(time, n_blocks)
            keyframes.append(Keyframe(time=time, alpha=tuple(round(float(alpha), _DIGITS) for alpha in alphas)))
    keyframes.append(
        Keyframe(time=ends[-1], alpha=tuple(round(float(a), _DIGITS) for a in automation.alpha(ends[-1], n_blocks)))
    )
    if all(len(set(keyframe.alpha)) == 1 for keyframe in keyframes):
        keyframes = [Keyframe(time=keyframe.time, alpha=keyframe.alpha[:1]) for keyframe in keyframes]
    return thin(sheet_of(keyframes, origin=automation.origin), tolerance / 2 - 10.0**-_DIGITS)
