"""A MIDI file as automation: its messages played through mappings, router and alpha desk as they would be live.

    file --messages--> decoder of each track --events--> router --moves--> alpha desk --> values at a frame's time

The desk smooths what comes, so a file gives the values that the same messages give when they are played, sampled at the
frame's own time instead of when it was computed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import ALPHA, Parameter, Values, sizes_of
from stylefader.realtime.parameters.targets import Sizes, Target, why_missing
from stylefader.training.errors import AutomationError

_BEFORE_NS = 60 * 10**9
"""Messages at the very beginning of a file count as played so long before the clip, so that alpha has settled."""
_EVERY = 512
_TELL = 4096
Tell = Callable[[float], None]
"""Called now and then with how much is done, from 0 to 1."""
_SOURCE = "midi"


class Move(NamedTuple):
    """What a message asked of the desk, and when. `by`: a step from where it stands; `reset`: all to their defaults."""

    at_ns: int
    kind: Literal["to", "by", "reset"]
    target: Target
    value: float

    def on(self, desk: AlphaDesk) -> None:
        """Do it on a desk, at the move's own time."""
        if self.kind == "to":
            desk.move(self.target, self.value, self.at_ns, _SOURCE)
        elif self.kind == "by":
            desk.nudge(self.target, self.value, self.at_ns, _SOURCE)
        else:
            desk.values(self.at_ns)
            desk.reset()


class MidiAutomation:
    """Parameters over time, as `Automation` gives them, from the moves of a MIDI file. Not for two threads at once.

    Before its first move a parameter is at its default. notes: what was ignored or handled differently, in words.
    """

    def __init__(
        self, moves: Sequence[Move], parameters: Sequence[Parameter], *, origin: str, notes: Sequence[str] = ()
    ) -> None:
        self.moves, self.origin, self.notes = tuple(moves), origin, list(notes)
        self.parameters = tuple(parameters)
        self._times = [move.at_ns for move in moves]
        self._desk = AlphaDesk(parameters)
        self._done = 0  # moves that the desk has seen; every so many of them it is kept as it stands
        self._kept = [self._desk.copy()]
        self._bounds: dict[str, tuple[float, float]] = {}
        for parameter in parameters:
            asked = [move.value for move in moves if move.kind == "to" and move.target.name == parameter.name]
            every = [*(parameter.default or (0.0,)), *asked]
            self._bounds[parameter.name] = min(every), max(every)

    def check(self, sizes: Sizes) -> None:
        """Raise AutomationError for other parameters than it was made for."""
        own = sizes_of(self.parameters)
        if dict(sizes) != own:
            raise AutomationError(f"{self.origin} was read for {_in_words(own)}, not {_in_words(sizes)}")

    def bounds(self, name: str = ALPHA) -> tuple[float, float] | None:
        """Smallest and largest value of a parameter that any message asks for, its default among them."""
        return self._bounds.get(name)

    def moves_any(self, names: Collection[str]) -> bool:
        """Whether any message moves one of these parameters."""
        return any(move.target.name in names for move in self.moves)

    def values(self, at: Fraction, parameters: Sequence[Parameter]) -> dict[str, Values]:
        """The parameters at a time in seconds, float32 (size,) each; does not depend on earlier calls."""
        at_ns = round(at * 10**9)
        self._go_to(bisect_right(self._times, at_ns))
        # A copy, since a desk that is asked remembers the time, and its rounding.
        found = self._desk.copy().values(at_ns)
        return {parameter.name: found[parameter.name] for parameter in parameters}

    def forward(self) -> Callable[[Fraction], dict[str, Values]]:
        """The same for times that never go back; faster, with slightly different rounding."""
        desk, done = self._kept[0].copy(), 0

        def values(at: Fraction) -> dict[str, Values]:
            nonlocal done
            at_ns = round(at * 10**9)
            while done < len(self.moves) and self._times[done] <= at_ns:
                self.moves[done].on(desk)
                done += 1
            return desk.values(at_ns)

        return values

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
    path: Path, maps: Sequence[ControlMap], parameters: Sequence[Parameter], *, tell: Tell = lambda share: None
) -> MidiAutomation:
    """A MIDI file as automation for these parameters. Raises AutomationError, also where nothing moves any."""
    return midi_automation(read_midi_file(path), maps, parameters, origin=str(path), tell=tell)


def midi_automation(
    file: MidiFile,
    maps: Sequence[ControlMap],
    parameters: Sequence[Parameter],
    *,
    origin: str,
    tell: Tell = lambda share: None,
) -> MidiAutomation:
    """The same from a file that was read. Each track's name is the name of its port.

    A mapping's `port` counts where some track's name has a mapping's port in it; where none has, DAWs having named the
    tracks in their way, every mapping takes every track, with a note. Pickup is off: a file's faders stand nowhere
    else. What stands at the file's beginning is where values begin, with no way to it.
    """
    notes = []
    ports = {entry.port for entry in maps if entry.port}
    by_name = any(fits(name, port) for port in ports for name in file.tracks)
    if ports and not by_name:
        named = ", ".join(sorted(map(repr, ports)))
        notes.append(f"no track of {origin} has {named} in its name: the mappings take every track")
    used = [replace(entry, pickup=False, port=entry.port if by_name else "") for entry in maps]
    recorder = _Recorder(parameters)
    router = Router(recorder, used, source=_SOURCE)
    seen: Counter[tuple[Kind, int]] = Counter()
    others: set[str] = set()
    for event in _events(file, tell):
        seen[event.kind, 0 if event.kind == "program" else event.number] += 1
        taken = [entry for entry in used if entry.takes(event)]
        if taken:
            others.update(entry.target for entry in taken if entry.moves is None and entry.target != "panic")
            recorder.at_ns = event.at_ns
            router.handle(event)
    if others:
        what = ", ".join(sorted(others))
        notes.append(f"{origin} asks for {what} as well, which a render leaves alone: it moves parameters only")
    if all(move.kind == "reset" for move in recorder.moves):
        raise AutomationError(f"nothing in {origin} moves a parameter: {_why(seen, maps, sizes_of(parameters))}")
    return MidiAutomation(recorder.moves, parameters, origin=origin, notes=notes)


def _events(file: MidiFile, tell: Tell) -> Iterator[ControlEvent]:
    """The events of the messages; a coarse half without its fine half comes when its wait ends."""
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
    """The player that the router moves: it writes moves down instead of smoothing them, and has just one style."""

    style = 0
    scene: str | None = None

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.moves: list[Move] = []
        self.show = OutputFlags()
        self.muted: set[str] = set()
        self.style_names = [""]
        self.at_ns = 0
        self.parameters = {parameter.name: parameter for parameter in parameters}
        self._targets = {parameter.name: np.array(parameter.default, np.float32) for parameter in parameters}

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        self._add("to", target, value)

    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        self._add("by", target, step)

    def fade_to(
        self, style: int | None, values: Mapping[str, Values], fade_s: float, *, scene: str | None = None
    ) -> None: ...

    def panic(self) -> None:
        self.moves.append(Move(self.at_ns, "reset", Target(""), 0.0))
        for name, parameter in self.parameters.items():
            self._targets[name][:] = parameter.default

    def targets(self) -> Mapping[str, Values]:
        return self._targets

    def go(self, style: int) -> None: ...

    def choose_where(self, word: str) -> str:
        return word

    def choose_pad(self, word: str) -> str:
        return word

    def step_style(self, by: int) -> None: ...

    def _add(self, kind: Literal["to", "by"], target: Target, value: float) -> None:
        if why_missing(target, sizes_of(self.parameters.values())) is not None:
            return  # as live: parameters that a style does not declare are ignored
        own, parameter = self._targets[target.name], self.parameters[target.name]
        found = parameter.place(target.component)
        for place in range(len(own))[found] if isinstance(found, slice) else (found or 0,):
            wanted = value if kind == "to" else own[place] + value
            own[place] = min(max(wanted, parameter.low[place]), parameter.high[place])
        self.moves.append(Move(self.at_ns, kind, target, value))


def _in_words(sizes: Sizes) -> str:
    return ", ".join(f"{size} of {name}" for name, size in sizes.items())


def _words(kind: Kind, number: int) -> str:
    """A control in the words of a mapping file, as messages have it."""
    return kind if kind in ("pitchbend", "aftertouch", "program") else f"{kind} {number}"


def _why(seen: Counter[tuple[Kind, int]], maps: Sequence[ControlMap], sizes: Sizes) -> str:
    """What there is in a file whose controls move no parameter."""
    if not seen:
        return "it has no controls, notes or programs at all"
    moved = {entry.target: entry.moves for entry in maps if entry.moves is not None}
    if not moved:
        return "the mapping file has no mapping for a parameter"
    missing = [why_missing(target, sizes) for target in moved.values()]
    if None not in missing:
        return "; ".join(sorted(filter(None, missing)))
    common = [f"{_words(*control)} ({count} times)" for control, count in seen.most_common(6)]
    return f"it has {', '.join(common)}{' and others' if len(seen) > 6 else ''}; map one of them to {min(moved)}"
