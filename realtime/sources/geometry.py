"""Where a picture goes: which part of it is used, to what size it is scaled, how it is turned, where the bars are.

The one place where this is computed, for `render` and `live` alike, so that a take that is rendered again shows what
the performance showed. Everything is in whole pixels; nothing here touches a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from stylefader.training.errors import SourceError

Fit = Literal["cover", "contain", "stretch"]
DEFAULT_FIT: Fit = "cover"

SQUARE = Fraction(1)


def check_fit(word: str) -> Fit:
    """One of the three. Raises SourceError."""
    if word not in get_args(Fit):
        raise SourceError(f"fit {word!r} is not known; give cover, contain or stretch")
    return word  # type: ignore[return-value]


class Box(NamedTuple):
    """A part of a picture: its left upper corner and its size, in pixels."""

    x: int
    y: int
    width: int
    height: int


class Turn(NamedTuple):
    """Transpose, then mirror left to right, then flip top to bottom: every turn by right angles is one of these."""

    transpose: bool = False
    mirror: bool = False
    flip: bool = False

    def then(self, other: Turn) -> Turn:
        """This one and `other` after it, as one."""
        # A mirror before a transposition is a flip after it.
        mirror, flip = (self.flip, self.mirror) if other.transpose else (self.mirror, self.flip)
        return Turn(self.transpose != other.transpose, mirror != other.mirror, flip != other.flip)

    def sides(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a picture of that size after the turn."""
        return (height, width) if self.transpose else (width, height)

    def aspect(self, aspect: Fraction) -> Fraction:
        """Width over height of a pixel after the turn."""
        return 1 / aspect if self.transpose else aspect

    def undone(self, box: Box, width: int, height: int) -> Box:
        """Where `box` of a turned picture of that size lay before the turn."""
        x = width - box.x - box.width if self.mirror else box.x
        y = height - box.y - box.height if self.flip else box.y
        return Box(y, x, box.height, box.width) if self.transpose else Box(x, y, box.width, box.height)


UPRIGHT = Turn()
MIRRORED = Turn(mirror=True)
CLOCKWISE = {0: UPRIGHT, 90: Turn(True, True, False), 180: Turn(False, True, True), 270: Turn(True, False, True)}
"""Degrees clockwise to the turn that does it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """What to do with a picture as it was decoded, in this order.

    crop: the part that is used. scaled: (width, height) that this part is scaled to. turn: what is done to it then.
    inside: where it stands in the finished picture. size: (width, height) of that; outside of `inside` it is black.
    """

    crop: Box
    scaled: tuple[int, int]
    turn: Turn
    inside: Box
    size: tuple[int, int]

    @property
    def has_bars(self) -> bool:
        """Whether a part of the finished picture is black."""
        return self.inside != (0, 0, *self.size)

    def is_whole(self, width: int, height: int) -> bool:
        """Whether all of a decoded picture of that size is used."""
        return self.crop == (0, 0, width, height)


@lru_cache(maxsize=64)
def place(
    width: int,
    height: int,
    size: tuple[int, int],
    *,
    fit: Fit = DEFAULT_FIT,
    aspect: Fraction = SQUARE,
    turn: Turn = UPRIGHT,
    part: Box | None = None,
    size_aspect: Fraction = SQUARE,
) -> Placement:
    """How a decoded picture of `width` by `height` pixels is brought to `size` (width, height).

    fit: `cover` fills the size and cuts what is over, `contain` shows all between black bars, `stretch` changes the
    proportions. aspect: width over height of a decoded pixel. turn: what brings the picture upright, and what is
    asked for after that. part: what is used of the turned picture; it is cut to the picture, and where nothing
    of it lies inside, everything is used. size_aspect: width over height of a pixel of the finished picture.

    What is cut and what is barred is the same on both sides, to a pixel. Where `cover` cuts, the part begins at an even
    pixel, so that colours stored for every second pixel stay with theirs.
    """
    sides = turn.sides(width, height)
    seen = _inside(part, sides) if part is not None else Box(0, 0, *sides)
    # Width over height, in pixels of the picture, of what exactly fills the size.
    shape = Fraction(size[0], size[1]) * size_aspect / turn.aspect(aspect)
    inside = Box(0, 0, *size)
    cut = seen
    if fit == "cover":
        keep_x = min(seen.width, max(1, round(seen.height * shape)))
        keep_y = min(seen.height, max(1, round(seen.width / shape)))
        cut = Box(seen.x + (seen.width - keep_x) // 2, seen.y + (seen.height - keep_y) // 2, keep_x, keep_y)
    elif fit == "contain":
        share = Fraction(seen.width, seen.height) / shape  # above 1: wider than the size
        across = min(size[0], max(1, round(size[0] * share)))
        down = min(size[1], max(1, round(size[1] / share)))
        inside = Box((size[0] - across) // 2, (size[1] - down) // 2, across, down)
    lying, bounds = turn.undone(cut, *sides), turn.undone(seen, *sides)
    crop = lying._replace(x=_even(lying.x, bounds.x), y=_even(lying.y, bounds.y))
    return Placement(crop=crop, scaled=turn.sides(inside.width, inside.height), turn=turn, inside=inside, size=size)


def natural_size(
    width: int, height: int, *, aspect: Fraction = SQUARE, turn: Turn = UPRIGHT, part: Box | None = None
) -> tuple[int, int]:
    """(width, height) with square pixels that shows a picture as it is, at its own number of lines."""
    sides = turn.sides(width, height)
    seen = _inside(part, sides) if part is not None else Box(0, 0, *sides)
    return max(1, round(seen.width * turn.aspect(aspect))), seen.height


def _inside(part: Box, sides: tuple[int, int]) -> Box:
    """What of `part` lies in a picture of that size; all of the picture where nothing does."""
    x, y = max(0, part.x), max(0, part.y)
    right, bottom = min(sides[0], part.x + part.width), min(sides[1], part.y + part.height)
    return Box(x, y, right - x, bottom - y) if right > x and bottom > y else Box(0, 0, *sides)


def _even(at: int, least: int) -> int:
    """`at`, or the even number before it where that is not below `least`."""
    return at - 1 if at % 2 and at - 1 >= least else at
