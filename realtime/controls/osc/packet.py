"""OSC packets: read into messages, all of a packet that is right in every length or nothing of it, and written.

Not python-osc's reader: that takes a float whose bytes are missing for 0, reads on at the wrong place behind a type
that it does not know, logs what the sender wrote, and never ends with a bundle whose element has a negative size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from stylefader.realtime.controls.osc.time_tags import IMMEDIATELY
from stylefader.training.errors import ControlError

Value = int | float | str | bytes | bool | None
_BUNDLE, _TIME = b"#bundle\0", 8
_DEEPEST = 8
_FIXED = {"i": ">i", "h": ">q", "f": ">f", "d": ">d", "c": ">4s", "r": ">4s", "m": ">4s", "t": ">8s"}
_WORDS: dict[str, list[Value]] = {"T": [True], "F": [False], "N": [None], "I": [], "[": [], "]": []}
"""Types whose value is the type. An impulse is a message without values; arrays are taken apart."""


def message_bytes(address: str, value: float | str) -> bytes:
    """A message of one value, as it is sent: an int32, a float32 or a string.

    Args:
        address: As `/stylefader/alpha`.
        value: A whole number must fit into 32 bits.
    """
    if isinstance(value, str):
        return _padded(address) + _padded(",s") + _padded(value)
    if isinstance(value, int):
        return _padded(address) + _padded(",i") + struct.pack(">i", value)
    return _padded(address) + _padded(",f") + struct.pack(">f", value)


def _padded(text: str) -> bytes:
    """A string of OSC: ended by a zero, and filled up with zeros to a multiple of four bytes."""
    raw = text.encode("utf-8", "replace").replace(b"\0", b"") + b"\0"
    return raw + b"\0" * (-len(raw) % 4)


class Message(NamedTuple):
    """tag: when it is for, as OSC has it: the 64 bits of an NTP timestamp, or 1 for at once."""

    tag: int
    address: str
    values: list[Value]


def read_packet(packet: bytes) -> list[Message]:
    """The messages of a packet, those of bundles in their order, as the OSC 1.0 specification has it.

    Raises ControlError where not all of it can be read.
    """
    try:
        return list(_messages(packet, _DEEPEST, IMMEDIATELY))
    except (ValueError, struct.error) as error:
        raise ControlError(f"this is no OSC packet: {error}") from error


def _messages(packet: bytes, deeper: int, tag: int) -> Iterator[Message]:
    """tag: of the bundle that it is in, before whose time nothing in it is done."""
    if not packet.startswith(_BUNDLE):
        yield Message(tag, *_message(packet))
        return
    at = len(_BUNDLE) + _TIME
    if not deeper or len(packet) < at:
        raise ValueError("a bundle that is too deep or too short")
    tag = max(tag, int.from_bytes(packet[len(_BUNDLE) : at]))
    while at < len(packet):
        (size,) = struct.unpack_from(">i", packet, at)
        at += 4
        if not 0 < size <= len(packet) - at:
            raise ValueError("an element of a bundle is as long as it cannot be")
        yield from _messages(packet[at : at + size], deeper - 1, tag)
        at += size


def _message(packet: bytes) -> tuple[str, list[Value]]:
    address, at = _string(packet, 0)
    if not address.startswith("/"):
        raise ValueError("no address")
    if at == len(packet):  # old senders leave the types out where there are no values
        return address, []
    types, at = _string(packet, at)
    if not types.startswith(","):
        raise ValueError("no types")
    values: list[Value] = []
    for kind in types[1:]:
        if kind in _FIXED:
            values += struct.unpack_from(_FIXED[kind], packet, at)
            at += struct.calcsize(_FIXED[kind])
        elif kind in "sS":
            text, at = _string(packet, at)
            values.append(text)
        elif kind == "b":
            (size,) = struct.unpack_from(">i", packet, at)
            at += 4
            if not 0 <= size + -size % 4 <= len(packet) - at:
                raise ValueError("a blob is as long as it cannot be")
            values.append(packet[at : at + size])
            at += size + -size % 4
        elif kind in _WORDS:
            values += _WORDS[kind]
        else:
            raise ValueError("a type that is not known, and so not its length")
    return address, values


def _string(packet: bytes, at: int) -> tuple[str, int]:
    """The string that begins there, and what follows its padding."""
    end = packet.index(b"\0", at)
    after = end + 4 - (end - at) % 4
    if after > len(packet):
        raise ValueError("a string without its end")
    return packet[at:end].decode(), after
