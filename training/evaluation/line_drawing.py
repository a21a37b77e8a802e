"""Line drawings, the same as SVG and as PNG: a list of shapes on a white page."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape

import cv2
import numpy as np

from stylefader.training.data.photographs import Picture
from stylefader.training.evaluation.strip import encode_picture

Colour = tuple[int, int, int]
Place = tuple[float, float]
_SCALE, _SHIFT = 2, 4  # pixels a unit; bits of a pixel that OpenCV counts places in
_HERSHEY_HEIGHT = 30.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """Through all points in order. dash: length of dash and gap, 0 for none."""

    points: tuple[Place, ...]
    colour: Colour
    width: float = 1.0
    dash: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Dot:
    centre: Place
    radius: float
    colour: Colour
    hollow: bool = False


@dataclass(frozen=True, kw_only=True)
class Text:
    """`at` is the middle of its height, and its start, middle or end; turned ones read upwards."""

    at: Place
    text: str
    size: float = 13.0
    anchor: Literal["start", "middle", "end"] = "start"
    turned: bool = False
    colour: Colour = (50, 50, 50)


@dataclass(kw_only=True)
class Drawing:
    """A page of so many units; later shapes lie over earlier ones."""

    width: int
    height: int
    shapes: list[Line | Dot | Text] = field(default_factory=list)

    def svg(self) -> bytes:
        """The file's text, UTF-8."""
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        body = "\n".join(_svg(shape) for shape in self.shapes)
        white = '<rect width="100%" height="100%" fill="#ffffff"/>'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{white}\n{body}\n</svg>\n'.encode()

    def png(self) -> bytes:
        """The file's bytes, two pixels a unit."""
        canvas = np.full((self.height * _SCALE, self.width * _SCALE, 3), 255, np.uint8)
        for shape in self.shapes:
            _paint(canvas, shape)
        return encode_picture(canvas, ".png")


def round_step(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten, for the numbers of an axis."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def _svg(shape: Line | Dot | Text) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*shape.colour)
    if isinstance(shape, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        dash = f' stroke-dasharray="{shape.dash:g}"' if shape.dash else ""
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{shape.width:g}"{dash}/>'
    if isinstance(shape, Dot):
        x, y = shape.centre
        fill = f'fill="#ffffff" stroke="{colour}" stroke-width="1.5"' if shape.hollow else f'fill="{colour}"'
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius:g}" {fill}/>'
    x, y = shape.at
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if shape.turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="{shape.size:g}" fill="{colour}" '
        f'text-anchor="{shape.anchor}" dominant-baseline="central"{turn}>{escape(shape.text)}</text>'
    )


def _paint(canvas: Picture, shape: Line | Dot | Text) -> None:
    if isinstance(shape, Line):
        width = max(1, round(shape.width * _SCALE))
        for start, end in _strokes(shape):
            cv2.line(canvas, _place(start), _place(end), shape.colour, width, cv2.LINE_AA, _SHIFT)
    elif isinstance(shape, Dot):
        radius, centre = round(shape.radius * _SCALE * 2**_SHIFT), _place(shape.centre)
        if shape.hollow:
            cv2.circle(canvas, centre, radius, (255, 255, 255), cv2.FILLED, cv2.LINE_AA, _SHIFT)
        cv2.circle(canvas, centre, radius, shape.colour, 3 if shape.hollow else cv2.FILLED, cv2.LINE_AA, _SHIFT)
    else:
        _write(canvas, shape)


def _place(place: Place) -> tuple[int, int]:
    return round(place[0] * _SCALE * 2**_SHIFT), round(place[1] * _SCALE * 2**_SHIFT)


def _strokes(line: Line) -> list[tuple[Place, Place]]:
    """The line's straight pieces; its dashes, where it has them, go on over the corners."""
    pieces = list(zip(line.points, line.points[1:], strict=False))
    if not line.dash:
        return pieces
    strokes, walked = [], 0.0
    for start, end in pieces:
        a, b = np.array(start), np.array(end)
        length, at = float(np.linalg.norm(b - a)), 0.0
        while at < length:
            upto = min(length, at + line.dash - walked % line.dash + 1e-9)
            if int(walked // line.dash) % 2 == 0:
                strokes.append((tuple(a + (b - a) * at / length), tuple(a + (b - a) * upto / length)))
            walked, at = walked + upto - at, upto
    return strokes


def _write(canvas: Picture, text: Text) -> None:
    scale = text.size * _SCALE / _HERSHEY_HEIGHT
    face, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(scale * 1.6))
    (width, height), below = cv2.getTextSize(text.text, face, scale, thick)
    page = np.full((height + below + 8, width + 8, 3), 255, np.uint8)
    cv2.putText(page, text.text, (4, height + 4), face, scale, text.colour, thick, cv2.LINE_AA)
    if text.turned:
        page = np.ascontiguousarray(np.rot90(page))
    along = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    x, y = (round(place * _SCALE) for place in text.at)
    h, w, _ = page.shape
    left, top = (x - w // 2, y - round(h * (1 - along))) if text.turned else (x - round(w * along), y - h // 2)
    top, left = max(0, top), max(0, left)
    part = canvas[top : top + h, left : left + w]
    np.minimum(part, page[: part.shape[0], : part.shape[1]], out=part)
