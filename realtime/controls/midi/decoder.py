"""MIDI messages into control events. Pure: a mido message and a time in, events out; one decoder a port.

14-bit values come as two control changes, the coarse half (MSB) first. Between the two neither the old nor a zero
fine half (LSB) would be right: the picture would jump. So a coarse half waits for its fine half, and is given alone
only when none came for `WAIT_NS`: `due` does that. Numbers as in the MIDI 1.0 Detailed Specification, table III.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mido import Message

from stylefader.realtime.controls.events import ControlEvent, Kind

WAIT_NS = 10_000_000
"""How long a coarse half waits: the two are 1 ms apart on a MIDI cable, and together over USB."""
_DATA, _DATA_FINE, _INCREMENT, _DECREMENT = 6, 38, 96, 97
_NRPN_FINE, _NRPN, _RPN_FINE, _RPN = 98, 99, 100, 101
_PITCH_MIDDLE = 8192


@dataclass
class _Pair:
    """A 14-bit value's two halves. fine_known: a fine half came once."""

    coarse: int = 0
    fine: int = 0
    fine_known: bool = False

    @property
    def raw(self) -> int:
        return self.coarse << 7 | self.fine

    def alone(self) -> int:
        """The value of a coarse half whose fine half did not come."""
        # A controller that never sends fine halves is a 7-bit one: its 127 is the end.
        self.fine = 0 if self.fine_known else self.coarse
        return self.raw


_Key = tuple[Kind, int, int]


class Decoder:
    """State of one port. Messages that belong to no control are ignored."""

    def __init__(self, port: str = "") -> None:
        self._port = port
        self._pairs: dict[_Key, _Pair] = {}
        self._waits: dict[_Key, int] = {}  # coarse halves without their fine ones, and since when
        self._nrpn: dict[int, list[int | None]] = {}  # coarse and fine half of the chosen number, by channel

    @property
    def waits(self) -> bool:
        """Whether `due` will have something to give."""
        return bool(self._waits)

    def feed(self, message: Message, at_ns: int) -> list[ControlEvent]:
        """The events of one message, in order."""
        kind = message.type
        if kind == "control_change":
            return [*self.due(at_ns), *self._control(message.channel + 1, message.control, message.value, at_ns)]
        if kind == "pitchwheel":
            return [self._event("pitchbend", message.channel + 1, 0, message.pitch + _PITCH_MIDDLE, at_ns)]
        if kind == "aftertouch":
            return [self._event("aftertouch", message.channel + 1, 0, message.value, at_ns)]
        if kind == "program_change":
            return [self._event("program", message.channel + 1, message.program, message.program, at_ns)]
        if kind == "polytouch":
            return [self._event("polytouch", message.channel + 1, message.note, message.value, at_ns)]
        if kind == "note_on":
            return [self._event("note", message.channel + 1, message.note, message.velocity, at_ns)]
        if kind == "note_off":
            return [self._event("note", message.channel + 1, message.note, 0, at_ns)]
        return []

    def due(self, at_ns: int) -> list[ControlEvent]:
        """Coarse halves whose fine halves have not come in time."""
        if not self._waits:
            return []
        due = [key for key, since in self._waits.items() if at_ns - since >= WAIT_NS]
        return [self._alone(key, at_ns) for key in due]

    def _alone(self, key: _Key, at_ns: int) -> ControlEvent:
        """A coarse half whose fine half did not come."""
        del self._waits[key]
        return self._event(*key, self._pairs[key].alone(), at_ns)

    def _event(self, kind: Kind, channel: int, number: int, raw: int, at_ns: int) -> ControlEvent:
        return ControlEvent(kind=kind, channel=channel, number=number, raw=raw, at_ns=at_ns, port=self._port)

    def _control(self, channel: int, number: int, raw: int, at_ns: int) -> Iterator[ControlEvent]:
        """Every control change is a 7-bit event by itself as well: which one counts is the mapping's."""
        yield self._event("cc", channel, number, raw, at_ns)
        if number < 32:
            yield from self._coarse(("cc14", channel, number), raw, at_ns)
        elif number < 64:
            yield from self._fine(("cc14", channel, number - 32), raw, at_ns)
        if number in (_NRPN, _NRPN_FINE):
            yield from self._end_of_nrpn(channel, at_ns)
            chosen = self._nrpn.setdefault(channel, [None, None])
            chosen[number == _NRPN_FINE] = raw
        elif number in (_RPN, _RPN_FINE):
            yield from self._end_of_nrpn(channel, at_ns)
            self._nrpn.pop(channel, None)  # data that follows is for another kind of parameter
        elif number in (_DATA, _DATA_FINE, _INCREMENT, _DECREMENT):
            key = self._nrpn_key(channel)
            if key is None:
                return
            if number == _DATA:
                yield from self._coarse(key, raw, at_ns)
            elif number == _DATA_FINE:
                yield from self._fine(key, raw, at_ns)
            else:
                pair = self._pairs.setdefault(key, _Pair())
                moved = min(max(pair.raw + (1 if number == _INCREMENT else -1), 0), 16383)
                pair.coarse, pair.fine = moved >> 7, moved & 0x7F
                self._waits.pop(key, None)
                yield self._event(*key, moved, at_ns)

    def _coarse(self, key: _Key, raw: int, at_ns: int) -> Iterator[ControlEvent]:
        pair = self._pairs.setdefault(key, _Pair())
        if key in self._waits:  # one after the other: there are no fine halves
            yield self._alone(key, at_ns)
        pair.coarse = raw
        self._waits[key] = at_ns

    def _fine(self, key: _Key, raw: int, at_ns: int) -> Iterator[ControlEvent]:
        pair = self._pairs.setdefault(key, _Pair())
        pair.fine, pair.fine_known = raw, True
        self._waits.pop(key, None)
        yield self._event(*key, pair.raw, at_ns)

    def _nrpn_key(self, channel: int) -> _Key | None:
        coarse, fine = self._nrpn.get(channel, [None, None])
        if coarse is None or fine is None or coarse == fine == 127:  # 127 twice is none
            return None
        return ("nrpn", channel, coarse << 7 | fine)

    def _end_of_nrpn(self, channel: int, at_ns: int) -> Iterator[ControlEvent]:
        """Another number is chosen: the value of the one before will have no fine half."""
        key = self._nrpn_key(channel)
        if key is not None and key in self._waits:
            yield self._alone(key, at_ns)
