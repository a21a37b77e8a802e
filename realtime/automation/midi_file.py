"""A Standard MIDI File as messages at their times: what a DAW exports, to be played through the controls.

After the Standard MIDI Files 1.0 specification (MIDI Manufacturers Association, RP-001). Read here rather than by a
library, since a file that a stranger made must neither hang a program nor be refused for an odd key signature: time
and memory go with the file's size, whatever is in it, and what no control needs is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from stylefader.training.errors import AutomationError
from stylefader.training.files import MIB, open_regular, read_whole

SUFFIXES = (".mid", ".midi", ".smf")
_MAGIC = b"MThd"
_MOST_BYTES = 16 * MIB
_MOST_MESSAGES = 10**6
_LONGEST_S = 1000 * 3600
_TEMPO = 500_000
"""Microseconds a quarter note, until the file says another: 120 beats a minute."""
_SMPTE = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30000, 1001), 30: Fraction(30)}
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_NAME, _END, _SET_TEMPO = 0x03, 0x2F, 0x51


class MidiMessage(NamedTuple):
    """A channel message, status byte and data. at_ns: from the file's beginning. track: its number from 0."""

    at_ns: int
    track: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class MidiFile:
    """Channel messages of all tracks in time order, and the tracks' names, empty where a track has none."""

    tracks: tuple[str, ...]
    messages: tuple[MidiMessage, ...]


def is_midi_file(path: Path) -> bool:
    """Whether it is meant as one, by its name or by its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with open_regular(path) as file:  # what is read of a pipe is lost to whoever reads it next
            return file.read(4) == _MAGIC
    except OSError:
        return False


def read_midi_file(path: Path) -> MidiFile:
    """Read a Standard MIDI File of type 0 or 1. Raises AutomationError with the reason."""
    try:
        data = read_whole(path, limit=_MOST_BYTES)
    except FileNotFoundError as error:
        raise AutomationError(f"no MIDI file at {path}") from error
    except OSError as error:
        raise AutomationError(f"cannot read the MIDI file {path}: {error.strerror or error}") from error
    return parse_midi_file(data, origin=str(path))


def parse_midi_file(data: bytes, *, origin: str) -> MidiFile:
    """Read a file's bytes. Times are exact to the nanosecond under any tempo changes. Raises AutomationError."""
    if data[:4] != _MAGIC:
        raise AutomationError(f"{origin} is not a Standard MIDI File: it does not begin with MThd")
    header = data[8 : 8 + int.from_bytes(data[4:8])]
    if len(header) < 6 or len(data) < 14:
        raise AutomationError(f"{origin} ends within its header: it is cut short or damaged")
    kind, count, division = (int.from_bytes(header[at : at + 2]) for at in (0, 2, 4))
    if kind == 2:
        raise AutomationError(f"{origin} is a MIDI file of type 2, patterns without one time: export it as type 0 or 1")
    if kind > 2:
        raise AutomationError(f"{origin} is a MIDI file of type {kind}, which is not known: export it as type 0 or 1")
    tracks: list[_Track] = []
    left = _MOST_MESSAGES
    for number, chunk in enumerate(_track_chunks(data, 8 + int.from_bytes(data[4:8]), count, origin)):
        track = _Track(chunk, f"{origin}, track {number + 1}", number)
        track.read(left)
        left -= len(track.messages)
        tracks.append(track)
    messages = sorted((message for track in tracks for message in track.messages), key=lambda message: message[0])
    tempos = sorted((tempo for track in tracks for tempo in track.tempos), key=lambda tempo: tempo[0])
    clock = _clock(division, tempos, origin)
    timed = []
    for tick, track_number, message in messages:
        at_ns = clock.nanoseconds(tick)
        if at_ns > _LONGEST_S * 10**9:
            raise AutomationError(f"{origin} lasts more than {_LONGEST_S // 3600} hours: it is damaged")
        timed.append(MidiMessage(at_ns, track_number, message))
    return MidiFile(tracks=tuple(track.name for track in tracks), messages=tuple(timed))


def _track_chunks(data: bytes, at: int, count: int, origin: str) -> Iterator[bytes]:
    """The contents of as many tracks as the header says; chunks of other kinds are passed over."""
    found = 0
    while found < count:
        length = int.from_bytes(data[at + 4 : at + 8])
        if at + 8 + length > len(data) or at + 8 > len(data):
            raise AutomationError(f"{origin} ends within track {found + 1} of {count}: it is cut short or damaged")
        if data[at : at + 4] == b"MTrk":
            found += 1
            yield data[at + 8 : at + 8 + length]
        at += 8 + length


class _Track:
    """One track's events, by tick. messages: (tick, track, bytes). tempos: (tick, microseconds a quarter note)."""

    def __init__(self, data: bytes, where: str, number: int) -> None:
        self._data, self._where, self._number = data, where, number
        self._at = self._tick = 0
        self.name = ""
        self.messages: list[tuple[int, int, bytes]] = []
        self.tempos: list[tuple[int, int]] = []

    def read(self, most: int) -> None:
        """Read all of it. most: messages that may be in it."""
        running = 0
        while self._at < len(self._data):
            self._tick += self._quantity()
            status = self._peek()
            if status >= 0x80:
                self._at += 1
            else:
                status = running
            if status == 0xFF:
                if self._meta():
                    return
            elif status in (0xF0, 0xF7):
                self._take(self._quantity())
                running = 0
            elif 0x80 <= status < 0xF0:
                running = status
                data = self._take(_DATA_BYTES[status & 0xF0])
                if max(data) >= 0x80:
                    raise self._damaged("a message is cut off by another")
                if len(self.messages) >= most:
                    raise AutomationError(f"{self._where}: more than {_MOST_MESSAGES} messages: is it a performance?")
                self.messages.append((self._tick, self._number, bytes((status,)) + data))
            elif status:
                raise self._damaged(f"a message {status:#x}, which no file has")
            else:
                raise self._damaged("a message without a status")

    def _meta(self) -> bool:
        """A meta event; whether it was the track's end."""
        kind = self._take(1)[0]
        data = self._take(self._quantity())
        if kind == _NAME and not self.name:
            self.name = _text(data)
        elif kind == _SET_TEMPO:
            tempo = int.from_bytes(data)
            if len(data) != 3 or not tempo:
                raise self._damaged(f"a tempo of {data.hex(' ') or 'nothing'}")
            self.tempos.append((self._tick, tempo))
        return kind == _END

    def _quantity(self) -> int:
        """A number of variable length: 7 bits a byte, 4 bytes at most."""
        value = 0
        for _ in range(4):
            byte = self._take(1)[0]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise self._damaged("a number of more than four bytes")

    def _peek(self) -> int:
        if self._at >= len(self._data):
            raise self._damaged("it ends within an event")
        return self._data[self._at]

    def _take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if len(part) < length:
            raise self._damaged("it ends within an event")
        self._at += length
        return part

    def _damaged(self, why: str) -> AutomationError:
        return AutomationError(f"{self._where}, byte {self._at}: {why}: the MIDI file is cut short or damaged")


class _Clock:
    """Ticks, which do not go back, into nanoseconds. Whole numbers all the way, so that nothing adds up.

    tempos: (tick, units a tick from there on), in order; unit: its seconds.
    """

    def __init__(self, tempos: list[tuple[int, int]], unit: Fraction) -> None:
        self._tempos, self._next = tempos, 0
        self._per_second, self._divisor = unit.numerator * 10**9, unit.denominator
        self._tick = self._units = self._each = 0

    def nanoseconds(self, tick: int) -> int:
        while self._next < len(self._tempos) and self._tempos[self._next][0] <= tick:
            at, each = self._tempos[self._next]
            self._units += (at - self._tick) * self._each
            self._tick, self._each = at, each
            self._next += 1
        units = self._units + (tick - self._tick) * self._each
        return (2 * units * self._per_second + self._divisor) // (2 * self._divisor)


def _clock(division: int, tempos: list[tuple[int, int]], origin: str) -> _Clock:
    """The clock of a header's time division: parts of a quarter note, or of a frame of film (SMPTE)."""
    if division & 0x8000:
        rate, parts = _SMPTE.get(256 - (division >> 8)), division & 0xFF
        if rate is None or not parts:
            raise AutomationError(f"{origin}: a time division of {division:#06x} is not known: the file is damaged")
        return _Clock([(0, 1)], 1 / (rate * parts))
    if not division:
        raise AutomationError(f"{origin}: a quarter note of no ticks: the file is damaged")
    return _Clock([(0, _TEMPO), *tempos], Fraction(1, 10**6 * division))


def _text(data: bytes) -> str:
    """A name; the specification knows ASCII only, programs write UTF-8 or their system's code page."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return "".join(letter for letter in text[:200] if letter.isprintable()).strip()
