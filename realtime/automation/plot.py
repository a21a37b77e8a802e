"""A plot of an automation: values upwards, time to the right, a line for each column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from stylefader.realtime.automation.csv_file import AutomationFile
from stylefader.realtime.automation.keyframes import Keyframe, along
from stylefader.realtime.automation.take_words import STYLE, take_word
from stylefader.realtime.automation.thinning import thin
from stylefader.training.evaluation.plots import COLOURS, GREY, colour_key, new_figure, plain, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_FEW, _FINE = 4000, 1000
_EASED_PIECES = 48
_ROWS = 2
"""Rows of style names above the plot."""


def plot(file: AutomationFile, title: str) -> Figure:
    """Draw lines as the automation goes, jumps dotted, and changes of style, which a take has, by name.

    Many thousands of keyframes are drawn as fewer, less than a pixel from where they are.

    Args:
        file: The automation with its comments and the names of its columns.
        title: What stands above, for example the file's name.

    Returns:
        A figure of one axes. Its horizontal axis is in seconds after its own beginning, and labelled by the
        automation's times.
    """
    keyframes = file.automation.keyframes
    every = [value for keyframe in keyframes for value in keyframe.values]
    low, high = min(0.0, *every), max(1.0, *every)
    if len(keyframes) > _FEW:
        keyframes = thin(file, (high - low) / _FINE).automation.keyframes
    said = [word for comment in file.comments if (word := take_word(comment)) is not None]
    styles = [(word.time, word.word) for word in said if word.about == STYLE]
    times = [keyframe.time for keyframe in file.automation.keyframes] + [time for time, _ in styles]
    begin, end = min(times), max(times)
    if begin <= end / 2:
        begin = Fraction(0)  # the line before the first keyframe says more than an axis that begins anywhere
    end += (end - begin) / 25 or 1  # what comes after the last one is to be seen
    figure = new_figure(9.6, 4.2)
    axes = figure.add_subplot()
    tidy(axes, title, above=8 + 11 * _ROWS * bool(styles))
    axes.set_xlabel("time")
    axes.set_ylabel(" ".join(file.automation.names))
    axes.set_xlim(0, float(end - begin))
    axes.set_ylim(low - (high - low) / 30, high + (high - low) / 30)
    _label_times(axes, begin, end)
    columns = len(keyframes[0].values)
    for column in range(columns):
        # Later lines are thinner, so that those below show where several go the same way.
        _draw_column(axes, keyframes, column, (begin, end), width=1.5 + 1.3 * min(columns - 1 - column, 3))
    if columns > 1:
        colour_key(figure, {name: COLOURS[column % len(COLOURS)] for column, name in enumerate(file.columns)})
    if styles:
        figure.draw_without_rendering()  # after which places on the page are known
        _draw_styles(axes, styles, begin)
    return figure


def _draw_column(
    axes: Axes, keyframes: Sequence[Keyframe], column: int, span: tuple[Fraction, Fraction], *, width: float
) -> None:
    """One column's line, in pieces between its jumps."""
    colour = COLOURS[column % len(COLOURS)]
    begin, end = span
    first, last = keyframes[0], keyframes[-1]
    pieces = [[(begin, first.values[column]), (first.time, first.values[column])]]
    for before, after in pairwise(keyframes):
        start, target = before.values[column], after.values[column]
        if after.time > before.time:
            pieces[-1] += [
                (time, start + along(before, after, time) * (target - start)) for time in _times(before, after)
            ]
        if pieces[-1][-1][1] != target:
            pieces.append([(after.time, target)])
    pieces[-1].append((end, last.values[column]))
    for one, other in pairwise(pieces):
        (time, from_alpha), (_, to_alpha) = one[-1], other[0]
        at = float(time - begin)
        axes.plot([at, at], [from_alpha, to_alpha], color=colour, linewidth=1, linestyle=":")
    for piece in pieces:
        points = [point for point, following in pairwise(piece) if point != following] + piece[-1:]
        if len(points) > 1:
            seconds = [float(time - begin) for time, _ in points]
            axes.plot(seconds, [alpha for _, alpha in points], color=colour, linewidth=width, solid_capstyle="round")


def _times(before: Keyframe, after: Keyframe) -> list[Fraction]:
    """Where a way is drawn through, its end the last; a way that holds ends just where the next begins."""
    pieces = _EASED_PIECES if before.ease == "smooth" and before.values != after.values else 1
    return [before.time + (after.time - before.time) * Fraction(piece, pieces) for piece in range(1, pieces + 1)]


def _draw_styles(axes: Axes, styles: Sequence[tuple[Fraction, str]], begin: Fraction) -> None:
    """A line where a style begins, and its name above, in two rows; names that find no room are left out."""
    free = [0.0] * _ROWS
    for time, name in styles:
        at = float(time - begin)
        axes.axvline(at, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
        left = float(axes.transData.transform((at, 0))[0])
        row = next((row for row in range(_ROWS) if free[row] <= left), None)
        if row is None:
            continue
        text = axes.annotate(
            plain(name), (at, 1), xycoords=("data", "axes fraction"), xytext=(0, 4 + 11 * row),
            textcoords="offset points", fontsize=8, color=GREY, annotation_clip=False,
        )  # fmt: skip
        text.set_in_layout(False)  # a long name at the end does not push the plot aside
        free[row] = float(text.get_window_extent().x1) + 12


def _label_times(axes: Axes, begin: Fraction, end: Fraction) -> None:
    """Put the automation's times below the axis, which counts from `begin`."""
    least = float(end - begin) / 9
    step = _round_step(least) if least < 1 else next((s for s in _STEPS_S if s >= least), None)
    step = step or 86400 * math.ceil(least / 86400)
    digits = max(0, -math.floor(math.log10(step))) if step < 1 else 0
    exact = Fraction(f"{step:.6g}")
    times = [number * exact for number in range(math.ceil(begin / exact), math.floor(end / exact) + 1)]
    axes.set_xticks([float(time - begin) for time in times], [_clock(time, digits, end) for time in times])


def _round_step(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def _clock(time: Fraction, digits: int, end: Fraction) -> str:
    """Seconds below a minute in all, else as a clock has them."""
    if end < 60:
        return f"{round(float(time), digits):g} s"
    whole, rest = divmod(time, 1)
    after = f"{float(rest):.{digits}f}"[1:] if digits else ""
    clock = f"{whole // 60 % 60:02}:{whole % 60:02}{after}" if end >= 3600 else f"{whole // 60}:{whole % 60:02}{after}"
    return f"{whole // 3600}:{clock}" if end >= 3600 else clock
