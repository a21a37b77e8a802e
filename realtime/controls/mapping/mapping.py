"""The mapping file: what controls and keys do, LFOs, sound, tempo. TOML; docs/control.md has it key by key.

Everything is checked when it is read; errors name the line.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from stylefader.realtime.controls.action_kinds import Action, Choice, Switch
from stylefader.realtime.controls.actions import find_mapped, parameter_target, remote
from stylefader.realtime.controls.events import KINDS, ControlEvent, Kind
from stylefader.realtime.controls.mapping.key_section import parse_keys
from stylefader.realtime.controls.mapping.lfo_section import lfo
from stylefader.realtime.controls.mapping.sound_section import SoundMap, sound_map
from stylefader.realtime.controls.mapping.toml_tables import (
    Check,
    Form,
    Table,
    is_bool,
    is_number,
    is_range,
    is_text,
    is_whole,
    parse_tables,
    read_text,
)  # fmt: skip
from stylefader.realtime.controls.midi.encoders import CODINGS, Coding
from stylefader.realtime.controls.midi.port_names import fits
from stylefader.realtime.parameters.curves import CURVES
from stylefader.realtime.parameters.lfo import LfoMap
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.parameters.tempo import LEAST_BPM, MOST_BPM
from stylefader.training.packs.added_inputs import STYLE

MODES = ("toggle", "hold")
_NUMBERED = {"cc": 127, "cc14": 31, "nrpn": 16383, "note": 127, "polytouch": 127}


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
    to: int | str | None = None
    mode: Literal["toggle", "hold"] = "toggle"
    feedback: bool = False
    line: int = 0

    @cached_property
    def moves(self) -> Target | None:
        """Which parameter it moves; None where it moves none."""
        return parameter_target(self.target)

    @cached_property
    def action(self) -> Action | None:
        """Which action it asks for; None where it moves a parameter."""
        return find_mapped(self.target)

    def takes(self, event: ControlEvent) -> bool:
        """Whether an event is of this control."""
        return (
            self.kind == event.kind
            and self.number in (None, event.number)
            and self.channel in (None, event.channel)
            and fits(event.port, self.port)
        )

    def value(self, place: float, bounds: tuple[float, float]) -> float:
        """A control's place from 0 to 1 as a value; `bounds` are the parameter's, for a mapping without a range."""
        low, high = self.range or bounds
        return low + (high - low) * CURVES[self.curve].there(1 - place if self.invert else place)

    def place(self, value: float, bounds: tuple[float, float]) -> float:
        """Where a control would stand for a value, from 0 to 1."""
        low, high = self.range or bounds
        share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
        place = min(max(CURVES[self.curve].back(share), 0.0), 1.0)
        return 1 - place if self.invert else place


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What a mapping file says, section by section."""

    maps: tuple[ControlMap, ...] = ()
    keys: MappingOf[str, tuple[str, ...]] = field(default_factory=dict)
    """By action, in place of those of the table in realtime/controls/actions.py."""
    lfos: tuple[LfoMap, ...] = ()
    sounds: tuple[SoundMap, ...] = ()
    lines: MappingOf[str, int] = field(default_factory=dict, compare=False)
    """Where the keys of an action stand in the file."""
    bpm: float | None = None
    """Of the clock while no MIDI clock runs; None where the file does not say."""

    @property
    def counts_beats(self) -> bool:
        """Whether the tempo moves anything."""
        return any(entry.beats is not None for entry in self.lfos)

    @property
    def moved(self) -> frozenset[str]:
        """Names of the parameters that LFOs and sound move."""
        lfos, sounds = (entry.moves for entry in self.lfos), (entry.moves for entry in self.sounds)
        return frozenset(target.name for target in (*lfos, *sounds))

    def __str__(self) -> str:
        others = {"keys of {} actions": self.keys, "{} LFOs": self.lfos, "{} of sound": self.sounds}
        there = [words.format(len(entries)) for words, entries in others.items() if entries]
        return ", ".join([f"{len(self.maps)} mappings", *there])


_SECTIONS: dict[str, Form] = {"map": "many", "keys": "one", "lfo": "many", "sound": "many", "clock": "one"}


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises ControlError with line and reason."""
    return parse_mapping(read_text(path, "mapping file"), origin=str(path))


def parse_mapping(text: str, *, origin: str) -> Mapping:
    """Read the text of a mapping file. Raises ControlError with line and reason."""
    tables = parse_tables(text, _SECTIONS, origin=origin)
    words = tables["clock"][0].check(_CLOCK_KEYS) if tables["clock"] else {}
    return Mapping(
        maps=tuple(map(_control, tables["map"])),
        keys=parse_keys(tables["keys"][0]) if tables["keys"] else {},
        lines={word: table.line_of(word) for table in tables["keys"] for word in table.words},
        lfos=tuple(map(lfo, tables["lfo"])),
        sounds=tuple(map(sound_map, tables["sound"])),
        bpm=words.get("bpm"),
    )


def _control(table: Table) -> ControlMap:
    """A `[[map]]`."""
    words = table.check(_KEYS, needed=("kind", "target"))
    kind = words["kind"]
    if kind in _NUMBERED and not 0 <= words.get("number", -1) <= _NUMBERED[kind]:
        raise table.refuse("number" if "number" in words else None, f"{kind} has a number from 0 to {_NUMBERED[kind]}")
    if kind in ("pitchbend", "aftertouch") and "number" in words:
        raise table.refuse("number", f"{kind} has no number")
    for key, why in without_effect(words).items():
        if key in words:
            raise table.refuse(key, f"{key} has no effect here: {why}")
    if isinstance(words.get("to"), str) and words["target"] != "scene":
        raise table.refuse("to", "to is a style's number, from 1: only scenes are called by their names")
    if "range" in words:
        words["range"] = (float(words["range"][0]), float(words["range"][1]))
    return ControlMap(**words, line=table.line)


def without_effect(table: dict[str, Any]) -> dict[str, str]:
    """Keys that would do nothing in this table, and why."""
    kind, action, relative = table["kind"], find_mapped(table["target"]), "relative" in table
    switches, choices = _names(Switch), _names(Choice)
    without: dict[str, str] = {}
    if action is not None:
        without |= dict.fromkeys(("range", "curve", "pickup"), "it is for alpha and other parameters")
        if not isinstance(action, Switch):
            without["feedback"] = f"it is for alpha and other parameters, {', '.join(switches)}"
        if not relative:
            without["invert"] = "it is for alpha and other parameters, and relative encoders"
    if relative:
        without |= dict.fromkeys(("range", "curve", "pickup", "feedback"), "an encoder moves by steps")
    else:
        without["step"] = "it is for relative encoders"
    if kind != "cc":
        without["relative"] = "it is for kind cc"
    if relative and action is not None and action.name != "style":
        without["relative"] = "it is for alpha and other parameters, and style"
    if kind == "program":
        without |= {
            "pickup": "a program does not move",
            "feedback": "a program has no place",
            "mode": "it is not let go",
        }
    if kind == "note":
        without |= {"pickup": "a key does not move"}
    if not isinstance(action, Choice) or relative:
        without["to"] = f"it is for {' and '.join(choices)}, by a press"
    if not isinstance(action, Switch):
        without["mode"] = f"it is for {', '.join(switches)}"
    return without


def targets_there(names: Iterable[str] = (ALPHA,)) -> str:
    """What a control can move, in words. names: the parameters that there are."""
    moved = ", ".join(
        "style0, style1, ..., style/NAME" if name == STYLE else f"{name}, {name}0, {name}1, ..." for name in names
    )
    return f"{moved}, {', '.join(action.name for action in remote(midi=True))}"


def _names(kind: type[Choice | Switch]) -> list[str]:
    return [action.name for action in remote(midi=True) if isinstance(action, kind)]


def is_target(value: object) -> bool:
    """Whether a control can move it, where some style declares it."""
    return isinstance(value, str) and (find_mapped(value) is not None or parameter_target(value) is not None)


def is_choice(value: object) -> bool:
    """Whether `to` may be it."""
    return is_text(value) if isinstance(value, str) else is_whole(1, 999)(value)


_CLOCK_KEYS: dict[str, Check] = {
    "bpm": (
        lambda value: is_number(value) and LEAST_BPM <= value <= MOST_BPM,
        f"quarter notes a minute, from {LEAST_BPM:g} to {MOST_BPM:g}",
    ),
}
_KEYS: dict[str, Check] = {
    "port": (lambda value: isinstance(value, str) and value != "", "a part of a port's name"),
    "kind": (lambda value: value in KINDS, f"one of {', '.join(KINDS)}"),
    "number": (is_whole(0, 16383), "a whole number from 0"),
    "channel": (is_whole(1, 16), "a channel from 1 to 16"),
    "target": (is_target, targets_there()),
    "range": (is_range, "two numbers, the lower first, as in [0.0, 1.0]"),
    "invert": (is_bool, "true or false"),
    "curve": (lambda value: isinstance(value, str) and value in CURVES, f"one of {', '.join(CURVES)}"),
    "pickup": (is_bool, "true or false"),
    "relative": (lambda value: value in CODINGS, f"one of {', '.join(CODINGS)}"),
    "step": (lambda value: is_number(value) and 0 < value <= 1, "a number above 0, to 1"),
    "to": (is_choice, "a style's or a scene's number, from 1, or a scene's name"),
    "mode": (lambda value: value in MODES, f"one of {', '.join(MODES)}"),
    "feedback": (is_bool, "true or false"),
}
