"""What measured points say of a style pack: is alpha a fader, and is it better than mixing pictures?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stylefader.training.evaluation.objectives import Point


@dataclass(frozen=True, kw_only=True)
class TradeOff:
    """Verdicts over the points of one pack; shares are of 1.

    first_rises, second_falls: along alpha, at every step.
    compared: how many mixed pictures had a first loss that the curve reaches as well.
    below_interpolation: whether the curve's second loss was lower at the same first loss for each of those; None
    where there were none to compare. advantage: by how much, the least and the mean.
    fixed: a fixed network's total loss for its weight, and the least total on the curve as a share of it.
    """

    first_rises: bool
    second_falls: bool
    compared: int
    below_interpolation: bool | None
    least_advantage: float | None
    mean_advantage: float | None
    fixed: dict[str, tuple[float, float]]


def judge(points: Sequence[Point], first: str, second: str, weights: Mapping[str, float]) -> TradeOff:
    """Compare the curve with what it stands beside. weights: the style weight of each fixed network."""
    curve = losses_of(points, "alpha", first, second)
    rises, falls = bool(np.all(np.diff(curve[0]) > 0)), bool(np.all(np.diff(curve[1]) < 0))
    advantages: list[float] = []
    for x, y in losses_of(points, "interpolation", first, second)[:, 1:-1].T:
        if rises and curve[0, 0] <= x <= curve[0, -1]:
            advantages.append(1 - float(np.interp(x, curve[0], curve[1])) / float(y))
    fixed = {}
    for point in points:
        if point.method == "fixed" and point.name in weights:
            weight = weights[point.name]
            total = point.losses[first] + weight * point.losses[second]
            fixed[point.name] = (total, _least_total(curve, weight) / total)
    return TradeOff(
        first_rises=rises,
        second_falls=falls,
        compared=len(advantages),
        below_interpolation=min(advantages) > 0 if advantages else None,
        least_advantage=min(advantages, default=None),
        mean_advantage=float(np.mean(advantages)) if advantages else None,
        fixed=fixed,
    )


def losses_of(points: Sequence[Point], method: str, first: str, second: str) -> np.ndarray:
    """Both losses of the points of one method, in order: float64 (2, n)."""
    found = [(point.losses[first], point.losses[second]) for point in points if point.method == method]
    return np.array(found, dtype=np.float64).reshape(-1, 2).T


def _least_total(curve: np.ndarray, weight: float) -> float:
    """The least first + weight * second on the curve; between two measured points it runs straight."""
    return float((curve[0] + weight * curve[1]).min())
