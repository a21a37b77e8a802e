"""Names of MIDI ports: which are ours, which device a port is of, and several of one name told apart.

A system gives a port's name, with an id behind it on Linux (`nano MIDI 1 24:0`) and a count within it under JACK
(`nano-01:knobs`). Where several have the same name but for those, each but the first gets its number (`#2`), which it
keeps as long as it is there. A mapping's `port` is a part of a name, with ` #1`, ` #2`, ... for just one of several.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

CLIENT = f"stylefader-{os.getpid()}"
"""What our own clients are called. JACK puts a number behind it where there are several."""
_NUMBER = re.compile(r" #(\d{1,4})$")
_ID = re.compile(r" \d+:\d+$")
_COUNT = re.compile(r"-\d\d(?=:)")
# Alone, or behind a bridge from another MIDI system (a2jmidid, PipeWire).
_STYLEFADER = re.compile(r"(?:^|:\s*)stylefader(-\d+)*(?=[:\s]|$)", re.IGNORECASE)
_OURS = re.compile(rf"(?:^|:\s*){re.escape(CLIENT)}(-\d+)?(?=[:\s]|$)")
_WAY = re.compile(r"\b(midi_)?(capture|playback|input|output|in|out|send|receive)(?=\b|_)", re.IGNORECASE)
_BRIDGES = ("system", "a2j", "midi-bridge")
"""Clients of JACK that have the ports of many devices."""


def is_ours(name: str) -> bool:
    """Whether this program has opened that port."""
    return _OURS.search(name) is not None


def is_stylefader(name: str) -> bool:
    """Whether this or another stylefader has."""
    return _STYLEFADER.search(name) is not None


@lru_cache(maxsize=4096)
def split(name: str) -> tuple[str, int]:
    """A port's name without what changes when it is plugged in elsewhere, and which of that name it is, from 1."""
    number = _NUMBER.search(name)
    bare = name[: number.start()] if number else name
    return _COUNT.sub("", _ID.sub("", bare)), int(number[1]) if number else 1


@lru_cache(maxsize=4096)
def fits(name: str, part: str) -> bool:
    """Whether a part is in a port's name, in any case; with a number, whether it is just that one."""
    number, (short, which) = _NUMBER.search(part), split(name)
    if number is not None:
        if int(number[1]) != which:
            return False
        part = part[: number.start()]
    part = part.lower()
    return part in name.lower() or part in short.lower()


def opens(name: str, parts: Iterable[str]) -> bool:
    """Whether a port is to be opened by one of these parts: never our own, other stylefaders only where named."""
    if is_ours(name):
        return False
    other = is_stylefader(name)
    return any(fits(name, part) and (not other or "stylefader" in part.lower()) for part in parts)


class Numbering:
    """Gives ports their numbers. One client's inputs, or outputs."""

    def __init__(self) -> None:
        self._number: dict[tuple[str, int], int] = {}  # by system's name, and which of those that are all alike

    def names(self, ports: Sequence[str]) -> list[str]:
        """A name of its own for every port of the system's list, in that order."""
        keys: list[tuple[str, int]] = []
        for port in ports:
            keys.append((port, sum(1 for other, _ in keys if other == port)))
        self._number = {key: number for key, number in self._number.items() if key in keys}
        taken: dict[str, set[int]] = {}
        for (port, _), number in self._number.items():
            taken.setdefault(split(port)[0], set()).add(number)
        names = []
        for key in keys:
            there = taken.setdefault(split(key[0])[0], set())
            if key not in self._number:
                self._number[key] = next(free for free in range(1, len(there) + 2) if free not in there)
                there.add(self._number[key])
            number = self._number[key]
            names.append(key[0] if number == 1 else f"{key[0]} #{number}")
        return names


def port_part(name: str, names: Collection[str]) -> str:
    """What of a port's name to write into a mapping: what stays when it is plugged in elsewhere.

    names: those of all ports. With its number where several have this name; whole where the rest would fit others.
    """
    short, number = split(name)
    others = [other for other in names if other != name and fits(other, short)]
    if not others:
        return short
    if all(split(other)[0] == short for other in others):
        return f"{short} #{number}"
    return name


def output_of(port: str, outputs: Collection[str]) -> str | None:
    """The output of the device that an input is of; None where that cannot be told.

    Linux calls both alike, JACK's drivers name them by their way (`midi_capture_1`, `midi_playback_1`), and programs
    under JACK have a client for both.
    """
    if port in outputs:
        return port
    short, number = split(port)
    same = {name: split(name)[0] for name in outputs if split(name)[1] == number and not is_stylefader(name)}
    alike = [name for name, other in same.items() if _without_way(other) == _without_way(short)]
    client, _, rest = short.partition(":")
    if not alike and rest and client.lower() not in _BRIDGES:
        alike = [name for name, other in same.items() if other.partition(":")[0] == client]
    return alike[0] if len(alike) == 1 else None


def _without_way(name: str) -> str:
    return _WAY.sub("", name).lower()
