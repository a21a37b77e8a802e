"""Control events into what they are mapped to: alpha, styles, flags.

Soft takeover (pickup): a fader that stands elsewhere than alpha moves nothing until it has come to where alpha is, or
past it. Alpha stands elsewhere when something else moved it since, and at first.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.mapping import CHOICES, SWITCHES, ControlMap
from stylefader.realtime.controls.midi.encoders import relative_step
from stylefader.realtime.controls.player import Player, is_on, turn
from stylefader.realtime.controls.scenes.scene_controller import SceneController

_NEAR = 1.5 / 127
"""Of its range: how close a fader must come where it does not pass alpha."""
_SAME = 1e-6


@dataclass
class MapState:
    """What is known of a mapping's control.

    event: its last. known: the raw value that the controller stands at or was told. told: what its light was told.
    left: alpha as this mapping left it, None where it has not yet got hold.
    """

    event: ControlEvent | None = None
    known: int | None = None
    told: int | None = None
    place: float | None = None
    left: float | None = None
    pressed: bool = False


class Router:
    """Does what events ask for. Any thread calls `handle`; `take_over` sets other mappings.

    scenes: those that mappings may recall.
    """

    def __init__(
        self,
        player: Player,
        maps: Sequence[ControlMap] = (),
        *,
        source: str = "midi",
        scenes: SceneController | None = None,
    ) -> None:
        self._player, self._source, self._scenes = player, source, scenes
        self._lock = threading.Lock()  # over the states
        self.states: list[tuple[ControlMap, MapState]] = []
        self.take_over(maps)

    def take_over(self, maps: Sequence[ControlMap]) -> None:
        """Other mappings; those that stay as they were keep what they know of their control. Others let it go."""
        with self._lock:
            before, after = list(self.states), []
            for entry in maps:
                like = next((at for at, (other, _) in enumerate(before) if _but_line(other) == _but_line(entry)), None)
                after.append((entry, MapState() if like is None else before.pop(like)[1]))
            self.states = after
            for entry, state in before:
                self._let_go(entry, state)

    def release(self, port: str | None = None) -> None:
        """A port has gone, or is not heard any more: what is held there is let go. None: any port."""
        with self._lock:
            for entry, state in self.states:
                if state.event is not None and port in (None, state.event.port):
                    self._let_go(entry, state)

    def handle(self, event: ControlEvent) -> None:
        """Do what is mapped to this event."""
        with self._lock:
            for entry, state in self.states:
                if not entry.takes(event):
                    continue
                if entry.relative is not None:
                    self._turn(entry, event)
                elif entry.block is not None:
                    self._move(entry, state, event)
                elif entry.target in CHOICES and entry.to is None:
                    self._choose(entry, event, state)
                else:
                    self._press(entry, state, event)
                if state.event is not None and state.event.port != event.port:
                    state.told = None  # another device has its own light
                state.event, state.known = event, event.raw

    def current(self, entry: ControlMap) -> float | None:
        """Where the alpha of a mapping stands; the mean for all of them. None where the style has no such block."""
        targets, block = self._player.targets(), entry.block
        if block == "all":
            return float(targets.mean()) if len(targets) else None
        return float(targets[block]) if block is not None and block < len(targets) else None

    def _turn(self, entry: ControlMap, event: ControlEvent) -> None:
        assert entry.relative is not None
        clicks = relative_step(event.raw, entry.relative) * (-1 if entry.invert else 1)
        if entry.block is not None:
            self._player.nudge(entry.block, clicks * entry.step, event.at_ns, self._source)
        elif clicks:
            self._player.step_style(1 if clicks > 0 else -1)

    def _move(self, entry: ControlMap, state: MapState, event: ControlEvent) -> None:
        if entry.kind == "note" and event.raw == 0:
            return  # let go: the strength that the key was pressed with stays
        bounds, block = self._player.alpha_range, entry.block
        assert block is not None
        wanted = entry.alpha(event.value, bounds)
        if not entry.pickup or entry.kind in ("note", "program"):
            self._player.move(block, wanted, event.at_ns, self._source)
            return
        current = self.current(entry)
        if current is None:
            return
        before, state.place = state.place, wanted
        holds = state.left is not None and abs(current - state.left) < _SAME
        low, high = entry.range or bounds
        near = abs(wanted - current) <= _NEAR * (high - low) + _SAME
        passed = before is not None and (before - current) * (wanted - current) <= 0
        # Where alpha stands beyond this mapping's range, its nearer end is as close as a fader can come.
        at_end = (current > high and wanted >= high - _SAME) or (current < low and wanted <= low + _SAME)
        if not (holds or near or passed or at_end):
            state.left = None
            return
        self._player.move(block, wanted, event.at_ns, self._source)
        moved = self.current(entry)
        # A muted source has not got hold of anything.
        state.left = (
            moved if moved is not None and abs(moved - min(max(wanted, bounds[0]), bounds[1])) < _SAME else None
        )

    def _choose(self, entry: ControlMap, event: ControlEvent, state: MapState) -> None:
        """A style or a scene by a program's number, or by a fader's place."""
        count = len(self._names(entry))
        if event.kind == "program":
            if event.raw < count:
                self._go(entry, event.raw)
            return
        if not count or (event.kind == "note" and event.raw == 0):
            return
        wanted = min(int(event.value * count), count - 1)
        if state.place != wanted:
            state.place = wanted
            self._go(entry, wanted)

    def _names(self, entry: ControlMap) -> list[str]:
        """What a mapping of a style or a scene chooses from."""
        if entry.target == "style":
            return self._player.style_names
        return self._scenes.names if self._scenes is not None else []

    def _go(self, entry: ControlMap, number: int) -> None:
        if entry.target == "style":
            self._player.go(number)
        elif self._scenes is not None:
            self._scenes.recall(number)

    def _press(self, entry: ControlMap, state: MapState, event: ControlEvent) -> None:
        """Flags and triggers: a program, a key that is pressed, a control that passes its middle."""
        pressed = event.kind == "program" or (event.raw > 0 if event.kind == "note" else event.value >= 0.5)
        begins = pressed and (event.kind == "program" or not state.pressed)
        ends = state.pressed and not pressed
        state.pressed = pressed
        if entry.target in SWITCHES:
            if entry.mode == "hold":
                if begins or ends:
                    turn(self._player, entry.target, pressed)
            elif begins:
                turn(self._player, entry.target, not is_on(self._player, entry.target))
        elif not begins:
            return
        elif entry.target == "panic":
            self._player.panic()
        elif entry.target in CHOICES:
            names = self._names(entry)
            if isinstance(entry.to, int) and entry.to <= len(names):
                self._go(entry, entry.to - 1)
            elif entry.to in names:
                self._go(entry, names.index(str(entry.to)))
        else:
            self._player.step_style(1 if entry.target == "next" else -1)

    def _let_go(self, entry: ControlMap, state: MapState) -> None:
        """As if the control had been let go. A fader past its middle still stands there: that is no new press."""
        if entry.target in SWITCHES and entry.mode == "hold":
            if state.pressed:
                turn(self._player, entry.target, False)
            state.pressed = False
        elif entry.kind == "note":
            state.pressed = False


def _but_line(entry: ControlMap) -> tuple[object, ...]:
    return tuple(value for name, value in vars(entry).items() if name != "line")
