"""The plot of a long session: memory, threads and handles, latency, rate and losses, one below the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stylefader.tools.commands.bench.soak_verdicts import Sample, Verdict
from stylefader.training.evaluation.plots import BLUE, GREEN, ORANGE, TEXT, new_figure, plain, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FINE = 900
"""Points a line: more would lie closer than a pixel."""
Series = tuple[str, str, Sequence[float | None]]


def plot(samples: Sequence[Sample], found: Sequence[Verdict], *, settle_s: float, title: str) -> Figure:
    """Draw the samples of a session over time.

    Args:
        samples: At least one, in order.
        found: What was judged; the words stand above the panels.
        settle_s: Seconds from which on the judging counts; a dashed line stands there.
        title: What stands above all.

    Returns:
        A figure of four axes, one below the other, with minutes to the right.
    """
    names = {verdict.name: verdict for verdict in found}
    panels: list[tuple[str, list[Series]]] = [
        ("memory, MiB", [("resident", BLUE, [s.memory_mib for s in samples])]),
        (
            "threads, handles",
            [("threads", BLUE, [s.threads for s in samples]), ("handles", ORANGE, [s.handles for s in samples])],
        ),
        ("latency, ms", [("p50", BLUE, [s.p50_ms for s in samples]), ("p99", ORANGE, [s.p99_ms for s in samples])]),
        ("frames a second", [("out", BLUE, [s.fps for s in samples]), ("left out", ORANGE, _left_out(samples))]),
    ]
    figure = new_figure(9.6, 9.0)
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=12, color=TEXT)
    end_s = max(samples[-1].time_s, 1.0)
    grid = figure.subplots(len(panels), sharex=True)
    for axes, (words, series) in zip(grid, panels, strict=True):
        tidy(axes, _says(words, names), size=9)
        for name, colour, values in series:
            _draw(axes, samples, values, name, colour)
        axes.set_xlim(0, end_s / 60)
        most = max([1e-9, *(value for _, _, values in series for value in values if value is not None)])
        axes.set_ylim(-0.03 * most, 1.08 * most)  # zero is on the page, so growth shows as it is
        axes.set_ylabel(words.rpartition(", ")[2] if words != "threads, handles" else "number")
        if 0 < settle_s < end_s:
            axes.axvline(settle_s / 60, color=GREEN, linewidth=1, linestyle="--")
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 0.98), ncols=len(series), frameon=False, fontsize=8, borderaxespad=0
        )
    grid[-1].set_xlabel("minutes")
    figure.align_ylabels()
    return figure


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
    """Frames left out a second, for all reasons, between each sample and the one before."""
    totals = [s.newer + s.skipped + s.broken + s.sinks_dropped for s in samples]
    rates: list[float | None] = [None]
    for number in range(1, len(samples)):
        passed = samples[number].time_s - samples[number - 1].time_s
        rates.append((totals[number] - totals[number - 1]) / passed if passed > 0 else None)
    return rates


def _draw(axes: Axes, samples: Sequence[Sample], values: Sequence[float | None], name: str, colour: str) -> None:
    """A line through the values; of many, the highest of each few, so that no peak is lost."""
    few = max(1, math.ceil(len(values) / _FINE))
    points = []
    for begin in range(0, len(values), few):
        there = [value for value in values[begin : begin + few] if value is not None]
        if there:
            points.append((samples[begin].time_s / 60, max(there)))
    axes.plot(
        [minutes for minutes, _ in points], [value for _, value in points], color=colour, linewidth=1.2, label=name
    )
