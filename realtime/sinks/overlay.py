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
    """Sizes of text for a canvas of `height` pixels: 24 lines of text fill it, but a line has 16 pixels at least."""

    def __init__(self, height: int) -> None:
        self.line = max(16, round(height / 24))
        self.scale = self.line / 16 * 0.4
        self.thickness = 1 if self.line < 32 else 2
        self.gap = max(6, self.line * 2 // 5)

    def width(self, text: str) -> int:
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


def draw_sign(canvas: Canvas, text: str, style: TextStyle) -> None:
    """A small amber sign on a dark box in the upper right corner, behind a dot."""
    gap = style.gap
    dot = style.line // 4
    wide = style.width(text) + 2 * dot + gap
    left = canvas.shape[1] - wide - 3 * gap
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
