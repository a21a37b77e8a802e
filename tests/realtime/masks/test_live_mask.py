"""A source of masks in a session: what fails is told once and the mask before holds."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.masks.live_mask import LiveMask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import Values
from stylefader.training.errors import SourceError
from tests.realtime.live import HEIGHT, WIDTH, numbered


class Scripted:
    """Gives what it is told to, and raises what is an error."""

    def __init__(self, *given: Mask | Exception | None) -> None:
        self.given, self.times = list(given), list[Fraction]()
        self.closed = 0

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask | None:
        self.times.append(time)
        one = self.given.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    def close(self) -> None:
        self.closed += 1


def test_the_mask_before_holds_where_a_frame_has_none() -> None:
    good, other = (np.full((HEIGHT, WIDTH), value, np.uint8) for value in (200, 100))
    source = Scripted(good, SourceError("it broke"), np.zeros((2, 2), np.uint8), RuntimeError("a bug"), other, None)
    told: list[str] = []
    mask = LiveMask(source, HEIGHT, WIDTH, failed=lambda error: told.append(str(error)))
    found = [mask(numbered(number), {}) for number in range(6)]
    assert [one is good for one in found[:4]] == [True] * 4 and found[4] is other and found[5] is None
    assert told == ["it broke"], "once"
    assert source.times == [Fraction(number, 30) for number in range(6)]


def test_a_mask_of_another_size_is_said_in_one_line() -> None:
    told: list[str] = []
    wrong = np.zeros((2, 2), np.float32)
    mask = LiveMask(Scripted(wrong), HEIGHT, WIDTH, failed=lambda error: told.append(str(error)))  # type: ignore[arg-type]
    assert mask(numbered(0), {}) is None
    assert told == ["a mask is float32 (2, 2), expected uint8 (4, 8)"]


def test_after_its_end_all_is_inside() -> None:
    source = Scripted(np.zeros((HEIGHT, WIDTH), np.uint8))
    mask = LiveMask(source, HEIGHT, WIDTH, failed=lambda error: None)
    mask.close()
    mask.close()
    assert mask(numbered(0), {}) is None and source.closed == 1 and len(source.given) == 1


def test_the_flags_turn_it_off_and_exchange_its_sides() -> None:
    show = OutputFlags()
    level = np.full((HEIGHT, WIDTH), 200, np.uint8)
    source = Scripted(level, level, None)
    mask = LiveMask(source, HEIGHT, WIDTH, show=show, failed=lambda error: None)
    show.mask_off = True
    assert mask(numbered(0), {}) is None
    assert source.times == [], "what is off is not asked"
    show.mask_off = False
    assert mask(numbered(1), {}) is level
    show.mask_inverted = True
    inverted = mask(numbered(2), {})
    assert inverted is not None and (inverted == 55).all()
    assert (level == 200).all(), "a mask that was given is not written to"
    nothing = mask(numbered(3), {})
    assert nothing is not None and not nothing.any(), "the opposite of all is nothing"


def test_each_note_of_a_source_is_said_once() -> None:
    level = np.full((HEIGHT, WIDTH), 200, np.uint8)
    source, said = Scripted(level, level, level), list[str]()
    source.notes = []  # type: ignore[attr-defined]
    mask = LiveMask(source, HEIGHT, WIDTH, failed=lambda error: None, said=said.append)
    for number in range(3):
        if number == 1:
            source.notes.append("it ended")  # type: ignore[attr-defined]
        mask(numbered(number), {})
    assert said == ["it ended"]
