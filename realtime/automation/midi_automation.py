"""A MIDI file as automation: its messages played through mappings, router and alpha desk as they would be live.

    file --messages--> decoder of each track --events--> router --moves--> alpha desk --> alpha at a frame's time

The desk smooths what comes, so a file gives the alphas that the same messages give when they are played, sampled at the
frame's own time instead of when it was computed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from stylefader.realtime.automation.midi_file import MidiFile, read_midi_file
from stylefader.realtime.controls.events import ControlEvent, Kind
from stylefader.realtime.controls.mapping.mapping import ControlMap
from stylefader.realtime.controls.midi.decoder import WAIT_NS, Decoder
from stylefader.realtime.controls.midi.port_names import fits
from stylefader.realtime.controls.router import Router
from stylefader.realtime.parameters.alpha_desk import Alpha, AlphaDesk, Block
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.training.errors import AutomationError
from stylefader.training.packs.pack_header import AlphaHeader

_BEFORE_NS = 60 * 10**9
"""How long before the clip what a file says at its very beginning was played: alpha has come to rest by then."""
_EVERY = 512
_TELL = 4096
Tell = Callable[[float], None]
"""Told now and then how much is done, from 0 to 1."""
_SOURCE = "midi"


class Move(NamedTuple):
    """What a message asked of the desk, and when. `by`: a step from where it stands; `reset`: the pack's default."""

    at_ns: int
    kind: Literal["to", "by", "reset"]
    block: Block
    value: float

    def on(self, desk: AlphaDesk) -> None:
        if self.kind == "to":
            desk.move(self.block, self.value, self.at_ns, _SOURCE)
        elif self.kind == "by":
            desk.nudge(self.block, self.value, self.at_ns, _SOURCE)
        else:
            desk.alpha(self.at_ns)
            desk.reset()


class MidiAutomation:
    """alpha over time, as `Automation` gives it, from the moves of a MIDI file. Not for two threads at once.

    Before its first move alpha is the pack's default. notes: what was left alone, or taken in another way, for people.
    """

    def __init__(
        self, moves: Sequence[Move], header: AlphaHeader, n_blocks: int, *, origin: str, notes: Sequence[str] = ()
    ) -> None:
        self.moves, self.origin, self.notes = tuple(moves), origin, list(notes)
        self._n_blocks = n_blocks
        self._times = [move.at_ns for move in moves]
        self._desk = AlphaDesk(header, n_blocks)
        self._done = 0  # moves that the desk has seen; every so many of them it is kept as it stands
        self._kept = [self._desk.copy()]
        asked = [move.value for move in moves if move.kind == "to"]
        self._bounds = min([header.default, *asked]), max([header.default, *asked])

    def check_blocks(self, n_blocks: int) -> None:
        """Raise AutomationError for another number of blocks than it was made for."""
        if n_blocks != self._n_blocks:
            raise AutomationError(f"{self.origin} was read for {self._n_blocks} tuning-blocks, not {n_blocks}")

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest alpha that any message asks for."""
        return self._bounds

    def alpha(self, at: Fraction, n_blocks: int) -> Alpha:
        """The strengths at a time in seconds, float32 (n_blocks,): the same whatever was asked before."""
        self.check_blocks(n_blocks)
        at_ns = round(at * 10**9)
        self._go_to(bisect_right(self._times, at_ns))
        # A copy, since a desk that is asked remembers the time, and its rounding.
        return self._desk.copy().alpha(at_ns)

    def forward(self) -> Callable[[Fraction], Alpha]:
        """The same for times of which none is before the one before, in less time; not exactly the same rounding."""
        desk, done = self._kept[0].copy(), 0

        def alpha(at: Fraction) -> Alpha:
            nonlocal done
            at_ns = round(at * 10**9)
            while done < len(self.moves) and self._times[done] <= at_ns:
                self.moves[done].on(desk)
                done += 1
            return desk.alpha(at_ns)

        return alpha

    def _go_to(self, count: int) -> None:
        """Bring the desk to where so many moves have been made."""
        if count < self._done:
            place = count // _EVERY
            self._desk, self._done = self._kept[place].copy(), place * _EVERY
        for move in self.moves[self._done : count]:
            move.on(self._desk)
            self._done += 1
            if self._done == len(self._kept) * _EVERY:
                self._kept.append(self._desk.copy())


def read_midi_automation(
    path: Path, maps: Sequence[ControlMap], header: AlphaHeader, n_blocks: int, *, tell: Tell = lambda share: None
) -> MidiAutomation:
    """A MIDI file as automation for a pack of `n_blocks`. Raises AutomationError, also where nothing moves alpha."""
    return midi_automation(read_midi_file(path), maps, header, n_blocks, origin=str(path), tell=tell)


def midi_automation(
    file: MidiFile,
    maps: Sequence[ControlMap],
    header: AlphaHeader,
    n_blocks: int,
    *,
    origin: str,
    tell: Tell = lambda share: None,
) -> MidiAutomation:
    """The same from a file that was read. Each track's name is the name of its port.

    A mapping's `port` counts where some track's name has a mapping's port in it; where none has, DAWs having named the
    tracks in their way, every mapping takes every track, with a note. Pickup is off: a file's faders stand nowhere
    else. What stands at the file's beginning is where alpha begins, with no way to it.
    """
    notes = []
    ports = {entry.port for entry in maps if entry.port}
    by_name = any(fits(name, port) for port in ports for name in file.tracks)
    if ports and not by_name:
        named = ", ".join(sorted(map(repr, ports)))
        notes.append(f"no track of {origin} has {named} in its name: the mappings take every track")
    used = [replace(entry, pickup=False, port=entry.port if by_name else "") for entry in maps]
    recorder = _Recorder(header, n_blocks)
    router = Router(recorder, used, source=_SOURCE)
    seen: Counter[tuple[Kind, int]] = Counter()
    others: set[str] = set()
    for event in _events(file, tell):
        seen[event.kind, 0 if event.kind == "program" else event.number] += 1
        taken = [entry.target for entry in used if entry.takes(event)]
        if taken:
            others.update(target for target in taken if not target.startswith("alpha") and target != "panic")
            recorder.at_ns = event.at_ns
            router.handle(event)
    if others:
        what = ", ".join(sorted(others))
        notes.append(f"{origin} asks for {what} as well, which a render leaves alone: it moves alpha only")
    if all(move.kind == "reset" for move in recorder.moves):
        raise AutomationError(f"nothing in {origin} moves an alpha: {_why(seen, maps, n_blocks)}")
    return MidiAutomation(recorder.moves, header, n_blocks, origin=origin, notes=notes)


def _events(file: MidiFile, tell: Tell) -> Iterator[ControlEvent]:
    """What the decoders make of the messages, each coarse half that waits in vain at the time when it is due."""
    decoders = [Decoder(name) for name in file.tracks]
    due: deque[tuple[int, Decoder]] = deque()
    for number, (at_ns, track, message) in enumerate(file.messages):
        if number % _TELL == 0:
            tell(number / len(file.messages))
        at_ns = at_ns or -_BEFORE_NS
        while due and due[0][0] <= at_ns:
            yield from due[0][1].due(due[0][0])
            due.popleft()
        decoder = decoders[track]
        yield from decoder.feed(message, at_ns)
        if decoder.waits:
            due.append((at_ns + WAIT_NS, decoder))
    for at_ns, decoder in due:
        yield from decoder.due(at_ns)


class _Recorder:
    """What the router plays: targets without a desk's sense of time, their moves written down, and just one style."""

    style = 0
    scene: str | None = None

    def __init__(self, header: AlphaHeader, n_blocks: int) -> None:
        self.moves: list[Move] = []
        self.show = OutputFlags()
        self.muted: set[str] = set()
        self.style_names = [""]
        self.at_ns = 0
        self._header = header
        self._targets = [float(header.default)] * n_blocks

    def move(self, block: Block, target: float, at_ns: int | None = None, source: str = "keys") -> None:
        self._add("to", block, target)

    def nudge(self, block: Block, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        self._add("by", block, step)

    def fade_to(self, style: int | None, alpha: Alpha | None, fade_s: float, *, scene: str | None = None) -> None: ...

    def panic(self) -> None:
        self._add("reset", "all", 0.0)

    def targets(self) -> Alpha:
        return np.array(self._targets, np.float32)

    def go(self, style: int) -> None: ...

    def step_style(self, by: int) -> None: ...

    @property
    def alpha_range(self) -> tuple[float, float]:
        return self._header.low, self._header.high

    def _add(self, kind: Literal["to", "by", "reset"], block: Block, value: float) -> None:
        if not self._targets or (block != "all" and block >= len(self._targets)):
            return  # as live: blocks that a style does not have are left alone
        for place in range(len(self._targets)) if block == "all" else (block,):
            target = {"to": value, "by": self._targets[place] + value, "reset": self._header.default}[kind]
            self._targets[place] = min(max(target, self._header.low), self._header.high)
        self.moves.append(Move(self.at_ns, kind, block, value))


def _words(kind: Kind, number: int) -> str:
    """A control in the words of a mapping file, as messages have it."""
    return kind if kind in ("pitchbend", "aftertouch", "program") else f"{kind} {number}"


def _why(seen: Counter[tuple[Kind, int]], maps: Sequence[ControlMap], n_blocks: int) -> str:
    """What there is in a file whose controls move no alpha."""
    if not seen:
        return "it has no controls, notes or programs at all"
    alphas = sorted({entry.target for entry in maps if entry.block is not None})
    if not alphas:
        return "the mapping file has no mapping for alpha"
    if all(isinstance(entry.block, int) and entry.block >= n_blocks for entry in maps if entry.block is not None):
        return f"{', '.join(alphas)} are mapped, but this style has {n_blocks} tuning-blocks"
    common = [f"{_words(*control)} ({count} times)" for control, count in seen.most_common(6)]
    return f"it has {', '.join(common)}{' and others' if len(seen) > 6 else ''}; map one of them to alpha"
