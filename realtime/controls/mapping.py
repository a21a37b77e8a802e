"""The mapping file: which control moves what. TOML, one `[[map]]` a control; docs/control.md has it key by key.

Everything is checked when it is read, and what is wrong is said with its line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from realtime.controls.curves import CURVES
from realtime.controls.events import CODINGS, KINDS, Coding, ControlEvent, Kind
from training.errors import ControlError

FLAGS = ("bypass", "freeze", "blackout")
TRIGGERS = ("next", "previous", "panic")
MODES = ("toggle", "hold")
_NUMBERED = {"cc": 127, "cc14": 31, "nrpn": 16383, "note": 127, "polytouch": 127}
_MOST_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class ControlMap:
    """One control and what it moves; fields as in docs/control.md. line: where it stands in the file."""

    kind: Kind
    target: str
    port: str = ""
    number: int | None = None
    channel: int | None = None
    range: tuple[float, float] | None = None
    invert: bool = False
    curve: str = "linear"
    pickup: bool = True
    relative: Coding | None = None
    step: float = 0.01
    to: int | None = None
    mode: Literal["toggle", "hold"] = "toggle"
    feedback: bool = False
    line: int = 0

    @property
    def block(self) -> int | Literal["all"] | None:
        """Which alpha it moves; None where it moves none."""
        if self.target == "alpha":
            return "all"
        return int(self.target[5:]) if self.target.startswith("alpha") else None

    def takes(self, event: ControlEvent) -> bool:
        """Whether an event is of this control."""
        return (
            self.kind == event.kind
            and self.number in (None, event.number)
            and self.channel in (None, event.channel)
            and self.port.lower() in event.port.lower()
        )

    def alpha(self, value: float, bounds: tuple[float, float]) -> float:
        """A control's place from 0 to 1 as alpha; `bounds` are the pack's, for a mapping without a range."""
        low, high = self.range or bounds
        return low + (high - low) * CURVES[self.curve].there(1 - value if self.invert else value)

    def place(self, alpha: float, bounds: tuple[float, float]) -> float:
        """Where a control would stand for an alpha, from 0 to 1."""
        low, high = self.range or bounds
        share = min(max((alpha - low) / (high - low), 0.0), 1.0) if high > low else 0.0
        place = min(max(CURVES[self.curve].back(share), 0.0), 1.0)
        return 1 - place if self.invert else place


def read_mapping(path: Path) -> tuple[ControlMap, ...]:
    """Read a mapping file. Raises ControlError with line and reason."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ControlError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: is it a mapping file?")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ControlError(f"no mapping file at {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"cannot read the mapping file {path}: {error}") from error
    return parse_mapping(text, origin=str(path))


def parse_mapping(text: str, *, origin: str) -> tuple[ControlMap, ...]:
    """Read the text of a mapping file. Raises ControlError with line and reason."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise ControlError(f"{origin}: {str(error) or 'nested too deeply'}") from error
    lines = _Lines(text)
    for key in document:
        if key != "map":
            raise ControlError(f"{origin}, line {lines.of_key(None, key)}: {key!r} is not known; there is [[map]]")
    tables = document.get("map", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ControlError(f"{origin}, line {lines.of_key(None, 'map')}: write [[map]], one for each control")
    return tuple(_checked(table, number, origin, lines) for number, table in enumerate(tables))


def _checked(table: Mapping[str, Any], number: int, origin: str, lines: _Lines) -> ControlMap:
    """One table as a mapping."""

    def refuse(key: str | None, why: str) -> ControlError:
        return ControlError(f"{origin}, line {lines.of_key(number, key)}: {why}")

    for key, value in table.items():
        if key not in _KEYS:
            raise refuse(key, f"{key!r} is not known; there are {', '.join(_KEYS)}")
        fits, should_be = _KEYS[key]
        if not fits(value):
            raise refuse(key, f"{key} is {should_be}, not {value!r:.60}")
    for key in ("kind", "target"):
        if key not in table:
            raise refuse(None, f"this [[map]] has no {key}")
    kind = table["kind"]
    if kind in _NUMBERED and not 0 <= table.get("number", -1) <= _NUMBERED[kind]:
        raise refuse("number" if "number" in table else None, f"{kind} has a number from 0 to {_NUMBERED[kind]}")
    if kind in ("pitchbend", "aftertouch") and "number" in table:
        raise refuse("number", f"{kind} has no number")
    for key, why in _without_effect(table).items():
        if key in table:
            raise refuse(key, f"{key} has no effect here: {why}")
    words = dict(table)
    if "range" in words:
        words["range"] = (float(words["range"][0]), float(words["range"][1]))
    return ControlMap(**words, line=lines.of_key(number, None))


def _without_effect(table: Mapping[str, Any]) -> dict[str, str]:
    """Keys that would do nothing in this table, and why."""
    kind, target, relative = table["kind"], table["target"], "relative" in table
    without: dict[str, str] = {}
    if not target.startswith("alpha"):
        without |= dict.fromkeys(("range", "curve", "pickup"), "it is for alpha")
        if target not in FLAGS:
            without["feedback"] = f"it is for alpha, {', '.join(FLAGS)}"
        if not relative:
            without["invert"] = "it is for alpha and relative encoders"
    if relative:
        without |= dict.fromkeys(("range", "curve", "pickup", "feedback"), "an encoder moves by steps")
    else:
        without["step"] = "it is for relative encoders"
    if kind != "cc":
        without["relative"] = "it is for kind cc"
    if relative and target in (*FLAGS, *TRIGGERS):
        without["relative"] = "it is for alpha and style"
    if kind == "program":
        without |= {
            "pickup": "a program does not move",
            "feedback": "a program has no place",
            "mode": "it is not let go",
        }
    if kind == "note":
        without |= {"pickup": "a key does not move"}
    if target != "style" or relative:
        without["to"] = "it is for style, by a press"
    if target not in FLAGS:
        without["mode"] = f"it is for {', '.join(FLAGS)}"
    return without


def _is_target(value: object) -> bool:
    return isinstance(value, str) and bool(
        re.fullmatch(r"alpha(0|[1-9][0-9]?)?|style|" + "|".join(FLAGS + TRIGGERS), value)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _is_whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "port": (lambda value: isinstance(value, str) and value != "", "a part of a port's name"),
    "kind": (lambda value: value in KINDS, f"one of {', '.join(KINDS)}"),
    "number": (_is_whole(0, 16383), "a whole number from 0"),
    "channel": (_is_whole(1, 16), "a channel from 1 to 16"),
    "target": (_is_target, f"alpha, alpha0, alpha1, ..., style, {', '.join(FLAGS + TRIGGERS)}"),
    "range": (_is_range, "two numbers, the lower first, as in [0.0, 1.0]"),
    "invert": (_is_bool, "true or false"),
    "curve": (lambda value: isinstance(value, str) and value in CURVES, f"one of {', '.join(CURVES)}"),
    "pickup": (_is_bool, "true or false"),
    "relative": (lambda value: value in CODINGS, f"one of {', '.join(CODINGS)}"),
    "step": (lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, to 1"),
    "to": (_is_whole(1, 999), "a style's number, from 1"),
    "mode": (lambda value: value in MODES, f"one of {', '.join(MODES)}"),
    "feedback": (_is_bool, "true or false"),
}


class _Lines:
    """Where tables and their keys stand in a text whose tables are written as [[map]]."""

    def __init__(self, text: str) -> None:
        self._of: dict[tuple[int | None, str | None], int] = {}
        table: int | None = None
        maps = 0
        for number, line in enumerate(text.splitlines(), 1):
            if re.match(r"\s*\[", line):
                if re.match(r"\s*\[\[\s*[\"']?map[\"']?\s*\]\]", line):
                    table, maps = maps, maps + 1
                    self._of[table, None] = number
                elif found := re.match(r"\s*\[+\s*[\"']?([^\"'\].\s]+)", line):
                    table = None
                    self._of.setdefault((None, found[1]), number)
            elif found := re.match(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*[.=]", line):
                self._of.setdefault((table, found[1]), number)

    def of_key(self, table: int | None, key: str | None) -> int:
        """The line of a key of the so-manieth table, of the table itself where it cannot be found, or the first."""
        found = (self._of.get(place) for place in ((table, key), (table, None), (None, key), (None, "map")))
        return next((line for line in found if line), 1)


class MappingFile:
    """A mapping file that may change while it is used."""

    def __init__(self, path: Path, *, say: Callable[[str], None]) -> None:
        self.path, self._say = path, say
        self._seen = self._stamp()
        self.maps = read_mapping(path)

    def poll(self) -> bool:
        """Read the file again where it changed; whether there is another mapping. A broken edit keeps the old one."""
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:  # None: an editor may be about to put it back
            return False
        self._seen = stamp
        try:
            self.maps = read_mapping(self.path)
        except ControlError as error:
            self._say(f"{error}; the mapping before stays")
            return False
        self._say(f"{self.path}: {len(self.maps)} mappings")
        return True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
