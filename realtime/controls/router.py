"""Applies control events to what they are mapped to: parameters, and the actions of the table.

Soft takeover (pickup): a fader whose position differs from its parameter moves nothing until it reaches or passes the
parameter's value. They differ at first, and when something else has moved the parameter.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields

from stylefader.realtime.controls.action_kinds import Action, ActionRunner, Choice, Switch, Trigger
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.mapping import ControlMap
from stylefader.realtime.controls.midi.encoders import relative_step
from stylefader.realtime.controls.player import Player
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.training.errors import ControlError

_NEAR = 1.5 / 127
"""Of its range: how close a fader must come where it does not pass the value."""
_SAME = 1e-6


@dataclass
class MapState:
    """What is known of a mapping's control.

    event: its last. known: the raw value that the controller stands at or was told. told: what its light was told.
    left: the value as this mapping left it, None before it has taken over.
    """

    event: ControlEvent | None = None
    known: int | None = None
    told: int | None = None
    place: float | None = None
    left: float | None = None
    pressed: bool = False


class Router:
    """Does what events ask for. Any thread calls `handle`; `take_over` sets other mappings.

    scenes: those that mappings may recall. runner: what does the actions, shared with the other controls; one of its
    own where it is not given.
    """

    def __init__(
        self,
        player: Player,
        maps: Sequence[ControlMap] = (),
        *,
        source: str = "midi",
        scenes: SceneController | None = None,
        runner: ActionRunner | None = None,
    ) -> None:
        self._player, self._source = player, source
        self._runner = runner or ActionRunner(player, scenes=scenes)
        self._lock = threading.Lock()  # over the states
        self.states: list[tuple[ControlMap, MapState]] = []
        self.take_over(maps)

    def take_over(self, maps: Sequence[ControlMap]) -> None:
        """Use other mappings. Unchanged ones keep the state of their control; the others release it."""
        with self._lock:
            before, after = list(self.states), []
            for entry in maps:
                like = next((at for at, (other, _) in enumerate(before) if _but_line(other) == _but_line(entry)), None)
                after.append((entry, MapState() if like is None else before.pop(like)[1]))
            self.states = after
            for entry, state in before:
                self._let_go(entry, state)

    def release(self, port: str | None = None) -> None:
        """A port is gone or closed: release what is held there. None: any port."""
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
                action = entry.action
                if entry.relative is not None:
                    self._turn(entry, event)
                elif action is None:
                    self._move(entry, state, event)
                elif isinstance(action, Choice) and entry.to is None:
                    self._choose(action, event, state)
                else:
                    self._press(entry, action, state, event)
                if state.event is not None and state.event.port != event.port:
                    state.told = None  # another device has its own light
                state.event, state.known = event, event.raw

    def current(self, entry: ControlMap) -> float | None:
        """Where the parameter of a mapping stands; the mean for all of its components. None where there is none."""
        found = self._found(entry)
        values = None if found is None else self._player.targets().get(found[0].name)
        if found is None or values is None:
            return None
        own = values[found[1]]
        return float(own.mean()) if own.size else None

    def bounds(self, entry: ControlMap) -> tuple[float, float] | None:
        """Lowest and highest value of the parameter of a mapping. None where there is none."""
        found = self._found(entry)
        if found is None or entry.moves is None or not found[0].size:
            return None
        return found[0].bounds(entry.moves.component)

    def _found(self, entry: ControlMap) -> tuple[Parameter, int | slice] | None:
        """The parameter of a mapping, and where its component stands; None where the style has none."""
        target = entry.moves
        parameter = None if target is None else self._player.parameters.get(target.name)
        place = None if target is None or parameter is None else parameter.place(target.component)
        return None if parameter is None or place is None else (parameter, place)

    def is_on(self, entry: ControlMap) -> bool | None:
        """Whether the switch of a mapping is on; None where its target is none."""
        action = entry.action
        return action.is_on(self._runner) if isinstance(action, Switch) else None

    def _turn(self, entry: ControlMap, event: ControlEvent) -> None:
        assert entry.relative is not None
        clicks = relative_step(event.raw, entry.relative) * (-1 if entry.invert else 1)
        if entry.moves is not None:
            self._player.nudge(entry.moves, clicks * entry.step, event.at_ns, self._source)
        elif clicks:
            self._player.step_style(1 if clicks > 0 else -1)

    def _move(self, entry: ControlMap, state: MapState, event: ControlEvent) -> None:
        if entry.kind == "note" and event.raw == 0:
            return  # let go: the strength that the key was pressed with stays
        bounds, target = self.bounds(entry), entry.moves
        if bounds is None or target is None:
            return
        wanted = entry.value(event.value, bounds)
        if not entry.pickup or entry.kind in ("note", "program"):
            self._player.move(target, wanted, event.at_ns, self._source)
            return
        current = self.current(entry)
        if current is None:
            return
        before, state.place = state.place, wanted
        holds = state.left is not None and abs(current - state.left) < _SAME
        low, high = entry.range or bounds
        near = abs(wanted - current) <= _NEAR * (high - low) + _SAME
        passed = before is not None and (before - current) * (wanted - current) <= 0
        # Where it stands beyond this mapping's range, its nearer end is as close as a fader can come.
        at_end = (current > high and wanted >= high - _SAME) or (current < low and wanted <= low + _SAME)
        if not (holds or near or passed or at_end):
            state.left = None
            return
        self._player.move(target, wanted, event.at_ns, self._source)
        moved = self.current(entry)
        # A muted source has taken over nothing.
        state.left = (
            moved if moved is not None and abs(moved - min(max(wanted, bounds[0]), bounds[1])) < _SAME else None
        )

    def _choose(self, action: Choice, event: ControlEvent, state: MapState) -> None:
        """Choose by a program's number, or by a fader's position."""
        count = len(action.names(self._runner))
        if event.kind == "program":
            if event.raw < count:
                self._runner.choose(action, event.raw + 1)
            return
        if not count or (event.kind == "note" and event.raw == 0):
            return
        wanted = min(int(event.value * count), count - 1)
        if state.place != wanted:
            state.place = wanted
            self._runner.choose(action, wanted + 1)

    def _press(self, entry: ControlMap, action: Action, state: MapState, event: ControlEvent) -> None:
        """What a press asks for: a program, a key that is pressed, a control that passes its middle."""
        pressed = event.kind == "program" or (event.raw > 0 if event.kind == "note" else event.value >= 0.5)
        begins = pressed and (event.kind == "program" or not state.pressed)
        ends = state.pressed and not pressed
        state.pressed = pressed
        if isinstance(action, Switch) and entry.mode == "hold":
            if begins or ends:
                self._runner.turn(action, pressed)
            return
        if not begins:
            return
        with suppress(ControlError):  # missing choices were reported when the mapping was read
            if isinstance(action, Switch):
                self._runner.turn(action, None)
            elif isinstance(action, Choice) and entry.to is not None:
                self._runner.choose(action, entry.to)
            elif isinstance(action, Trigger):
                self._runner.trigger(action)

    def _let_go(self, entry: ControlMap, state: MapState) -> None:
        """Release a control. A fader that is past its middle stays there; that is no new press."""
        action = entry.action
        if isinstance(action, Switch) and entry.mode == "hold":
            if state.pressed:
                self._runner.turn(action, False)
            state.pressed = False
        elif entry.kind == "note":
            state.pressed = False


def _but_line(entry: ControlMap) -> tuple[object, ...]:
    return tuple(getattr(entry, field.name) for field in fields(entry) if field.name != "line")
