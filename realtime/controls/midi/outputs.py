"""MIDI outputs for lights and motor faders: asked for by name, or those of devices that are answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from mido import Message
from mido.ports import BaseOutput

from stylefader.realtime.controls.midi.port_names import Numbering, is_stylefader, opens, output_of
from stylefader.realtime.controls.midi.system import names

_MOST = 64
_LATER = 4
"""Scans that a device's output may come later than its input, or go sooner."""


class MidiOutputs:
    """Any thread sends; `scan` and `close` come from the one that opens ports.

    make: gives an open port of a name, or None. once: says words, the same just once.
    """

    def __init__(
        self,
        make: Callable[[str, Numbering], BaseOutput | None],
        once: Callable[[str], None],
    ) -> None:
        self._make, self._once = make, once
        self._numbering = Numbering()
        self._lock = threading.Lock()  # over all below: none is closed while something is sent to it
        self._ports: dict[str, BaseOutput] = {}
        self._answered: dict[str, str | None] = {}  # inputs, and the output of each, None until it was looked for
        self._missed: Counter[str] = Counter()  # scans without the output of an input that is there
        self._fresh = 0  # those that were just opened: JACK loses what is sent before it has joined them
        self.opened = 0

    def send(self, part: str, message: Message) -> None:
        """Send to every open output with that part in its name."""
        with self._lock:
            for name in self._ports:
                if opens(name, (part,)):
                    self._send_to(name, message)

    def answer(self, port: str, message: Message) -> None:
        """Send to the output of the device that an input is of. The next `scan` opens it; nothing is sent before."""
        with self._lock:
            output = self._answered.get(port)
            if output is None and len(self._answered) < _MOST:
                self._answered[port] = None
            elif output is not None and output in self._ports:
                self._send_to(output, message)

    def scan(self, client: Any, wanted: Sequence[str], inputs: Collection[str]) -> None:
        """Close outputs that are gone or not wanted any more, open new ones.

        client: lists the system's outputs. inputs: those that are open.
        """
        there = names(client, self._numbering)
        with self._lock:
            self.opened, self._fresh = self.opened + self._fresh, 0
            for port in self._answered:
                output = None if is_stylefader(port) else output_of(port, there)
                self._answered[port] = output
                self._missed[port] = self._missed[port] + 1 if output is None and port in inputs else 0
                if self._missed[port] >= _LATER:
                    self._once(
                        f"MIDI: no feedback to {port}: which output is its own cannot be told; give its mapping a port"
                    )
            answers = set(self._answered.values())
            gone = [name for name in self._ports if name not in there or not (opens(name, wanted) or name in answers)]
            ports = [self._ports.pop(name) for name in gone]
        for port in ports:
            port.close()
        for name in there:
            if name in self._ports or not (opens(name, wanted) or name in answers) or len(self._ports) >= _MOST:
                continue
            opened = self._make(name, self._numbering)
            if opened is not None:
                with self._lock:
                    self._ports[name] = opened
                    self._fresh += 1

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            ports, self._ports = list(self._ports.values()), {}
            self._answered.clear()
        for port in ports:
            port.close()

    def _send_to(self, name: str, message: Message) -> None:
        try:
            self._ports[name].send(message)
        except (OSError, RuntimeError, ValueError) as error:
            self._once(f"MIDI: cannot send to {name}: {error}")
