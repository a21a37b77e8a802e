"""A Standard MIDI File as messages at their times: what a DAW exports, to be played through the controls.

After the Standard MIDI Files 1.0 specification (MIDI Manufacturers Association, RP-001). `mido.MidiFile` reads each
track. The header, the division into tracks, the exact times and a filter in front of mido (`_Track`) are ours, since
mido needs quadratic time for endless numbers, loses the time of meta events that it does not know, refuses files for
odd key signatures and chunks of other programs, and adds times up as floats.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import mido

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
_META, _SYSTEM_EXCLUSIVE = 0xFF, (0xF0, 0xF7)
_NAME, _END, _SET_TEMPO = 0x03, 0x2F, 0x51
_NUMBER = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f]")


class MidiMessage(NamedTuple):
    """A channel message. at_ns: from the file's beginning. track: its number from 0."""

    at_ns: int
    track: int
    message: mido.Message


@dataclass(frozen=True, kw_only=True)
class MidiFile:
    """Channel messages of all tracks in time order, and the tracks' names, empty where a track has none."""

    tracks: tuple[str, ...]
    messages: tuple[MidiMessage, ...]


def is_midi_file(path: Path) -> bool:
    """Whether a file is a MIDI file, by its name or its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with open_regular(path) as file:  # what is read from a pipe is lost for the next reader
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
    names: list[str] = []
    messages: list[tuple[int, int, mido.Message]] = []
    tempos: list[tuple[int, int]] = []
    left = _MOST_MESSAGES
    for number, chunk in enumerate(_track_chunks(data, 8 + int.from_bytes(data[4:8]), count, origin)):
        track = _Track(chunk, f"{origin}, track {number + 1}", left)
        names.append("")
        for tick, message in track.messages():
            if message.type == "set_tempo":
                tempos.append((tick, message.tempo))
            elif message.type == "track_name":
                names[-1] = _text(message.name.encode("latin-1"))
            else:
                messages.append((tick, number, message))
        left -= track.count
    messages.sort(key=lambda message: message[0])
    tempos.sort(key=lambda tempo: tempo[0])
    clock = _clock(division, tempos, origin)
    timed = []
    for tick, track_number, message in messages:
        at_ns = clock.nanoseconds(tick)
        if at_ns > _LONGEST_S * 10**9:
            raise AutomationError(f"{origin} lasts more than {_LONGEST_S // 3600} hours: it is damaged")
        timed.append(MidiMessage(at_ns, track_number, message))
    return MidiFile(tracks=tuple(names), messages=tuple(timed))


def _track_chunks(data: bytes, at: int, count: int, origin: str) -> Iterator[bytes]:
    """The contents of as many tracks as the header says; chunks of other kinds are skipped."""
    found = 0
    while found < count:
        length = int.from_bytes(data[at + 4 : at + 8])
        if at + 8 + length > len(data) or at + 8 > len(data):
            raise AutomationError(f"{origin} ends within track {found + 1} of {count}: it is cut short or damaged")
        if data[at : at + 4] == b"MTrk":
            found += 1
            yield data[at + 8 : at + 8 + length]
        at += 8 + length


class _Track(BytesIO):
    """One track as a file for mido, without what no control needs: text, system exclusive messages, key signatures.

    mido asks for the place (`tell`) once at the beginning of a track and again before each event. Events that are left
    out are skipped there, and their time is kept.
    """

    def __init__(self, data: bytes, where: str, most: int) -> None:
        """Take a track's events. most: how many may be given to mido."""
        head = struct.pack(">4sIHHH4sI", _MAGIC, 6, 0, 1, 1, b"MTrk", len(data))
        self._data = head + data
        super().__init__(self._data)
        self._head, self._where, self._most = len(head), where, most
        self._begun = self._named = False
        self._passed: list[int] = []  # ticks that were skipped before each event

    @property
    def count(self) -> int:
        """How many events mido was given."""
        return len(self._passed)

    def messages(self) -> Iterator[tuple[int, mido.Message]]:
        """Channel messages, tempos and the first name, each with its tick. Raises AutomationError."""
        try:
            (track,) = mido.MidiFile(file=self, clip=True).tracks
        except EOFError as error:
            raise self._damaged("it ends within an event") from error
        except OSError as error:
            raise self._damaged(str(error)) from error
        tick = 0
        for passed, message in zip(self._passed, track, strict=True):
            tick += passed + message.time
            yield tick, message

    def tell(self) -> int:
        """The place of the next event that mido is to read; the end where there is none."""
        at = super().tell()
        if not self._begun:
            self._begun = True
            return at
        passed = 0
        while at < len(self._data):
            after, ticks = self._number(at)
            status = self._byte(after)
            if status == _META:
                kind = self._byte(after + 1)
                begin, length = self._number(after + 2)
                if kind == _END:
                    break
                if self._wants(kind, self._data[begin : begin + length]):
                    return self._give(at, passed)
            elif status in _SYSTEM_EXCLUSIVE:
                begin, length = self._number(after + 1)
            elif status > 0xF0:
                raise self._damaged(f"a message {status:#x}, which no file has")
            else:
                return self._give(at, passed)
            passed += ticks
            at = begin + length
            if at > len(self._data):
                raise self._damaged("it ends within an event")
        return self.seek(len(self._data))

    def _give(self, at: int, passed: int) -> int:
        if len(self._passed) >= self._most:
            raise AutomationError(f"{self._where}: more than {_MOST_MESSAGES} messages: is it a performance?")
        self._passed.append(passed)
        return self.seek(at)

    def _wants(self, kind: int, data: bytes) -> bool:
        """Whether mido is to read a meta event."""
        if kind == _SET_TEMPO:
            if len(data) != 3 or not any(data):
                raise self._damaged(f"a tempo of {data.hex(' ') or 'nothing'}")
            return True
        first, self._named = not self._named, self._named or kind == _NAME
        return kind == _NAME and first

    def _number(self, at: int) -> tuple[int, int]:
        """A variable-length number (7 bits a byte, at most 4 bytes): (the place after it, the number)."""
        match = _NUMBER.match(self._data, at)
        if match is None:
            why = "a number of more than four bytes" if at + 4 <= len(self._data) else "it ends within an event"
            raise self._damaged(why)
        value = 0
        for byte in match[0]:
            value = value << 7 | byte & 0x7F
        return match.end(), value

    def _byte(self, at: int) -> int:
        if at >= len(self._data):
            raise self._damaged("it ends within an event")
        return self._data[at]

    def _damaged(self, why: str) -> AutomationError:
        at = super().tell() - self._head
        return AutomationError(f"{self._where}, byte {at}: {why}: the MIDI file is cut short or damaged")


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
