"""The plot of a long session: memory, threads and handles, latency, rate and losses, one below the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from stylefader.tools.commands.bench.soak_verdicts import Sample, Verdict
from stylefader.training.evaluation.line_drawing import Colour, Drawing, Line, Text, round_step

_WIDTH, _PANEL, _GAP, _TOP = 960, 150, 58, 62
_LEFT, _RIGHT = 84, 930
_GRID, _AXIS = (232, 232, 232), (120, 120, 120)
_BLUE, _ORANGE, _GREEN = (0, 114, 178), (213, 94, 0), (0, 120, 90)
_FINE = 900
"""Points a line: more would lie closer than a pixel."""
Series = tuple[str, Colour, Sequence[float | None]]


def plot(samples: Sequence[Sample], found: Sequence[Verdict], *, settle_s: float, title: str) -> Drawing:
    """Time to the right in minutes; a dashed line where the judging begins. found: their words stand at the panels."""
    names = {verdict.name: verdict for verdict in found}
    panels: list[tuple[str, list[Series]]] = [
        ("memory, MiB", [("resident", _BLUE, [s.memory_mib for s in samples])]),
        (
            "threads, handles",
            [("threads", _BLUE, [s.threads for s in samples]), ("handles", _ORANGE, [s.handles for s in samples])],
        ),
        (
            "latency, ms",
            [("p50", _BLUE, [s.p50_ms for s in samples]), ("p99", _ORANGE, [s.p99_ms for s in samples])],
        ),
        ("frames a second", [("out", _BLUE, [s.fps for s in samples]), ("left out", _ORANGE, _left_out(samples))]),
    ]
    drawing = Drawing(width=_WIDTH, height=_TOP + len(panels) * (_PANEL + _GAP) + 10)
    drawing.shapes.append(Text(at=(_LEFT, 22), text=title, size=15))
    end_s = max(samples[-1].time_s, 1.0)

    def x(time_s: float) -> float:
        return _LEFT + time_s / end_s * (_RIGHT - _LEFT)

    for number, (words, series) in enumerate(panels):
        top = _TOP + number * (_PANEL + _GAP)
        y = _axes(drawing, top, end_s, x, [value for _, _, values in series for value in values if value is not None])
        drawing.shapes.append(Text(at=(_LEFT, top - 12), text=_says(words, names), size=13))
        at = float(_RIGHT)
        for name, colour, values in reversed(series):
            at -= 8.0 * len(name)
            drawing.shapes.append(Text(at=(at, top - 12), text=name, colour=colour, size=12))
            drawing.shapes.append(Line(points=((at - 24, top - 12), (at - 6, top - 12)), colour=colour, width=2.5))
            at -= 40
            _draw(drawing, samples, values, x, y, colour)
        if 0 < settle_s < end_s:
            points = ((x(settle_s), float(top)), (x(settle_s), float(top + _PANEL)))
            drawing.shapes.append(Line(points=points, colour=_GREEN, width=1.2, dash=5))
    return drawing


def _says(words: str, found: Mapping[str, Verdict]) -> str:
    """A panel's words, with what was found behind each that was judged."""

    def said(word: str) -> str:
        verdict = found.get(word)
        return word if verdict is None else f"{word}: {'holds' if verdict.ok else 'DOES NOT HOLD'}"

    judged, _, unit = words.partition(", ")
    if unit in found:
        return f"{said(judged)}, {said(unit)}"
    verdict = said(judged).removeprefix(judged)
    return f"{words}{verdict}"


def _left_out(samples: Sequence[Sample]) -> list[float | None]:
    """Frames left out a second between each sample and the one before, whatever the cause."""
    totals = [s.newer + s.skipped + s.broken + s.sinks_dropped for s in samples]
    rates: list[float | None] = [None]
    for number in range(1, len(samples)):
        passed = samples[number].time_s - samples[number - 1].time_s
        rates.append((totals[number] - totals[number - 1]) / passed if passed > 0 else None)
    return rates


def _axes(
    drawing: Drawing, top: int, end_s: float, x: Callable[[float], float], values: Sequence[float]
) -> Callable[[float], float]:
    """Draw grid and numbers of a panel; gives the place of a value. Zero is on the page, so growth shows as it is."""
    most = max([*values, 1e-9])
    step = round_step(most / 4)
    most = math.ceil(most / step) * step
    bottom = top + _PANEL

    def y(value: float) -> float:
        return bottom - value / most * _PANEL

    for number in range(round(most / step) + 1):
        at = y(number * step)
        drawing.shapes.append(Line(points=((_LEFT, at), (_RIGHT, at)), colour=_GRID))
        drawing.shapes.append(Text(at=(_LEFT - 8, at), text=f"{number * step:.6g}", size=11, anchor="end"))
    minutes = end_s / 60
    step = round_step(minutes / 10)
    for number in range(math.floor(minutes / step + 1e-9) + 1):
        at = x(number * step * 60)
        drawing.shapes.append(Line(points=((at, top), (at, bottom)), colour=_GRID))
        drawing.shapes.append(Text(at=(at, bottom + 14), text=f"{number * step:.4g}", size=11, anchor="middle"))
    drawing.shapes.append(Text(at=(_RIGHT, bottom + 28), text="minutes", size=11, anchor="end"))
    drawing.shapes.append(Line(points=((_LEFT, top), (_LEFT, bottom), (_RIGHT, bottom)), colour=_AXIS, width=1.5))
    return y


def _draw(
    drawing: Drawing,
    samples: Sequence[Sample],
    values: Sequence[float | None],
    x: Callable[[float], float],
    y: Callable[[float], float],
    colour: Colour,
) -> None:
    """A line through the values; of many, the highest of each few, so that no peak is lost."""
    few = max(1, math.ceil(len(values) / _FINE))
    points = []
    for begin in range(0, len(values), few):
        there = [value for value in values[begin : begin + few] if value is not None]
        if there:
            points.append((x(samples[begin].time_s), y(max(there))))
    if len(points) > 1:
        drawing.shapes.append(Line(points=tuple(points), colour=colour, width=1.4))
