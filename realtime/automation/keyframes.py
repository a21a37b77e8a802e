"""Automation: alpha over time, as keyframes. The same clip with the same automation gives the same alphas.

Two spellings of the same thing. A CSV file with the header `time,alpha` (one strength for all blocks) or
`time,alpha0,alpha1,...` (one a block) and optionally `ease`; lines that start with # are comments. Inline,
keyframes with spaces between them, `TIME:ALPHA[,ALPHA...][:EASE]`, as in `0s:0 2s:1 4s:0.2,1,0.5`, or a single
strength, `0.5`, that holds throughout. Before the first keyframe its alpha holds, after the last one's as well.
A keyframe's ease says how alpha goes on from it to the next one; two keyframes at one time are a jump.
"""

from __future__ import annotations

import csv
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, cast, get_args

import numpy as np
import numpy.typing as npt

from stylefader.realtime.media.timecode import parse_time
from stylefader.training.errors import AutomationError
from stylefader.training.reading.toml_text import read_text

Ease = Literal["hold", "linear", "smooth"]
EASES: tuple[str, ...] = get_args(Ease)
_MOST_BYTES = 64 * 2**20
_MOST_ROWS = 10**6
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """alpha at a time. One value moves all blocks, several are one a block. `ease` rules the way to the next."""

    time: Fraction
    alpha: tuple[float, ...]
    ease: Ease = "linear"


class AlphaOverTime(Protocol):
    """What a render takes its strengths from: an `Automation`, or a `MidiAutomation`."""

    def check_blocks(self, n_blocks: int) -> None:
        """Raise AutomationError unless it is for so many blocks."""

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest alpha that it asks for."""

    def alpha(self, at: Fraction, n_blocks: int) -> npt.NDArray[np.float32]:
        """The strengths at a time in seconds, float32 (n_blocks,): the same whatever was asked before."""


class Automation:
    """Keyframes in time order. `origin` is what the user wrote it in (a file, an option), for error messages."""

    def __init__(self, keyframes: Sequence[Keyframe], *, origin: str = "automation") -> None:
        if not keyframes:
            raise AutomationError(f"{origin}: no keyframes")
        self.keyframes = tuple(keyframes)
        self.origin = origin
        self._times = [keyframe.time for keyframe in keyframes]
        assert self._times == sorted(self._times), "keyframes in time order"

    def check_blocks(self, n_blocks: int) -> None:
        """Raise AutomationError unless every keyframe has one value, or one for each of `n_blocks` blocks."""
        for keyframe in self.keyframes:
            if len(keyframe.alpha) not in (1, n_blocks):
                raise AutomationError(
                    f"{self.origin}: {len(keyframe.alpha)} alphas at {float(keyframe.time):g} s, "
                    f"but this style has {_blocks(n_blocks)}: give 1 or {n_blocks}"
                )

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest alpha of any keyframe; easing never leaves them."""
        values = [value for keyframe in self.keyframes for value in keyframe.alpha]
        return min(values), max(values)

    def alpha(self, at: Fraction, n_blocks: int) -> npt.NDArray[np.float32]:
        """The strengths at a time in seconds, float32 (n_blocks,). Call `check_blocks` first."""
        place = bisect_right(self._times, at)
        before = self.keyframes[max(place - 1, 0)]
        after = self.keyframes[min(place, len(self.keyframes) - 1)]
        start = np.broadcast_to(np.asarray(before.alpha, np.float64), (n_blocks,))
        if before is after or place == 0:
            return start.astype(np.float32)
        u = along(before, after, at)
        return (start + u * (np.asarray(after.alpha, np.float64) - start)).astype(np.float32)


def along(before: Keyframe, after: Keyframe, at: Fraction) -> float:
    """How much of the change from a keyframe to the next has come at a time between them: 0 to 1, eased."""
    if before.ease == "hold":
        return 0.0
    u = float((at - before.time) / (after.time - before.time))
    return u * u * (3 - 2 * u) if before.ease == "smooth" else u


class Comment(NamedTuple):
    """A line of a file that begins with #. before: how many keyframes stand above it, -1 above the header."""

    before: int
    text: str


@dataclass(frozen=True, kw_only=True)
class AutomationFile:
    """A file as it was written: names of the alphas' columns, keyframes, comments in their order."""

    names: tuple[str, ...]
    automation: Automation
    comments: tuple[Comment, ...] = ()


def _blocks(n_blocks: int) -> str:
    return "1 tuning-block" if n_blocks == 1 else f"{n_blocks} tuning-blocks"


def parse_inline(text: str, *, origin: str = "--alpha") -> Automation:
    """Read keyframes, or one constant alpha, from one line. Raises AutomationError with the column."""
    words = [(match.start() + 1, match[0]) for match in re.finditer(r"\S+", text)]
    if not words:
        raise AutomationError(f"{origin} is empty: give an alpha (0.5) or keyframes (0s:0 2s:1)")
    if len(words) == 1 and ":" not in words[0][1]:
        column, word = words[0]
        return Automation(
            [Keyframe(time=Fraction(0), alpha=_alphas(word, f"{origin}, column {column}"))], origin=origin
        )
    keyframes: list[Keyframe] = []
    for column, word in words:
        where = f"{origin}, column {column}"
        time_text, _, rest = word.rpartition(":")
        ease: Ease = "linear"
        if rest[:1].isalpha() and rest.lower() not in ("nan", "inf", "infinity"):
            ease = _ease(rest, where)
            time_text, _, rest = time_text.rpartition(":")
        if not time_text:
            raise AutomationError(
                f"{where}: {word!r:.40} is not a keyframe: write TIME:ALPHA, as in 2s:1 or 2s:0.2,1,0.5"
            )
        keyframe = Keyframe(time=_time(time_text, where), alpha=_alphas(rest, where), ease=ease)
        _check_order(keyframes, keyframe, where)
        keyframes.append(keyframe)
    return Automation(keyframes, origin=origin)


def read_csv(path: Path) -> Automation:
    """Read an automation file. Raises AutomationError with line and column."""
    return read_sheet(path).automation


def read_sheet(path: Path) -> AutomationFile:
    """The same with what else stands in the file."""
    text = read_text(path, "automation file", error=AutomationError, most=_MOST_BYTES)
    return parse_sheet(text, origin=str(path))


def parse_csv(text: str, *, origin: str) -> Automation:
    """Read the text of an automation file. Raises AutomationError with line and column."""
    return parse_sheet(text, origin=origin).automation


def parse_sheet(text: str, *, origin: str) -> AutomationFile:
    """The same with what else stands in the file."""
    names: list[str] = []
    alphas: list[str] = []
    keyframes: list[Keyframe] = []
    comments: list[Comment] = []
    for line, row in _rows(text, origin):
        if len(keyframes) + len(comments) >= _MOST_ROWS:
            raise AutomationError(f"{origin} has more than {_MOST_ROWS} rows: thin it, or cut it into parts")
        if isinstance(row, str):
            comments.append(Comment(len(keyframes) if names else -1, row))
            continue
        if not names:
            names, alphas = _header(row, f"{origin}, line {line}")
            continue
        if len(row) != len(names):
            raise AutomationError(f"{origin}, line {line}: {len(row)} columns, but the header has {len(names)}")
        cells = {
            name: (cell.strip(), f"{origin}, line {line}, column {column} ({name})")
            for column, (name, cell) in enumerate(zip(names, row, strict=True), 1)
        }
        keyframe = Keyframe(
            time=_time(*cells["time"]),
            alpha=tuple(_alpha(*cells[name]) for name in alphas),
            ease=_ease(*cells["ease"]) if cells.get("ease", ("", ""))[0] else "linear",
        )
        _check_order(keyframes, keyframe, f"{origin}, line {line}, column {names.index('time') + 1} (time)")
        keyframes.append(keyframe)
    if not names:
        _header([], f"{origin}, line 1")
    return AutomationFile(
        names=tuple(alphas), automation=Automation(keyframes, origin=origin), comments=tuple(comments)
    )


def _header(row: list[str], where: str) -> tuple[list[str], list[str]]:
    """Names of all columns, and of those that are alphas."""
    names = [name.strip().lower() for name in row]
    alphas = [name for name in names if name not in ("time", "ease")]
    wanted = ["alpha"] if alphas == ["alpha"] else [f"alpha{i}" for i in range(len(alphas))]
    if "time" not in names or not alphas or alphas != wanted or len(set(names)) != len(names):
        raise AutomationError(
            f"{where}: the header must be time,alpha or time,alpha0,alpha1,... with an optional ease, "
            f"not {','.join(row)!r:.80}"
        )
    return names, alphas


def _rows(text: str, origin: str) -> Iterator[tuple[int, list[str] | str]]:
    """Rows with the number of their line; a comment is the line itself."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            yield number, line.rstrip()
            continue
        try:
            row = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            long = len(line) > csv.field_size_limit()
            why = "a column is far too long: is this an automation?" if long else str(error)
            raise AutomationError(f"{origin}, line {number}: {why}") from error
        if any(cell.strip() for cell in row):
            yield number, row


def _time(text: str, where: str) -> Fraction:
    try:
        return parse_time(text)
    except ValueError as error:
        raise AutomationError(f"{where}: {error}") from error


def _alphas(text: str, where: str) -> tuple[float, ...]:
    return tuple(_alpha(part, where) for part in text.split(","))


def _alpha(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and abs(value) <= _LARGEST):
        raise AutomationError(f"{where}: {text!r:.40} is not an alpha: write a number such as 0.5")
    return value


def _ease(text: str, where: str) -> Ease:
    if text.lower() not in EASES:
        raise AutomationError(f"{where}: ease {text!r:.40} is not known: there are {', '.join(EASES)}")
    return cast(Ease, text.lower())


def _check_order(keyframes: list[Keyframe], following: Keyframe, where: str) -> None:
    if keyframes and following.time < keyframes[-1].time:
        raise AutomationError(
            f"{where}: {float(following.time):g} s comes after {float(keyframes[-1].time):g} s: "
            "keyframes go in time order"
        )
