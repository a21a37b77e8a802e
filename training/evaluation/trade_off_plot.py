"""The plot of a pack's two objectives, as in Figure 3 of Dynamic-Net: the curve along alpha among what rivals it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stylefader.training.evaluation.objectives import Point
from stylefader.training.evaluation.plots import GREEN, ORANGE, new_figure, plain, tidy
from stylefader.training.evaluation.trade_off import losses_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

_CLOUD, _MIXED = "#acc4e0", "#555555"
# Where a label may stand beside its dot: an offset in points, and which side of the text is there.
_SIDES = (
    ((8, 5), "left", "bottom"), ((8, -5), "left", "top"), ((-8, -5), "right", "top"), ((-8, 5), "right", "bottom"),
    ((0, 9), "center", "bottom"), ((0, -9), "center", "top"), ((14, 0), "left", "center"),
    ((-14, 0), "right", "center"),
)  # fmt: skip


def plot(points: Sequence[Point], first: str, second: str, words: Mapping[str, str], title: str) -> Figure:
    """Draw the first loss to the right and the second upwards.

    Args:
        points: As `measure_points` gives them.
        first: The loss to the right.
        second: The loss upwards.
        words: What the losses are called.
        title: What stands above.

    Returns:
        A figure of one axes.
    """
    cloud, mixed, curve, fixed = (
        losses_of(points, method, first, second) for method in ("grid", "interpolation", "alpha", "fixed")
    )
    figure = new_figure(7.2, 5.0)
    axes = figure.add_subplot()
    tidy(axes, title)
    axes.set_xlabel(plain(words[first]))
    axes.set_ylabel(plain(words[second]))
    axes.plot(*curve, "-o", color=ORANGE, linewidth=2.2, markersize=5, label="all blocks along alpha", zorder=4)
    if cloud.size:
        axes.plot(*cloud, "o", color=_CLOUD, markersize=3.5, label="each block at its own alpha", zorder=2)
    axes.plot(
        *mixed, "--o", color=_MIXED, linewidth=1.2, markersize=4, markerfacecolor="white", zorder=3,
        label="pictures of both ends mixed",
    )  # fmt: skip
    if fixed.size:
        axes.plot(*fixed, "o", color=GREEN, markersize=7, label="fixed networks", zorder=5)
    everything = np.concatenate([cloud, mixed, curve, fixed], axis=1)
    axes.set_xlim(*_limits(everything[0]))
    axes.set_ylim(*_limits(everything[1]))
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    figure.draw_without_rendering()  # after which places on the page are known
    drawn = np.concatenate([_along(axes, curve), _along(axes, mixed), axes.transData.transform(everything.T)])
    strengths = [point.alpha[0] for point in points if point.method == "alpha" and point.alpha]
    ends = list(zip(strengths, curve.T, strict=False))[:: max(1, len(strengths) - 1)]
    names = [point.name for point in points if point.method == "fixed"]
    taken: list[Bbox] = []
    for strength, at in ends:
        taken.append(_label(axes, f"alpha {strength:g}", at, ORANGE, drawn, taken))
    for name, at in zip(names, fixed.T, strict=True):
        taken.append(_label(axes, plain(name), at, GREEN, drawn, taken))
    return figure


def _limits(losses: np.ndarray) -> tuple[float, float]:
    low, high = float(losses.min()), float(losses.max())
    spare = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    return max(0.0, low - spare), high + spare


def _along(axes: Axes, line: np.ndarray) -> np.ndarray:
    """Places on the page, a few dots apart, from the first to the last point of a line (2, n): float64 (m, 2)."""
    corners = axes.transData.transform(line.T)
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    at = np.linspace(0.0, walked[-1], max(2, round(walked[-1] / 4)))
    return np.stack([np.interp(at, walked, corners[:, axis]) for axis in (0, 1)], -1)


def _label(axes: Axes, text: str, dot: np.ndarray, colour: str, drawn: np.ndarray, taken: Sequence[Bbox]) -> Bbox:
    """Write beside a dot, on the side where the words lie over the least of what is drawn, and inside the axes."""
    best: tuple[tuple[int, int], Annotation, Bbox] | None = None
    for offset, across, down in _SIDES:
        label = axes.annotate(
            text, tuple(dot), xytext=offset, textcoords="offset points", ha=across, va=down, color=colour, fontsize=8,
            zorder=6,
        )  # fmt: skip
        box = label.get_window_extent().padded(2)
        inside = axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1)
        inside = inside and axes.bbox.containsy(box.y0) and axes.bbox.containsy(box.y1)
        over = int(box.count_contains(drawn)) + 20 * box.count_overlaps(taken)
        cost = (not inside, over)
        if best is None or cost < best[0]:
            if best is not None:
                best[1].remove()
            best = cost, label, box
        else:
            label.remove()
    assert best is not None
    return best[2]
