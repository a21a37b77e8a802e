"""The plot of a pack's two objectives, as in Figure 3 of Dynamic-Net: the curve along alpha among what rivals it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from stylefader.training.evaluation.line_drawing import Colour, Dot, Drawing, Line, Place, Text, round_step
from stylefader.training.evaluation.objectives import Point
from stylefader.training.evaluation.trade_off import losses_of

_WIDTH, _HEIGHT = 720, 500
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 700, 48, 440
_CURVE, _CLOUD, _MIXED, _FIXED = (200, 60, 40), (172, 196, 224), (90, 90, 90), (20, 130, 80)
_LABEL_SIZE, _LETTER = 11.0, 6.5  # height and mean width of a letter
_LINE, _AXIS = (232, 232, 232), (120, 120, 120)


def plot(points: Sequence[Point], first: str, second: str, words: Mapping[str, str], title: str) -> Drawing:
    """The first loss to the right, the second upwards."""
    cloud, mixed, curve, fixed = (
        losses_of(points, method, first, second) for method in ("grid", "interpolation", "alpha", "fixed")
    )
    everything = np.concatenate([cloud, mixed, curve, fixed], axis=1)
    drawing = Drawing(width=_WIDTH, height=_HEIGHT)
    x = _axis(drawing, everything[0], (_LEFT, _RIGHT), across=True)
    y = _axis(drawing, everything[1], (_BOTTOM, _TOP), across=False)
    shapes = drawing.shapes
    shapes.append(Line(points=((_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)), colour=_AXIS, width=1.5))
    shapes.append(Text(at=((_LEFT + _RIGHT) / 2, 482), text=words[first], anchor="middle"))
    shapes.append(Text(at=(20, (_TOP + _BOTTOM) / 2), text=words[second], anchor="middle", turned=True))
    shapes.append(Text(at=((_LEFT + _RIGHT) / 2, 24), text=title, anchor="middle", size=15))

    def places(losses: np.ndarray) -> tuple[Place, ...]:
        return tuple((x(a), y(b)) for a, b in losses.T)

    shapes.extend(Dot(centre=place, radius=3, colour=_CLOUD) for place in places(cloud))
    shapes.append(Line(points=places(mixed), colour=_MIXED, width=1.5, dash=6))
    shapes.extend(Dot(centre=place, radius=3, colour=_MIXED, hollow=True) for place in places(mixed)[1:-1])
    shapes.append(Line(points=places(curve), colour=_CURVE, width=2.5))
    shapes.extend(Dot(centre=place, radius=4.5, colour=_CURVE) for place in places(curve))
    strengths = [point.alpha[0] for point in points if point.method == "alpha" and point.alpha]
    for strength, (at_x, at_y) in list(zip(strengths, places(curve), strict=False))[:: max(1, len(strengths) - 1)]:
        end = at_x > (_LEFT + _RIGHT) / 2
        at = (at_x, at_y - 18) if end else (at_x + 10, at_y - 4)
        shapes.append(Text(at=at, text=f"alpha {strength:g}", colour=_CURVE, anchor="middle" if end else "start"))
    shapes.extend(Dot(centre=place, radius=6, colour=_FIXED) for place in places(fixed))
    names = [point.name for point in points if point.method == "fixed"]
    drawn = _along(places(curve)) + _along(places(mixed)) + [*places(cloud), *places(fixed)]
    for name, place in zip(names, places(fixed), strict=True):
        shapes.append(_label(name, place, drawn))
    rows: list[tuple[Colour, str, bool]] = [(_CURVE, "all blocks along alpha", False)]
    rows += [(_CLOUD, "each block at its own alpha", False)] if cloud.size else []
    rows += [(_MIXED, "pictures of both ends mixed", True)]
    rows += [(_FIXED, "fixed networks", False)] if fixed.size else []
    for number, (colour, text, hollow) in enumerate(rows):
        at_y = _TOP + 16 + 20 * number
        shapes.append(Dot(centre=(_RIGHT - 215, at_y), radius=4.5, colour=colour, hollow=hollow))
        shapes.append(Text(at=(_RIGHT - 202, at_y), text=text))
    return drawing


def _along(line: Sequence[Place]) -> list[Place]:
    """Places a few units apart from the first to the last point of a line."""
    found = list(line)
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        steps = max(1, round(math.hypot(x1 - x0, y1 - y0) / 4))
        found += [(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps) for i in range(1, steps)]
    return found


def _label(text: str, dot: Place, drawn: Sequence[Place]) -> Text:
    """The name of a dot, on that side of it where it lies over the least of what is drawn, and inside the page."""
    wide, high = _LETTER * len(text), _LABEL_SIZE + 4
    free: list[tuple[bool, int, Place]] = []
    for right, down in ((1, -1), (1, 1), (-1, 1), (-1, -1), (0, 1), (0, -1)):
        middle = dot[0] + right * (10 + wide / 2), dot[1] + down * (10 if right else 16)
        over = sum(abs(x - middle[0]) < wide / 2 and abs(y - middle[1]) < high / 2 for x, y in drawn)
        outside = middle[0] - wide / 2 < _LEFT or middle[0] + wide / 2 > _RIGHT
        free.append((outside, over, middle))
    *_, best = min(free, key=lambda place: place[:2])
    return Text(at=best, text=text, size=_LABEL_SIZE, anchor="middle", colour=_FIXED)


def _axis(drawing: Drawing, losses: np.ndarray, ends: tuple[float, float], *, across: bool) -> Callable[[float], float]:
    """Draw lines and numbers for one direction; gives the place of a loss on it."""
    low, high = float(losses.min()), float(losses.max())
    spare = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    low, high = max(0.0, low - spare), high + spare
    step = round_step((high - low) / 6)

    def place(loss: float) -> float:
        return ends[0] + (loss - low) / (high - low) * (ends[1] - ends[0])

    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        at = place(number * step)
        text = f"{number * step:.4g}"
        if across:
            drawing.shapes.append(Line(points=((at, _TOP), (at, _BOTTOM)), colour=_LINE))
            drawing.shapes.append(Text(at=(at, _BOTTOM + 16), text=text, size=12, anchor="middle"))
        else:
            drawing.shapes.append(Line(points=((_LEFT, at), (_RIGHT, at)), colour=_LINE))
            drawing.shapes.append(Text(at=(_LEFT - 8, at), text=text, size=12, anchor="end"))
    return place
