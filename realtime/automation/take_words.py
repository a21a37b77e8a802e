"""What a take says in words beside its numbers, as comments: which style and which mask played from a time on.

`# 12.5 style the_scream`, `# 12.5 where ellipse:x=0.3`, `# 20 mask_off on`, `# 24.04 mask_inverted off`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from stylefader.realtime.automation.csv_file import Comment
from stylefader.realtime.masks.base import NO_MASK, MaskUse
from stylefader.realtime.media.timecode import exact_time, parse_time

STYLE, WHERE, MASK_OFF, MASK_INVERTED = "style", "where", "mask_off", "mask_inverted"
_ON = {"on": True, "off": False}
_WORDS = re.compile(
    rf"#\s*(\S+)\s+(?:({STYLE})\s+(\S.*)|({WHERE})\s+(\S+)|({MASK_OFF}|{MASK_INVERTED})\s+({'|'.join(_ON)}))"
)


class TakeWord(NamedTuple):
    """From a time in seconds on, `about` is `word`."""

    time: Fraction
    about: str
    word: str

    @property
    def line(self) -> str:
        """As a comment."""
        return f"# {exact_time(self.time)} {self.about} {self.word}"


class MaskMoment(NamedTuple):
    """From a time in seconds on, frames get that mask."""

    time: Fraction
    use: MaskUse


def take_word(comment: Comment) -> TakeWord | None:
    """What a comment says, if it is of a take."""
    found = _WORDS.fullmatch(comment.text)
    if found is None:
        return None
    time, about, word = (part for part in found.groups() if part is not None)
    try:
        return TakeWord(parse_time(time), about, word)
    except ValueError:
        return None


def mask_changes(time: Fraction, before: MaskUse | None, now: MaskUse) -> list[TakeWord]:
    """What is another one from that time on; all that is not usual where there was none before."""
    changed = [] if before is not None and before.where == now.where else [(WHERE, "".join(now.where.split()))]
    flags = before or NO_MASK
    for about, was, on in ((MASK_OFF, flags.off, now.off), (MASK_INVERTED, flags.inverted, now.inverted)):
        if on != was:
            changed.append((about, "on" if on else "off"))
    return [TakeWord(time, about, word) for about, word in changed]


def mask_moments(comments: Sequence[Comment]) -> list[MaskMoment]:
    """The masks of a take in the order of their times, the first of which counts from the beginning.

    Empty where all of the picture is inside throughout.
    """
    said = [one for comment in comments if (one := take_word(comment)) is not None and one.about != STYLE]
    moments: list[MaskMoment] = []
    use = NO_MASK
    for time, about, word in sorted(said, key=lambda one: one.time):
        if about == WHERE:
            use = use._replace(where=word)
        elif about == MASK_OFF:
            use = use._replace(off=_ON[word])
        else:
            use = use._replace(inverted=_ON[word])
        if moments and moments[-1].time == time:
            moments.pop()
        moments.append(MaskMoment(time, use))
    return moments if any(one.use.where != NO_MASK.where for one in moments) else []
