"""MIDI bytes as messages of mido; any bytes are safe."""

from __future__ import annotations

from collections.abc import Sequence

from mido import Message

_SYSEX = 0xF0


def message_of(data: Sequence[int]) -> Message | None:
    """Decode one whole message.

    `Message.from_bytes` raises IndexError as well as ValueError for some messages that are too short, takes a pitch
    bend that is too long, and looks at every byte of a system exclusive message, which may be very long.

    Args:
        data: The status byte and its data bytes.

    Returns:
        The message. None for a system exclusive message, which no control uses, and for what is no message.
    """
    if not data or data[0] == _SYSEX:
        return None
    try:
        message = Message.from_bytes(data)
    except (IndexError, TypeError, ValueError):
        return None
    return message if len(message) == len(data) else None
