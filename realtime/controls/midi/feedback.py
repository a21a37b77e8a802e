"""What is sent back to controllers with lights and motor faders when something else moved what they are mapped to."""

from __future__ import annotations

from typing import NamedTuple

from mido import Message

from stylefader.realtime.controls.events import top
from stylefader.realtime.controls.mapping.mapping import ControlMap
from stylefader.realtime.controls.router import MapState, Router

_PITCH_MIDDLE = 8192


def encode(entry: ControlMap, raw: int, channel: int) -> list[Message]:
    """The messages that put a mapping's control to a raw value. channel: 1 to 16."""
    at, number = channel - 1, entry.number or 0
    if entry.kind == "pitchbend":
        return [Message("pitchwheel", channel=at, pitch=raw - _PITCH_MIDDLE)]
    if entry.kind == "note":
        return [Message("note_on", channel=at, note=number, velocity=raw)]
    if entry.kind == "cc14":
        values = [(number, raw >> 7), (number + 32, raw & 0x7F)]
    elif entry.kind == "nrpn":
        values = [(99, number >> 7), (98, number & 0x7F), (6, raw >> 7), (38, raw & 0x7F)]
    else:
        assert entry.kind == "cc"
        values = [(number, raw)]
    return [Message("control_change", channel=at, control=control, value=value) for control, value in values]


class Note(NamedTuple):
    """A message for the outputs with `part` in their name; where it is empty, for the device of the input `device`."""

    part: str
    device: str
    message: Message


class Feedback:
    """Looks at a router's mappings now and then. One thread."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def forget(self) -> None:
        """A controller came back: nothing is known of where it stands."""
        for _, state in self._router.states:
            state.known = state.told = None

    def due(self) -> list[Note]:
        """What has to be told to which port, in order. A mapping of any port tells the device that it was moved by."""
        notes: list[Note] = []
        for entry, state in self._router.states:
            event = state.event
            if not entry.feedback or (not entry.port and event is None):
                continue
            raw = self._raw(entry, state)
            if raw is not None:
                channel = entry.channel or (event.channel if event else 1)
                device = event.port if event is not None and not entry.port else ""
                notes += [Note(entry.port, device, message) for message in encode(entry, raw, channel)]
        return notes

    def _raw(self, entry: ControlMap, state: MapState) -> int | None:
        """The value that a control should show; None where it does."""
        on = self._router.is_on(entry)
        if on is not None:
            raw = top(entry.kind) if on else 0
            told, state.told = state.told, raw
            return raw if raw != told else None
        value, bounds = self._router.current(entry), self._router.bounds(entry)
        if value is None or bounds is None:
            return None
        raw = round(entry.place(value, bounds) * top(entry.kind))
        if raw == state.known:
            return None
        state.known = raw
        return raw
