"""Learning a mapping: the control that moved most while somebody listened, written into the mapping file.

tomlkit keeps the file's comments and order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from realtime.controls.events import ControlEvent
from realtime.controls.mapping import CHOICES, parse_mapping
from training.errors import ControlError
from training.files import written_whole

_FINE = 32
_LEARNED = ("port", "kind", "number", "channel")


def moved_most(events: Sequence[ControlEvent]) -> ControlEvent | None:
    """The last event of the control that moved most, by the way it made and how often; None where none moved.

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


def port_part(name: str, names: Iterable[str]) -> str:
    """What of a port's name to write down: without the numbers that change when it is plugged in elsewhere."""
    short = re.sub(r"( #\d+| \d+:\d+)$", "", name)
    return short if sum(short.lower() in other.lower() for other in names) <= 1 else name


def learned(text: str, target: str, event: ControlEvent, *, port: str, origin: str, to: int | str | None = None) -> str:
    """The mapping file's text with this control for `target`. Raises ControlError where that does not fit.

    The mapping of that target and port, and of that `to`, is changed, else one is added at the end.
    """
    import tomlkit

    if text:
        parse_mapping(text, origin=origin)
    document = tomlkit.parse(text)
    control: dict[str, Any] = {"port": port, "kind": event.kind, "number": event.number, "channel": event.channel}
    if event.kind in ("pitchbend", "aftertouch") or (event.kind == "program" and target in CHOICES and to is None):
        del control["number"]
    tables: Any = document.get("map")
    wanted = {"target": target, **({} if to is None else {"to": to})}
    same = [
        table
        for table in tables or []
        if table.get("target") == target and table.get("to") == to and table.get("port", port) == port
    ]
    if same:
        for key in _LEARNED:
            if key in control:
                same[0][key] = control[key]
            elif key in same[0]:
                del same[0][key]
    else:
        table = tomlkit.table()
        for key, value in {**control, **wanted}.items():
            table.add(key, value)
        if tables is None:
            tables = tomlkit.aot()
            document.add("map", tables)
        elif document.as_string().rstrip():
            last = tables[-1]
            last.add(tomlkit.nl())
        tables.append(table)
    text = document.as_string()
    parse_mapping(text, origin=origin)
    return text


def write_learned(path: Path, target: str, event: ControlEvent, *, port: str, to: int | str | None = None) -> None:
    """The same, in a file, which is made where there is none. Raises ControlError."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"cannot read the mapping file {path}: {error}") from error
    text = learned(text, target, event, port=port, origin=str(path), to=to)
    with written_whole(path) as file:
        file.write(text.encode())
