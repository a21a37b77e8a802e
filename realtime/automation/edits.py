"""Automations moved in time, made longer or shorter, stronger or weaker. What a take says in words moves with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from stylefader.realtime.automation.automation_file import with_keyframes
from stylefader.realtime.automation.columns import column_places
from stylefader.realtime.automation.csv_file import AutomationFile, Comment
from stylefader.realtime.automation.keyframes import Keyframe, along
from stylefader.realtime.automation.take_words import TakeWord, take_word
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.training.errors import AutomationError

LARGEST_ERROR = 5e-4
"""How far the straight pieces may be from an eased way that was cut."""
_MOST_PIECES = 10_000
_LATEST = 10**12
_LARGEST_VALUE = 3e38


def shifted(file: AutomationFile, by: Fraction) -> AutomationFile:
    """Everything `by` seconds later, or earlier where it is below 0: what would come before 0 is cut.

    Values at 0 are then what they were at -by. If an eased part is cut, straight pieces replace the rest.
    """
    keyframes = file.automation.keyframes
    moved, places = [], []
    for place, keyframe in enumerate(keyframes):
        following = keyframes[place + 1] if place + 1 < len(keyframes) else None
        if keyframe.time + by >= 0:
            moved.append(replace(keyframe, time=_checked(keyframe.time + by, file)))
            places.append(place)
        elif following is None or following.time + by > 0:
            for part in _rest(keyframe, following, -by):
                moved.append(replace(part, time=part.time + by))
                places.append(place)
    result = with_keyframes(file, moved, places)
    return replace(result, comments=_comments(result.comments, lambda time: time + by))


def scaled(
    file: AutomationFile, *, time: Fraction = Fraction(1), factor: float = 1.0, offset: float = 0.0, name: str = ALPHA
) -> AutomationFile:
    """Multiply all times by `time`, and all values of a parameter by `factor`; then add `offset`.

    Raises:
        AutomationError: For a time factor that is not above 0, numbers that are not finite, values that become too
            large, and a parameter that has no column.
    """
    if time <= 0:
        raise AutomationError(f"times can be scaled by a factor above 0, not {time}")
    if not (math.isfinite(factor) and math.isfinite(offset)):
        raise AutomationError(f"{name} can be scaled by finite numbers, not {factor} and {offset}")
    places = set(column_places(file.columns).get(name, ()))
    if not places and (factor != 1 or offset):
        there = ", ".join(file.automation.names)
        raise AutomationError(f"{file.automation.origin} has no column for {name}: it has {there}")
    keyframes = [
        replace(
            keyframe,
            time=_checked(keyframe.time * time, file),
            values=tuple(
                _bounded(value * factor + offset, file) if place in places else value
                for place, value in enumerate(keyframe.values)
            ),
        )
        for keyframe in file.automation.keyframes
    ]
    result = with_keyframes(file, keyframes, range(len(keyframes)))
    return replace(result, comments=_comments(result.comments, lambda at: at * time))


def _rest(before: Keyframe, after: Keyframe | None, cut: Fraction) -> list[Keyframe]:
    """A keyframe at the cut, which lies between two, and where the way is eased some more until the next."""
    if after is None:
        return [replace(before, time=cut)]
    change = [b - a for a, b in zip(before.values, after.values, strict=True)]
    pieces = 1
    if before.ease == "smooth":
        # The way's second derivative is 6 at most, so a straight piece of length h in u is 6/8 h^2 beside it at most.
        left = float((after.time - cut) / (after.time - before.time))
        wanted = left * math.sqrt(0.75 * max(map(abs, change)) / LARGEST_ERROR)
        pieces = max(1, math.ceil(min(wanted, _MOST_PIECES)))
    keyframes = []
    for piece in range(pieces):
        time = cut + (after.time - cut) * Fraction(piece, pieces)
        u = along(before, after, time)
        values = tuple(_short(a + u * way) for a, way in zip(before.values, change, strict=True))
        keyframes.append(Keyframe(time=time, values=values, ease="hold" if before.ease == "hold" else "linear"))
    return keyframes


def _comments(comments: Sequence[Comment], moved: Callable[[Fraction], Fraction]) -> tuple[Comment, ...]:
    """What a take says of styles and masks at its new times; of those before 0, only the last of each, at 0."""
    result: list[Comment] = []
    cut: dict[str, Comment] = {}
    for comment in comments:
        said = take_word(comment)
        if said is None:
            result.append(comment)
        elif (time := moved(said.time)) <= 0:
            cut[said.about] = Comment(0, TakeWord(Fraction(0), said.about, said.word).line)
        else:
            result.append(Comment(comment.before, TakeWord(time, said.about, said.word).line))
    return tuple(sorted([*cut.values(), *result], key=lambda comment: comment.before))


def _checked(time: Fraction, file: AutomationFile) -> Fraction:
    if time >= _LATEST:
        raise AutomationError(f"{file.automation.origin}: {float(time):g} s is later than any automation goes")
    return time


def _bounded(value: float, file: AutomationFile) -> float:
    if not abs(value) <= _LARGEST_VALUE:
        raise AutomationError(f"{file.automation.origin}: a value of {value:g} is beyond all bounds")
    return _short(value)


def _short(value: float) -> float:
    """As exactly as takes have it."""
    return float(f"{value:.9g}")
