"""Times as people and files write them: seconds, or [hh:]mm:ss[.mmm]. Exact fractions, never floats."""

from __future__ import annotations

import re
from fractions import Fraction

_DIGITS = 12
"""Of a second: as many as `parse_time` takes."""
_SECONDS = re.compile(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})s?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d{0,12})?)", re.ASCII)


def parse_time(text: str) -> Fraction:
    """Seconds (`2`, `2.5`, `2.5s`) or a clock time (`1:30`, `01:02:03.250`). Raises ValueError with the reason."""
    if match := _SECONDS.fullmatch(text):
        return Fraction(match[1])
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = int(match[1] or 0), int(match[2]), Fraction(match[3])
        if seconds >= 60 or (match[1] is not None and minutes >= 60):
            raise ValueError(f"{text!r:.40} has 60 or more minutes or seconds in a clock time")
        return 3600 * hours + 60 * minutes + seconds
    raise ValueError(f"{text!r:.40} is not a time: write seconds (2.5s) or [hh:]mm:ss[.mmm]")


def exact_time(seconds: Fraction) -> str:
    """Seconds as a file has them, `2.5`: never later than they are, and exact where 12 digits of a second do."""
    whole = seconds.numerator * 10**_DIGITS // seconds.denominator
    before, after = divmod(whole, 10**_DIGITS)
    return f"{before}.{after:0{_DIGITS}}".rstrip("0").rstrip(".")


def format_time(seconds: Fraction | float) -> str:
    """h:mm:ss or m:ss for people, rounded to whole seconds; tenths below ten seconds."""
    if seconds < 10:
        return f"{float(seconds):.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
