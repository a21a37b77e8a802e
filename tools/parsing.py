"""Words of the command line that are sizes, times, rates and factors. All raise typer.BadParameter.

Lengths are bounded before anything is computed: Python refuses to read integers of thousands of digits, and would
write out the zeros of 1e999999999.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, NamedTuple

import typer

LONGEST_SIDE = 16384
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{0,12})?|\.\d{1,12}|\d{1,12}/\d{1,12}", re.ASCII)
_SIZE = re.compile(r"(\d{1,12})x(\d{1,12})", re.ASCII | re.IGNORECASE)
_SHOWN = 60


class Size(NamedTuple):
    """Width and height in pixels, as people write them: 640x360."""

    width: int
    height: int


def shown(text: str) -> str:
    """What was given, quoted, cut where it is very long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def parse_size(text: str) -> Any:
    """`WxH` -> Size in pixels."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{shown(text)} is not a size: write WxH, as in 640x360")
    size = Size(int(found[1]), int(found[2]))
    if not (1 <= size.width <= LONGEST_SIDE and 1 <= size.height <= LONGEST_SIDE):
        raise typer.BadParameter(f"{text} is out of range: sides go from 1 to {LONGEST_SIDE} pixels")
    return size


def parse_background(text: str) -> Any:
    """A colour -> red, green and blue from 0 to 255. Raises typer.BadParameter."""
    from stylefader.realtime.media.transparency import parse_colour
    from stylefader.training.errors import SourceError

    try:
        return parse_colour(text)
    except SourceError as error:
        raise typer.BadParameter(str(error)) from error


def parse_time_option(text: str) -> Fraction:
    """Seconds or [hh:]mm:ss[.mmm]."""
    from stylefader.realtime.media.timecode import parse_time

    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(shorter(str(error))) from error


def parse_rate(text: str) -> Fraction:
    """Frames a second, from 0.01 to 1000."""
    rate = _fraction(text)
    if rate is None or not Fraction(1, 100) <= rate <= 1000:
        raise typer.BadParameter(f"{shown(text)} is not a frame rate: write 25 or 30000/1001")
    return rate


def parse_factor(text: str) -> Fraction:
    """How many times, above 0."""
    factor = _fraction(text)
    if factor is None or not 0 < factor <= 10**6:
        raise typer.BadParameter(f"{shown(text)} is no factor for times: write a number above 0, as in 2, 0.5 or 24/25")
    return factor


def shorter(message: str, most: int = 480) -> str:
    """A message that quotes what was given, cut in its middle where that is very long."""
    return message if len(message) <= most else f"{message[: most // 2 - 2]} ... {message[3 - most // 2 :]}"


def _fraction(text: str) -> Fraction | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
