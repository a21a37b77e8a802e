"""Automation: parameters over time, as keyframes. The same clip with the same automation gives the same values.

Two spellings of the same thing. A CSV file (`csv_file.py`). Inline, for one parameter, keyframes with spaces between
them, `TIME:ALPHA[,ALPHA...][:EASE]`, as in `0s:0 2s:1 4s:0.2,1,0.5`, or a single strength, `0.5`, that holds
throughout. Before the first keyframe its values hold, and after the last one the last values. A keyframe's ease says
how values move from it to the next one; two keyframes at one time are a jump.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, cast, get_args

import numpy as np

from stylefader.realtime.automation.columns import column_places
from stylefader.realtime.media.timecode import parse_time
from stylefader.realtime.parameters.parameter import ALPHA, Parameter, Values
from stylefader.realtime.parameters.targets import Sizes, Target, parse_target, why_missing
from stylefader.training.errors import AutomationError

Ease = Literal["hold", "linear", "smooth"]
EASES: tuple[str, ...] = get_args(Ease)
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """The values of an automation's columns at a time. `ease` says how they move to the next.

    Inline, the values are all of one parameter: one moves all components, several are one each.
    """

    time: Fraction
    values: tuple[float, ...]
    ease: Ease = "linear"


class AlphaOverTime(Protocol):
    """What a render takes its values from: an `Automation`, or a `MidiAutomation`."""

    def check(self, sizes: Sizes) -> None:
        """Raise AutomationError unless it is for parameters of these sizes."""

    def bounds(self, name: str = ALPHA) -> tuple[float, float] | None:
        """Smallest and largest value of a parameter that it asks for; None where it does not move that."""

    def values(self, at: Fraction, parameters: Sequence[Parameter]) -> dict[str, Values]:
        """Every parameter at a time in seconds, float32 (size,) each; does not depend on earlier calls."""
        ...


class Automation:
    """Keyframes in time order.

    Args:
        keyframes: One or more.
        columns: What each value of a keyframe is: targets by name, as in `alpha0` or `mix`.
        origin: What the user wrote it in (a file, an option), for error messages.
    """

    def __init__(
        self, keyframes: Sequence[Keyframe], *, columns: Sequence[str] = (ALPHA,), origin: str = "automation"
    ) -> None:
        if not keyframes:
            raise AutomationError(f"{origin}: no keyframes")
        self.keyframes = tuple(keyframes)
        self.columns = tuple(columns)
        self.origin = origin
        self._times = [keyframe.time for keyframe in keyframes]
        self._places = column_places(columns)
        self._labels = _labels(columns)
        assert self._times == sorted(self._times), "keyframes in time order"

    @property
    def names(self) -> list[str]:
        """The parameters that it moves."""
        return list(self._places)

    def of(self, keyframe: Keyframe, name: str) -> tuple[float, ...]:
        """The values of a parameter at one of the keyframes: one for all of its components, or one for each."""
        if len(self.columns) == 1 and not self._labels:
            return keyframe.values  # inline, there may be several
        return tuple(keyframe.values[place] for place in self._places[name])

    def check(self, sizes: Sizes) -> None:
        """Raise AutomationError unless every parameter is there, and has one value, or one for each component."""
        for name in self._places:
            for target in [Target(name, label) for label in self._labels.get(name, ())] or [Target(name)]:
                why = why_missing(target, sizes)
                if why is not None:
                    raise AutomationError(f"{self.origin}: {why}")
            if name in self._labels:
                continue
            for keyframe in self.keyframes if len(self.columns) == 1 else self.keyframes[:1]:
                count = len(self.of(keyframe, name))
                if count not in (1, sizes[name]):
                    raise AutomationError(
                        f"{self.origin}: {count} values for {name} at {float(keyframe.time):g} s, "
                        f"but this style takes {sizes[name]}: give 1{f' or {sizes[name]}' if sizes[name] > 1 else ''}"
                    )

    def bounds(self, name: str = ALPHA) -> tuple[float, float] | None:
        """Smallest and largest value of a parameter; easing never leaves them. None where it does not move that."""
        if name not in self._places:
            return None
        values = [value for keyframe in self.keyframes for value in self.of(keyframe, name)]
        return min(values), max(values)

    def values(self, at: Fraction, parameters: Sequence[Parameter]) -> dict[str, Values]:
        """Every parameter at a time in seconds, its default where there is no column. Call `check` first.

        Returns:
            float32 (size,) each, by name.
        """
        way = self._way(at)
        return {
            parameter.name: self._between(way, parameter)
            if parameter.name in self._places
            else np.array(parameter.default, np.float32)
            for parameter in parameters
        }

    def _way(self, at: Fraction) -> tuple[Keyframe, Keyframe, float]:
        """The keyframes before and after a time, and how much of the change between them has come."""
        place = bisect_right(self._times, at)
        before = self.keyframes[max(place - 1, 0)]
        after = self.keyframes[min(place, len(self.keyframes) - 1)]
        return before, after, 0.0 if before is after or place == 0 else along(before, after, at)

    def _between(self, way: tuple[Keyframe, Keyframe, float], parameter: Parameter) -> Values:
        """A parameter that has columns, between two keyframes: float32 (size,)."""
        before, after, u = way
        labels, name = self._labels.get(parameter.name), parameter.name
        shape = (parameter.size,) if labels is None else (len(labels),)
        values = np.broadcast_to(np.asarray(self.of(before, name), np.float64), shape)
        if u:
            values = values + u * (np.asarray(self.of(after, name), np.float64) - values)
        if labels is None:
            return values.astype(np.float32)
        whole = np.zeros(parameter.size, np.float32)  # of which those without a column are 0
        for label, value in zip(labels, values, strict=True):
            whole[parameter.labels.index(label)] = value
        return whole


def along(before: Keyframe, after: Keyframe, at: Fraction) -> float:
    """How much of the change from a keyframe to the next has come at a time between them: 0 to 1, eased."""
    if before.ease == "hold":
        return 0.0
    u = float((at - before.time) / (after.time - before.time))
    return u * u * (3 - 2 * u) if before.ease == "smooth" else u


def _labels(columns: Sequence[str]) -> dict[str, list[str]]:
    """The components that have columns by their own names, by parameter, in the order of the columns."""
    found: dict[str, list[str]] = {}
    for target in map(parse_target, columns):
        if target is not None and isinstance(target.component, str):
            found.setdefault(target.name, []).append(target.component)
    return found


def parse_inline(text: str, *, origin: str = "--alpha", name: str = ALPHA) -> Automation:
    """Read keyframes of a parameter, or one constant, from one line. Raises AutomationError with the column."""
    words = [(match.start() + 1, match[0]) for match in re.finditer(r"\S+", text)]
    if not words:
        raise AutomationError(f"{origin} is empty: give an alpha (0.5) or keyframes (0s:0 2s:1)")
    if len(words) == 1 and ":" not in words[0][1]:
        column, word = words[0]
        return Automation(
            [Keyframe(time=Fraction(0), values=_alphas(word, f"{origin}, column {column}"))],
            columns=(name,),
            origin=origin,
        )
    keyframes: list[Keyframe] = []
    for column, word in words:
        where = f"{origin}, column {column}"
        time_text, _, rest = word.rpartition(":")
        ease: Ease = "linear"
        if rest[:1].isalpha() and rest.lower() not in ("nan", "inf", "infinity"):
            ease = parse_ease(rest, where)
            time_text, _, rest = time_text.rpartition(":")
        if not time_text:
            raise AutomationError(
                f"{where}: {word!r:.40} is not a keyframe: write TIME:VALUE, as in 2s:1 or 2s:0.2,1,0.5"
            )
        keyframe = Keyframe(time=parse_keyframe_time(time_text, where), values=_alphas(rest, where), ease=ease)
        check_order(keyframes, keyframe, where)
        keyframes.append(keyframe)
    return Automation(keyframes, columns=(name,), origin=origin)


def parse_keyframe_time(text: str, where: str) -> Fraction:
    """The time of a keyframe. where: what an AutomationError names; so for the others below."""
    try:
        return parse_time(text)
    except ValueError as error:
        raise AutomationError(f"{where}: {error}") from error


def _alphas(text: str, where: str) -> tuple[float, ...]:
    return tuple(parse_value(part, where) for part in text.split(","))


def parse_value(text: str, where: str) -> float:
    """A finite number. Raises AutomationError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and abs(value) <= _LARGEST):
        raise AutomationError(f"{where}: {text!r:.40} is not a number: write one such as 0.5")
    return value


def parse_ease(text: str, where: str) -> Ease:
    """How values move to the next keyframe. Raises AutomationError."""
    if text.lower() not in EASES:
        raise AutomationError(f"{where}: ease {text!r:.40} is not known: there are {', '.join(EASES)}")
    return cast(Ease, text.lower())


def check_order(keyframes: list[Keyframe], following: Keyframe, where: str) -> None:
    """Raise AutomationError where a keyframe that follows others is earlier than the last of them."""
    if keyframes and following.time < keyframes[-1].time:
        raise AutomationError(
            f"{where}: {float(following.time):g} s comes after {float(keyframes[-1].time):g} s: "
            "keyframes go in time order"
        )
