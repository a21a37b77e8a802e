"""What goes over the two pipes between a session and the process of its MIDI library.

To the process (`midi_process.py`): one call a line, as JSON. From it: frames, of which one says the bytes of a message
and when they came, or, for client 0, what a call gave, as JSON.
"""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

_HEAD = struct.Struct("<IIqd")
LONGEST = 16
"""Bytes of a message that is passed on: controls use at most 3, and a system exclusive message may have a million."""


class Frame(NamedTuple):
    """client: number of the input that heard it; 0 for an answer. at_ns: monotonic, for all processes of the machine.

    passed_s: since the message before, by rtmidi's own clock.
    """

    client: int
    at_ns: int
    passed_s: float
    data: bytes


class Call(NamedTuple):
    """A method of a client that is to be called. number: under which it is answered, 0 where only a failure is."""

    number: int
    client: int
    method: str
    words: list[Any]


class Answer(NamedTuple):
    """What a call gave: its value, or the error's words. client: the one that was called."""

    number: int
    client: int
    value: Any
    error: str | None


def frame(client: int, at_ns: int, passed_s: float, data: bytes) -> bytes:
    """The bytes of a frame."""
    return _HEAD.pack(len(data), client, at_ns, passed_s) + data


def line(call: Call) -> bytes:
    """The bytes of a call."""
    return json.dumps(call).encode() + b"\n"


class Frames:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete with these bytes."""
        data, place, found = self._rest + data, 0, []
        while len(data) - place >= _HEAD.size:
            size, client, at_ns, passed_s = _HEAD.unpack_from(data, place)
            if len(data) - place - _HEAD.size < size:
                break
            place += _HEAD.size
            found.append(Frame(client, at_ns, passed_s, data[place : place + size]))
            place += size
        self._rest = data[place:]
        return found
