"""The backend by which mido opens this program's MIDI ports: rtmidi's, under names of our own.

    another program --rtmidi's thread--> Input --mido message--> MidiInput
    Feedback --mido message--> Output --> the device

mido's own backend for rtmidi is not used. It names a client only where the port is a virtual one, so a program would
hear its own outputs and could not tell them from others; it lets IndexError out of rtmidi's callback; it finds a port
by its name alone, which two devices may share; and its `close` can stop the whole program while messages come.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import mido
from mido import Message
from mido.ports import BaseInput, BaseOutput

from stylefader.realtime.controls.midi.message import message_of
from stylefader.realtime.controls.midi.port_names import CLIENT, Numbering

NOT_OPENED = (OSError, RuntimeError, ValueError, TypeError)
"""Errors for a port that is in use or gone; rtmidi's SystemError is an OSError."""
_MOST_QUEUED = 4096

BACKEND = mido.Backend(__name__)
"""Opens ports of this module: `open_input(name, callback=..., ...)` and `open_output(name, ...)`.

Both take `api` (rtmidi's number of the MIDI system), `numbering` (which gave the port its name) and `free`, which lets
an rtmidi client go: `free(client, failed)`, `failed` being true where the port could not be opened. `open_input` takes
`timing` as well: whether messages of a MIDI clock are wanted. Both raise the errors of `NOT_OPENED`.
"""

Free = Callable[[Any, bool], None]


class Input(BaseInput):  # type: ignore[misc]
    """An input that calls its callback with every message, in rtmidi's own thread. Invalid bytes are ignored."""

    _locking = False

    def _open(
        self, *, callback: Callable[[Message], None], api: int, numbering: Numbering, free: Free, timing: bool, **_: Any
    ) -> None:
        import rtmidi

        self.callback = callback
        self._free = free
        self._rt: Any = None
        try:
            self._rt = rtmidi.MidiIn(api, CLIENT, _MOST_QUEUED)
            self._rt.set_callback(self._came)
            self._rt.ignore_types(timing=not timing)
            # rtmidi gives its thread a bare pointer to this tuple, and would free it while the thread may still use it.
            self._held = [held for held in gc.get_referents(self._rt) if isinstance(held, tuple)]
            _connect(self._rt, self.name, numbering, "in")
        except NOT_OPENED:
            free(self._rt, True)
            raise

    def _came(self, event: tuple[list[int], float], _: object) -> None:
        message = message_of(event[0])
        if message is not None:
            self.callback(message)

    def call_off(self) -> None:
        """Have the callback called no more. Messages are queued from here on, see `drain`."""
        self._rt.cancel_callback()

    def drain(self) -> None:
        """Throw away what is queued: rtmidi complains on standard error when the queue is full."""
        for _ in range(_MOST_QUEUED):
            if self._rt.get_message() is None:
                break

    def _close(self) -> None:
        self._free(self._rt, False)


class Output(BaseOutput):  # type: ignore[misc]
    """An output. `send` takes a mido message from any thread."""

    def _open(self, *, api: int, numbering: Numbering, free: Free, **_: Any) -> None:
        import rtmidi

        self._free = free
        self._rt: Any = None
        try:
            self._rt = rtmidi.MidiOut(api, CLIENT)
            _connect(self._rt, self.name, numbering, "out")
        except NOT_OPENED:
            free(self._rt, True)
            raise

    def _send(self, message: Message) -> None:
        self._rt.send_message(message.bytes())

    def _close(self) -> None:
        self._free(self._rt, False)


def _connect(client: Any, name: str, numbering: Numbering, own: str) -> None:
    """Connect a client to the port of that name. own: what our end is called."""
    client.open_port(numbering.names(client.get_ports()).index(name), own)
