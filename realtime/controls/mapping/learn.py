"""Learning a mapping: the control that moved most while somebody listened, written into the mapping file.

A mapping's text is changed or added by itself, so that everything else in the file stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from stylefader.realtime.controls.action_kinds import Choice
from stylefader.realtime.controls.actions import find_mapped, parameter_target, remote
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.file_edits import rewrite, text_of
from stylefader.realtime.controls.mapping.mapping import (
    ControlMap,
    Mapping,
    is_choice,
    parse_mapping,
    targets_there,
    without_effect,
)
from stylefader.realtime.controls.midi.encoders import Coding, coding_of
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.training.errors import ControlError

_FINE = 32
_LEARNED = ("port", "kind", "number", "channel", "relative")
_HEAD = re.compile(r"[ \t]*\[\[[ \t]*[\"']?map[\"']?[ \t]*\]\]")


def moved_most(events: Sequence[ControlEvent]) -> ControlEvent | None:
    """The last event of the control that moved most, by the distance and the number of moves; None if none moved.

    Of a 14-bit control only its whole is looked at, not its halves.
    """
    ways: dict[tuple[object, ...], float] = {}
    last: dict[tuple[object, ...], ControlEvent] = {}
    # Who sends fine halves is a 14-bit control; data entry belongs to its NRPN.
    fine = {(e.port, e.channel, e.number - _FINE) for e in events if e.kind == "cc" and _FINE <= e.number < 2 * _FINE}
    coarse = {(e.port, e.channel, e.number) for e in events if e.kind == "cc" and e.number < _FINE}
    pairs = fine & coarse
    nrpn = {(e.port, e.channel) for e in events if e.kind == "nrpn"}
    for event in events:
        where = (event.port, event.channel, event.number)
        whole = where in pairs
        half = (event.port, event.channel, event.number - _FINE) in pairs
        if (event.kind == "cc14" and not whole) or (event.kind == "cc" and (whole or half)):
            continue
        if event.kind in ("cc", "cc14") and where[:2] in nrpn and event.number in (6, 38, 96, 97, 98, 99):
            continue
        key = (event.kind, event.port, event.channel, None if event.kind == "program" else event.number)
        before = last.get(key)
        # A key counts by its presses, a program by its changes: neither goes a way.
        steps = event.kind in ("note", "program")
        way = float(event.raw > 0 or event.kind == "program") if steps else 0.0
        if before is not None and not steps:
            way = abs(event.value - before.value)
        ways[key] = ways.get(key, 0.0) + way + 0.001
        last[key] = event
    return last[max(ways, key=lambda key: ways[key])] if ways else None


def check_target(target: str, to: int | str | None, names: Collection[str] = (ALPHA,)) -> None:
    """Raise ControlError if no control can be learned for this. names: the parameters that there are."""
    action, moves = find_mapped(target), parameter_target(target)
    if action is None and (moves is None or moves.name not in names):
        raise ControlError(f"{target!r:.60} cannot be learned: there is {targets_there(names)}")
    if to is None:
        return
    if not isinstance(action, Choice):
        choices = [choice.name for choice in remote(midi=True) if isinstance(choice, Choice)]
        raise ControlError(f"--to has no effect with {target}: it is for {' and '.join(choices)}")
    if not is_choice(to) or (isinstance(to, str) and target != "scene"):
        raise ControlError(f"--to is a style's or a scene's number, from 1, or a scene's name, not {to!r:.60}")


def check_file(path: Path) -> None:
    """Raise ControlError where nothing could be written into that mapping file."""
    if not path.parent.is_dir():
        raise ControlError(f"there is no folder {path.parent} to write {path.name} in")
    text = text_of(path, "mapping file", new=True)
    _spans(text, parse_mapping(text, origin=str(path)), origin=str(path))


def encoder_of(events: Iterable[ControlEvent], event: ControlEvent, target: str) -> Coding | None:
    """The coding of the control of `event`, if it is an endless encoder and moves something by steps.

    Raises ControlError where what it sent could be of either.
    """
    if event.kind != "cc" or not (parameter_target(target) is not None or target == "style"):
        return None
    same = ("port", "kind", "number", "channel")
    raws = [other.raw for other in events if all(getattr(other, name) == getattr(event, name) for name in same)]
    return coding_of(raws) if raws else None


def learned(
    text: str,
    target: str,
    event: ControlEvent,
    *,
    port: str,
    origin: str,
    to: int | str | None = None,
    heard: Sequence[ControlEvent] = (),
    say: Callable[[str], None] = lambda words: None,
) -> str:
    """The mapping file's text with this control for `target`. Raises ControlError where that does not fit.

    The mapping of that target and port, and of that `to`, is changed in its place, else one is added after the last
    one. heard: what was moved, by which an endless encoder is known. say: told what the mapping was before, and which
    of its keys had no effect any more, and were taken away.
    """
    control: dict[str, Any] = {"port": port, "kind": event.kind, "number": event.number, "channel": event.channel}
    if event.kind in ("pitchbend", "aftertouch") or (
        event.kind == "program" and isinstance(find_mapped(target), Choice) and to is None
    ):
        del control["number"]
    coding = encoder_of(heard, event, target) if to is None else None
    if coding is not None:
        control["relative"] = coding
    mapping = parse_mapping(text, origin=origin)
    spans = _spans(text, mapping, origin=origin)
    same = [
        (entry, span)
        for entry, span in zip(mapping.maps, spans, strict=True)
        if (entry.target, entry.to, entry.port.lower()) == (target, to, port.lower())
    ]
    newline = "\r\n" if "\r\n" in text else "\n"
    wanted = {"target": target, **({} if to is None else {"to": to})}
    try:
        if same:
            before, (begin, end) = same[0]
            own = _changed(text[begin:end].replace("\r\n", "\n"), control, say=say)
            text = text[:begin] + own.replace("\n", newline) + text[end:]
        else:
            text, place = (text, spans[-1][1]) if spans else _without_empty_map(text)
            above, after = text[:place].rstrip(), text[place:].lstrip("\r\n")
            own = tomlkit.dumps({"map": [{**control, **wanted}]}).strip().replace("\n", newline)
            parts = [part for part in (above, own, after) if part]
            text = (2 * newline).join(parts) + ("" if after else newline)
    except TOMLKitError as error:
        raise ControlError(f"{origin} cannot be edited: {error}") from error
    parse_mapping(text, origin=origin)
    if same and any(getattr(before, name) != control.get(name, getattr(before, name)) for name in _LEARNED):
        say(f"it is in place of {_words(before)}")
    return text


def write_learned(
    path: Path,
    target: str,
    event: ControlEvent,
    *,
    port: str,
    to: int | str | None = None,
    heard: Sequence[ControlEvent] = (),
    say: Callable[[str], None] = lambda words: None,
) -> Coding | None:
    """The same, in a file, which is made where there is none; how an endless encoder counts. Raises ControlError."""

    def edit(text: str) -> str:
        return learned(text, target, event, port=port, origin=str(path), to=to, heard=heard, say=words.append)

    words: list[str] = []
    rewrite(path, "mapping file", edit, new=True)
    for line in dict.fromkeys(words):
        say(line)
    return encoder_of(heard, event, target) if to is None else None


def _spans(text: str, mapping: Mapping, *, origin: str) -> list[tuple[int, int]]:
    """Where the text of each [[map]] begins and ends: its last line, or comment that follows without an empty one."""
    heads = [found.start() for found in re.finditer(r"^[ \t]*\[", text, re.MULTILINE)]
    spans = []
    for begin, end in pairwise([*heads, len(text)]):
        if _HEAD.match(text, begin) is None:
            continue
        if end < len(text):  # comments right above the next table are that one's
            end = begin + len(re.sub(r"(?<=\n)([ \t]*#[^\n]*\n)+\Z", "", text[begin:end]))
        spans.append((begin, begin + len(text[begin:end].rstrip())))
    if len(spans) != len(mapping.maps):
        raise ControlError(f"{origin}: write [[map]] for each, so that one can be added or changed")
    return spans


def _without_empty_map(text: str) -> tuple[str, int]:
    """The text without `map = []`, which conflicts with a [[map]], and its end."""
    document = tomlkit.parse(text)
    if "map" in document:
        document.remove("map")
        text = document.as_string()
    return text, len(text)


def _words(entry: ControlMap) -> str:
    """A control, as people are told of it."""
    number = "" if entry.number is None else f" {entry.number}"
    channel = "any channel" if entry.channel is None else f"channel {entry.channel}"
    return f"{entry.kind}{number}, {channel}, of {entry.port or 'any port'}"


def _changed(own: str, control: dict[str, Any], *, say: Callable[[str], None]) -> str:
    """The text of one [[map]] with another control, without the keys that have no effect with that one."""
    document = tomlkit.parse(own)
    table: Any = document["map"][0]
    gone = {}
    if "relative" in table and "relative" not in control:
        gone["relative"] = "this one is not an endless encoder"
    for key in _LEARNED:
        if key in control:
            table[key] = control[key]
        elif key in table:
            del table[key]
    for key, why in without_effect(dict(table.unwrap())).items():
        if key in table:
            del table[key]
            gone[key] = why
    for key, why in gone.items():
        say(f"{key} is taken away: {why}")
    return document.as_string().rstrip()
