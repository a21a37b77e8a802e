"""A drawing of an automation: values upwards, time to the right, a line for each column."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from stylefader.realtime.automation.automation_file import style_in
from stylefader.realtime.automation.keyframes import AutomationFile, Keyframe, along
from stylefader.realtime.automation.thinning import thin
from stylefader.training.evaluation.line_drawing import Colour, Dot, Drawing, Line, Place, Text, round_step

_WIDTH, _HEIGHT = 960, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 936, 76, 364
_COLOURS: tuple[Colour, ...] = (
    (120, 180, 225), (213, 94, 0), (0, 90, 80), (204, 121, 167), (0, 114, 178), (230, 159, 0),
)  # fmt: skip
"""Apart for every eye (Okabe and Ito)."""
_LINE, _AXIS, _STYLE = (232, 232, 232), (120, 120, 120), (150, 150, 150)
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_FEW, _FINE = 4000, 1000
_EASED_PIECES = 48


def plot(file: AutomationFile, title: str) -> Drawing:
    """Lines as the automation goes, jumps dotted, changes of style as a take has them by name.

    Many thousands of keyframes are drawn as fewer, less than a pixel from where they are.
    """
    keyframes = file.automation.keyframes
    every = [value for keyframe in keyframes for value in keyframe.values]
    low, high = min(0.0, *every), max(1.0, *every)
    if len(keyframes) > _FEW:
        keyframes = thin(file, (high - low) / _FINE).automation.keyframes
    styles = _styles(file)
    times = [keyframe.time for keyframe in file.automation.keyframes]
    begin = min([times[0], *(time for time, _ in styles)])
    end = max([times[-1], *(time for time, _ in styles)])
    if begin <= end / 2:
        begin = Fraction(0)  # the line before the first keyframe says more than an axis that begins anywhere
    end += (end - begin) / 25 or 1  # what comes after the last one is to be seen
    drawing = Drawing(width=_WIDTH, height=_HEIGHT)
    x = _time_axis(drawing, begin, end)
    y = _value_axis(drawing, low, high)
    shapes = drawing.shapes
    shapes.append(Line(points=((_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)), colour=_AXIS, width=1.5))
    shapes.append(Text(at=(_LEFT, 22), text=title, size=15))
    shapes.append(Text(at=((_LEFT + _RIGHT) / 2, 404), text="time", anchor="middle"))
    shapes.append(
        Text(at=(18, (_TOP + _BOTTOM) / 2), text=" ".join(file.automation.names), anchor="middle", turned=True)
    )
    _draw_styles(drawing, styles, x)
    columns = len(keyframes[0].values)
    for column in range(columns):
        # Later lines are thinner, so that those below show where several go the same way.
        width = 2.0 + 1.8 * min(columns - 1 - column, 3)
        _draw_column(drawing, keyframes, column, (begin, end), x, y, width)
    if columns > 1:
        _legend(drawing, file.columns)
    return drawing


def _draw_column(
    drawing: Drawing,
    keyframes: Sequence[Keyframe],
    column: int,
    span: tuple[Fraction, Fraction],
    x: Callable[[Fraction], float],
    y: Callable[[float], float],
    width: float,
) -> None:
    """One column's line, in pieces between its jumps."""
    colour = _COLOURS[column % len(_COLOURS)]
    first, last = keyframes[0], keyframes[-1]
    pieces: list[list[Place]] = [[(x(span[0]), y(first.values[column])), (x(first.time), y(first.values[column]))]]
    for before, after in pairwise(keyframes):
        if after.time > before.time:
            pieces[-1] += [
                (x(time), y(_between(before.values[column], after.values[column], along(before, after, time))))
                for time in _times(before, after)
            ]
        if pieces[-1][-1][1] != y(after.values[column]):
            pieces.append([(x(after.time), y(after.values[column]))])
    pieces[-1].append((x(span[1]), y(last.values[column])))
    for one, other in pairwise(pieces):
        drawing.shapes.append(Line(points=(one[-1], other[0]), colour=colour, width=1, dash=2))
    for piece in pieces:
        points = [place for place, next_place in pairwise(piece) if place != next_place] + piece[-1:]
        if len(points) > 1:
            drawing.shapes.append(Line(points=tuple(points), colour=colour, width=width))


def _between(before: float, after: float, u: float) -> float:
    return before + u * (after - before)


def _times(before: Keyframe, after: Keyframe) -> list[Fraction]:
    """Where a way is drawn through, its end the last; a way that holds ends just where the next begins."""
    pieces = _EASED_PIECES if before.ease == "smooth" and before.values != after.values else 1
    return [before.time + (after.time - before.time) * Fraction(piece, pieces) for piece in range(1, pieces + 1)]


def _styles(file: AutomationFile) -> list[tuple[Fraction, str]]:
    """When which style began, as a take's comments say."""
    return [style for comment in file.comments if (style := style_in(comment)) is not None]


def _draw_styles(drawing: Drawing, styles: Sequence[tuple[Fraction, str]], x: Callable[[Fraction], float]) -> None:
    """A line where a style begins, and its name above, in two rows; names that find no room are left out."""
    free = [0.0, 0.0]
    for time, name in styles:
        at = x(time)
        drawing.shapes.append(Line(points=((at, _TOP), (at, _BOTTOM)), colour=_STYLE, width=1, dash=4))
        row = next((row for row in (0, 1) if free[row] <= at), None)
        if row is not None:
            free[row] = at + 7.5 * len(name) + 12
            drawing.shapes.append(Text(at=(at, _TOP - 11 - 16 * row), text=name, size=12, colour=_AXIS))


def _legend(drawing: Drawing, names: Sequence[str]) -> None:
    at = float(_RIGHT)
    for column in reversed(range(len(names))):
        at -= 7.3 * len(names[column])
        drawing.shapes.append(Text(at=(at, 22), text=names[column]))
        drawing.shapes.append(Dot(centre=(at - 12, 22), radius=4.5, colour=_COLOURS[column % len(_COLOURS)]))
        at -= 30


def _time_axis(drawing: Drawing, begin: Fraction, end: Fraction) -> Callable[[Fraction], float]:
    """Draw the times; gives the place of one."""
    least = float(end - begin) / 9
    step = round_step(least) if least < 1 else next((s for s in _STEPS_S if s >= least), None)
    step = step or 86400 * math.ceil(least / 86400)
    digits = max(0, -math.floor(math.log10(step))) if step < 1 else 0

    def place(time: Fraction) -> float:
        return _LEFT + float((time - begin) / (end - begin)) * (_RIGHT - _LEFT)

    exact = Fraction(f"{step:.6g}")
    for number in range(math.ceil(begin / exact), math.floor(end / exact) + 1):
        at = place(number * exact)
        drawing.shapes.append(Line(points=((at, _TOP), (at, _BOTTOM)), colour=_LINE))
        words = _clock(number * exact, digits, end)
        drawing.shapes.append(Text(at=(at, _BOTTOM + 16), text=words, size=12, anchor="middle"))
    return place


def _clock(time: Fraction, digits: int, end: Fraction) -> str:
    """Seconds below a minute in all, else as a clock has them."""
    if end < 60:
        return f"{round(float(time), digits):g} s"
    whole, rest = divmod(time, 1)
    after = f"{float(rest):.{digits}f}"[1:] if digits else ""
    clock = f"{whole // 60 % 60:02}:{whole % 60:02}{after}" if end >= 3600 else f"{whole // 60}:{whole % 60:02}{after}"
    return f"{whole // 3600}:{clock}" if end >= 3600 else clock


def _value_axis(drawing: Drawing, low: float, high: float) -> Callable[[float], float]:
    """Draw the values; gives the place of one."""
    step = round_step((high - low) / 5)

    def place(value: float) -> float:
        return _BOTTOM - 8 + (value - low) / (high - low) * (_TOP + 8 - (_BOTTOM - 8))

    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        at = place(number * step)
        drawing.shapes.append(Line(points=((_LEFT, at), (_RIGHT, at)), colour=_LINE))
        drawing.shapes.append(Text(at=(_LEFT - 8, at), text=f"{number * step:.4g}", size=12, anchor="end"))
    return place
