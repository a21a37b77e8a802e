"""What is drawn over the picture in the window: lines of numbers, a sign, the split line. In place, fast, no sources.

Everything draws into the canvas that it is given, uint8 (H, W, 3); colours are the same in RGB and BGR or given in
the canvas's own order. Text is ASCII: OpenCV's built-in fonts know little else.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.uint8]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_WHITE = (240, 240, 240)
_BLACK = (0, 0, 0)
_AMBER_BGR = (60, 190, 255)


class TextStyle:
    """Sizes of text for a canvas of `height` pixels: 24 lines of text fill it, but a line has 16 pixels at least.

    line: pixels a line where they are known.
    """

    def __init__(self, height: int, *, line: int | None = None) -> None:
        self.line = max(16, round(height / 24)) if line is None else line
        self.scale = self.line / 16 * 0.4
        self.thickness = 1 if self.line < 32 else 2
        self.gap = max(6, self.line * 2 // 5)

    def width(self, text: str) -> int:
        """Width of a text in pixels."""
        return int(cv2.getTextSize(text, _FONT, self.scale, self.thickness)[0][0])

    def put(self, canvas: Canvas, text: str, left: int, top: int, colour: tuple[int, int, int] = _WHITE) -> None:
        """One line of text whose cell begins at (left, top)."""
        base = top + round(self.line * 0.74)
        cv2.putText(canvas, text, (left, base), _FONT, self.scale, colour, self.thickness, cv2.LINE_AA)


def darken(canvas: Canvas, left: int, top: int, right: int, bottom: int) -> None:
    """Leave a quarter of the light in a rectangle, so that white text is readable on any picture; cut to the canvas."""
    area = canvas[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    np.right_shift(area, 2, out=area)


def draw_lines(canvas: Canvas, lines: Sequence[str], style: TextStyle) -> None:
    """Lines of text on a dark box in the upper left corner; what does not fit is cut at the edge."""
    if not lines:
        return
    gap = style.gap
    wide = max(style.width(line) for line in lines)
    darken(canvas, gap, gap, gap + wide + 2 * gap, gap + len(lines) * style.line + 2 * gap)
    for number, line in enumerate(lines):
        style.put(canvas, line, 2 * gap, 2 * gap + number * style.line)


def draw_help(canvas: Canvas, rows: Sequence[tuple[str, str]], style: TextStyle) -> None:
    """Keys and what they do on a dark box in the lower left corner, in one or two columns, whichever reads better.

    The text is that of the style, or smaller where it would not fit.
    """
    if not rows:
        return
    height, width = canvas.shape[:2]
    sheets = [_Sheet(rows, columns, style) for columns in (1, 2)]
    sheet = max(sheets, key=lambda sheet: sheet.scale(width, height))  # the first of those that are alike
    if (scale := sheet.scale(width, height)) < 1:
        sheet = _Sheet(rows, sheet.columns, TextStyle(height, line=max(4, int(style.line * scale))))
    style, gap = sheet.style, sheet.style.gap
    top = height - gap - sheet.height
    darken(canvas, gap, top, gap + sheet.width, height - gap)
    left = 2 * gap
    for part, names, words in sheet.parts:
        for number, (keys, help) in enumerate(part):
            style.put(canvas, keys, left, top + gap + number * style.line, _AMBER_BGR)
            style.put(canvas, help, left + names + gap, top + gap + number * style.line)
        left += names + words + 3 * gap


class _Sheet:
    """The help's rows set in columns: each with its rows and the widths of their two halves, in pixels."""

    def __init__(self, rows: Sequence[tuple[str, str]], columns: int, style: TextStyle) -> None:
        self.columns, self.style = columns, style
        most = -(-len(rows) // columns)
        self.parts = [
            (part, max(style.width(keys) for keys, _ in part), max(style.width(words) for _, words in part))
            for part in (rows[first : first + most] for first in range(0, len(rows), most))
        ]
        self.width = sum(names + words + 3 * style.gap for _, names, words in self.parts)
        self.height = most * style.line + 2 * style.gap

    def scale(self, width: int, height: int) -> float:
        """How much smaller it must be for a canvas of that size; 1 where it fits."""
        gaps = 2 * self.style.gap
        return min(1.0, (width - gaps) / self.width, (height - gaps) / self.height)


def draw_sign(canvas: Canvas, text: str, style: TextStyle) -> None:
    """A small amber sign on a dark box in the upper right corner, behind a dot."""
    gap = style.gap
    dot = style.line // 4
    wide = style.width(text) + 2 * dot + gap
    left = max(0, canvas.shape[1] - wide - 3 * gap)  # of what is too long the beginning is seen
    darken(canvas, left, gap, canvas.shape[1] - gap, 3 * gap + style.line)
    middle = 2 * gap + style.line // 2
    cv2.circle(canvas, (left + gap + dot, middle), dot, _AMBER_BGR, cv2.FILLED, cv2.LINE_AA)
    style.put(canvas, text, left + 2 * gap + 2 * dot, 2 * gap, _AMBER_BGR)


def draw_split(canvas: Canvas, at: int, style: TextStyle) -> None:
    """The line between original (left) and stylized (right) at column `at`, and below which side is which."""
    height, width = canvas.shape[:2]
    cv2.line(canvas, (at, 0), (at, height - 1), _BLACK, 3)
    cv2.line(canvas, (at, 0), (at, height - 1), _WHITE, 1)
    cv2.circle(canvas, (at, height // 2), style.line // 3 + 1, _BLACK, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(canvas, (at, height // 2), style.line // 3, _WHITE, cv2.FILLED, cv2.LINE_AA)
    gap = style.gap
    top = height - 2 * gap - style.line
    for text, left in (("original", at - style.width("original") - 3 * gap), ("stylized", at + gap)):
        wide = style.width(text) + 2 * gap
        if left >= 0 and left + wide <= width:  # no room, no word
            darken(canvas, left, top, left + wide, top + style.line + gap)
            style.put(canvas, text, left + gap, top + gap // 2)


def compose_split(original: Canvas, stylized: Canvas, at: int, canvas: Canvas) -> None:
    """Columns before `at` of the original and the others of the stylized picture, RGB, into a BGR canvas."""
    if at > 0:
        cv2.cvtColor(original[:, :at], cv2.COLOR_RGB2BGR, dst=canvas[:, :at])
    if at < canvas.shape[1]:
        cv2.cvtColor(stylized[:, at:], cv2.COLOR_RGB2BGR, dst=canvas[:, at:])
