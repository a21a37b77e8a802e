"""What kinds of actions there are, and what does them on a session, whoever asks: keyboard, OSC, MIDI, a panel.

The table of the actions themselves is in `actions`.
"""

from __future__ import annotations

import difflib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from stylefader.realtime.controls.player import Player
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.parameters.tempo import BeatClock
from stylefader.training.errors import ControlError

STEP, FINE_STEP, BIG_STEP = 0.05, 0.01, 0.25
_MOST_WAITING = 1000
_MOST_SHOWN = 12
"""Names that are told where none of them was meant; of more than that, those that are near."""


class Scenes(Protocol):
    """`SceneController`, as far as actions know it."""

    @property
    def names(self) -> list[str]:
        """Names of the scenes, in the file's order."""

    def recall(self, number: int) -> None:
        """Recall a scene by its number, counted from 0."""

    def save(self, name: str | None = None) -> str:
        """Save the session as it stands as a scene; gives its name, a new one where None."""


class Surface(Protocol):
    """What a performer sits in front of, window or terminal: `Keyboard`, as far as actions know it."""

    def toggle_fine(self) -> None:
        """Turn fine steps on or off."""

    def toggle_overlay(self) -> None:
        """Show or hide the numbers over the picture."""

    def toggle_full_screen(self) -> None:
        """Enter or leave full screen."""

    def toggle_take(self) -> None:
        """Begin or end the recording of a take."""

    def toggle_learning(self) -> None:
        """Begin or end learning a control."""

    def next_view(self) -> None:
        """Show the next view: stylized, original, or both."""

    def show_help(self) -> None:
        """Show or hide the keys."""

    def back(self) -> None:
        """Leave what is open: help, learning, full screen."""

    def quit(self) -> None:
        """End the session."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Action:
    """One action; its subclasses say what it takes.

    Attributes:
        name: How people write it in `[keys]`, and as a mapping's `target`.
        help: What it does, in a few words; actions that follow each other with the same words share a line.
        keys: The keys that it has by itself; None where no key may have it. Those of a choice choose 1, 2, ...
        osc: Its OSC address behind the root; empty where it has none.
        midi: Whether a control may be mapped to it.
        window: Whether it is of use in a window only.
        owner: Whether it is done in the thread that owns the session, whichever thread asked for it.
    """

    name: str
    help: str
    keys: tuple[str, ...] | None = ()
    osc: str = ""
    midi: bool = False
    window: bool = False
    owner: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Trigger(Action):
    """Takes nothing. run: returns a message for the user of the key, if any. Raises ControlError.

    refused: what a key's user is told before the reason, where it raises.
    """

    run: Callable[[ActionRunner], str | None]
    refused: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedTrigger(Trigger):
    """Takes a name, or nothing. run_named: does it with a name. Raises ControlError."""

    run_named: Callable[[ActionRunner, str], str | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Switch(Action):
    """Takes on or off; a key or a press changes it to the other."""

    is_on: Callable[[ActionRunner], bool]
    turn: Callable[[ActionRunner, bool], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice(Action):
    """Takes one of some names, or its number from 1.

    names: what there is; none at all where it cannot be had, for the reason `none`. choose: takes a number from 0.
    instead: the choice that its keys make where there are no names.
    """

    names: Callable[[ActionRunner], Sequence[str]]
    choose: Callable[[ActionRunner, int], None]
    none: Callable[[ActionRunner], str | None] = lambda runner: None
    instead: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Step(Action):
    """Moves a parameter by a step. by: the coarse step. fine: the step where fine ones are on.

    goes: where it goes from a value, for a parameter that has steps of its own.
    """

    target: Target
    by: float
    fine: float
    goes: Callable[[float], float] | None = None


class ActionRunner:
    """Does actions on one session. Any thread may ask; `do_waiting` is called by the thread that owns the session.

    Args:
        player: The session.
        scenes: Those of the session.
        clock: Whose tempo is tapped.
        say: Called with messages for the user.
        now_ns: The clock of the session.

    `surface` is what the performer sits in front of, once it is there.
    """

    def __init__(
        self,
        player: Player,
        *,
        scenes: Scenes | None = None,
        clock: BeatClock | None = None,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.player, self.scenes, self.clock = player, scenes, clock
        self.now_ns = now_ns
        self.surface: Surface | None = None
        self._say = say
        self._waiting: deque[Callable[[], object]] = deque(maxlen=_MOST_WAITING)

    def step(self, action: Step, *, fine: bool) -> None:
        """Move a parameter by a step. fine: whether fine ones are on."""
        if action.goes is None:
            self.player.nudge(action.target, action.fine if fine else action.by)
            return
        stands = self.player.targets().get(action.target.name)
        if stands is not None and len(stands) == 1:  # a style may not have it
            self.player.move(action.target, action.goes(float(stands[0])))

    def trigger(self, action: Trigger, name: str | None = None, *, owner: bool = False) -> str | None:
        """Do an action that takes nothing, or a name; returns a message for the user.

        owner: whether this is the thread that owns the session.

        Raises:
            ControlError: Where it cannot be done.
        """
        if action.owner and not owner:
            self._waiting.append(lambda: self.trigger(action, name, owner=True))
            return None
        if name is None:
            return action.run(self)
        if not isinstance(action, NamedTrigger):
            raise ControlError(f"{action.name} takes no name")
        return action.run_named(self, name)

    def turn(self, action: Switch, on: bool | None, *, owner: bool = False) -> None:
        """Turn a switch on or off; None: to the other."""
        if action.owner and not owner:
            self._waiting.append(lambda: self.turn(action, on, owner=True))
        else:
            action.turn(self, not action.is_on(self) if on is None else on)

    def choose(self, action: Choice, which: str | float, *, owner: bool = False) -> None:
        """Choose by a name, or a number from 1.

        Raises:
            ControlError: For what there is not.
        """
        why = action.none(self)
        if why is not None:
            raise ControlError(why)
        place = place_in(action.names(self), which, action.name)
        if action.owner and not owner:
            self._waiting.append(lambda: action.choose(self, place))
        else:
            action.choose(self, place)

    def do_waiting(self) -> None:
        """Do the actions that other threads asked for and only the owner's thread may do."""
        while self._waiting:
            try:
                told = self._waiting.popleft()()
            except ControlError as error:
                told = str(error)
            if isinstance(told, str):
                self._say(told)


def place_in(names: Sequence[str], which: str | float, what: str) -> int:
    """Where a name, or a number from 1, stands among some names, from 0.

    Of `PALETTE/STYLE` the second half does as well where it is one of them alone.

    Raises:
        ControlError: With what there is. what: what these are names of.
    """
    if isinstance(which, str):
        if which in names:
            return names.index(which)
        halves = [place for place, name in enumerate(names) if "/" in name and name.rpartition("/")[2] == which]
        if len(halves) == 1:
            return halves[0]
        near = difflib.get_close_matches(which, names, n=3, cutoff=0.6) if len(names) > _MOST_SHOWN else []
        there = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names) or 'none'}"
        raise ControlError(f"there is no {what} {which!r:.80}; {there}")
    if not (float(which).is_integer() and 1 <= which <= len(names)):
        raise ControlError(f"there is no {what} {which:g}; there {'is' if len(names) == 1 else 'are'} {len(names)}")
    return int(which) - 1
