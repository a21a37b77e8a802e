"""The backend by which mido opens this program's MIDI ports: rtmidi's, under names of our own.

    another program --rtmidi's thread, or that of midi_link.py--> Input --mido message--> MidiInput
    Feedback --mido message--> Output --> the device

mido's own backend for rtmidi is not used. It names a client only where the port is a virtual one, so a program would
hear its own outputs and could not tell them from others; it lets IndexError out of rtmidi's callback; it finds a port
by its name alone, which two devices may share; and its `close` can stop the whole program while messages come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mido
from mido import Message
from mido.ports import BaseInput, BaseOutput

from stylefader.realtime.controls.midi.message import message_of
from stylefader.realtime.controls.midi.port_names import CLIENT, Numbering
from stylefader.realtime.controls.midi.system import MOST_QUEUED, keep_callback

NOT_OPENED = (OSError, RuntimeError, ValueError, TypeError)
"""Errors for a port that is in use or gone; rtmidi's SystemError is an OSError."""

BACKEND = mido.Backend(__name__)
"""Opens ports of this module: `open_input(name, callback=..., ...)` and `open_output(name, ...)`.

Both take `library` (rtmidi or what stands for it), `api` (its number of the MIDI system), `numbering` (which gave the
port its name) and `free`, which lets a client go. `open_input` takes `timing` as well: whether messages of a MIDI clock
are wanted. Both raise the errors of `NOT_OPENED`.
"""

Free = Callable[[Any], None]
Take = Callable[[Message, int | None], None]


class Input(BaseInput):  # type: ignore[misc]
    """An input that calls its callback with every message and the time at which it came, from a thread of the library.

    Invalid bytes are ignored. The time is None where it is now.
    """

    _locking = False

    def _open(
        self, *, callback: Take, library: Any, api: int, numbering: Numbering, free: Free, timing: bool, **_: Any
    ) -> None:
        self.callback = callback
        self._free, self._library = free, library
        self._rt: Any = None
        try:
            self._rt = library.MidiIn(api, CLIENT, MOST_QUEUED)
            self._held = keep_callback(self._rt, self.came)
            self._rt.ignore_types(timing=not timing)
            _connect(self._rt, self.name, numbering, "in")
        except NOT_OPENED:
            free(self._rt)
            raise

    def came(self, event: tuple[list[int], float], at_ns: int | None) -> None:
        """What the library calls: the bytes of a message and the seconds passed since the one before, by its clock."""
        message = message_of(event[0])
        if message is not None:
            self.callback(message, at_ns)

    def call_off(self) -> None:
        """Have the callback called no more. Messages are queued from here on, see `drain`."""
        self._rt.cancel_callback()

    def drain(self) -> None:
        """Throw away what is queued: rtmidi complains on standard error when the queue is full."""
        self._library.drain(self._rt)

    def _close(self) -> None:
        self._free(self._rt)


class Output(BaseOutput):  # type: ignore[misc]
    """An output. `send` takes a mido message from any thread."""

    def _open(self, *, library: Any, api: int, numbering: Numbering, free: Free, **_: Any) -> None:
        self._free = free
        self._rt: Any = None
        try:
            self._rt = library.MidiOut(api, CLIENT)
            _connect(self._rt, self.name, numbering, "out")
        except NOT_OPENED:
            free(self._rt)
            raise

    def _send(self, message: Message) -> None:
        self._rt.send_message(message.bytes())

    def _close(self) -> None:
        self._free(self._rt)


def _connect(client: Any, name: str, numbering: Numbering, own: str) -> None:
    """Connect a client to the port of that name. own: what our end is called."""
    client.open_port(numbering.names(client.get_ports()).index(name), own)
