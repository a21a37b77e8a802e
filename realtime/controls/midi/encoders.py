"""Endless encoders: how they say which way they were turned and how far, and telling that from what one sent.

An absolute control says where it stands, in values that go along its way and are never the same twice in a row. An
encoder says clicks: small numbers in two groups, one for each way, the same again and again when it is turned slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

from stylefader.training.errors import ControlError

Coding = Literal["twos", "offset", "sign", "inc"]
CODINGS: tuple[str, ...] = get_args(Coding)
_MOST_CLICKS = 32
"""Of an encoder at once, turned as fast as can be."""
_SLOW = 2
_USUAL_CLICKS = 16
_FAR = 24
"""A way that only absolute controls make."""
_STILL = (0, 64, 128)
_HOW = "move a fader or knob from end to end, or turn an endless encoder slowly one way and back"


def relative_step(raw: int, coding: Coding) -> int:
    """Clicks that a value from 0 to 127 says, up positive.

    `twos` (two's complement, and increments of 1 and 127): 1 is one up, 127 one down. `offset` (binary offset): 65 is
    one up, 63 one down. `sign` (signed bit): 1 is one up, 65 one down. `inc` (increments of 0 and 127): 127 is one up,
    0 one down.
    """
    if coding == "offset":
        return raw - 64
    if coding == "sign":
        return raw if raw < 64 else 64 - raw
    if coding == "inc":
        return 1 if raw >= 64 else -1
    return raw - 128 if raw >= 64 else raw


def coding_of(raws: Sequence[int]) -> Coding | None:
    """The coding of an encoder that sent these values while it was turned one way and back; None for another control.

    Raises ControlError where they could be of either, or of an encoder that was turned one way alone.
    """
    for coding in get_args(Coding):
        ways = _ways(raws, coding)
        up, down = ([way for way in ways if (relative_step(way[0], coding) > 0) == above] for above in (True, False))
        if all(any(map(_repeats, some)) and _fewest(some, coding) <= _SLOW for some in (up, down)):
            return coding
        if coding != "inc" and all(sum(map(len, some)) >= 2 for some in (up, down)):
            raise ControlError(f"this may be a fader or an endless encoder: {_HOW}")
    if any(min(abs(raw - still) for still in _STILL) > _USUAL_CLICKS for raw in raws):
        return None
    if _repeats(raws):
        raise ControlError(f"this looks like an endless encoder, but how it counts cannot be told: {_HOW}")
    if max(raws) - min(raws) >= _FAR:
        return None
    raise ControlError(f"it moved too little to tell what it is: {_HOW}")


def _ways(raws: Sequence[int], coding: Coding) -> list[list[int]]:
    """The values of each way in their order; nothing where they are none of this coding's."""
    if coding == "inc" and not set(raws) <= {0, 127}:
        return []
    ways: list[list[int]] = []
    before = 0
    for raw in raws:
        step = relative_step(raw, coding)
        if abs(step) > _MOST_CLICKS or (step == 0 and coding == "offset"):
            return []  # 64 is where an absolute control passes its middle
        if step == 0:
            continue
        if step * before <= 0:
            ways.append([])
        ways[-1].append(raw)
        before = step
    return ways


def _repeats(raws: Sequence[int]) -> bool:
    return any(one == other for one, other in pairwise(raws))


def _fewest(ways: Sequence[Sequence[int]], coding: Coding) -> int:
    """The fewest clicks at once."""
    return min(abs(relative_step(raw, coding)) for way in ways for raw in way)
