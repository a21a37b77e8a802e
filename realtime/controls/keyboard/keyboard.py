"""Does what keys ask for in a live session; keys come from the window or the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Protocol

from stylefader.realtime.controls import actions
from stylefader.realtime.controls.action_kinds import ActionRunner, Choice, Step, Switch, Trigger
from stylefader.realtime.controls.actions import Asked
from stylefader.realtime.controls.keyboard.key_table import KeyMap, Overrides, help_page
from stylefader.realtime.controls.mapping.live_learn import LiveLearner
from stylefader.realtime.controls.player import Player
from stylefader.realtime.display.keycodes import CLOSED
from stylefader.realtime.parameters.alpha_desk import MODULATIONS
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.training.errors import ControlError

if TYPE_CHECKING:
    from pathlib import Path

    from stylefader.realtime.controls.scenes.scene_controller import SceneController
    from stylefader.realtime.display.window import Mode, Window
    from stylefader.realtime.parameters.tempo import BeatClock

_MODES: tuple[Mode, ...] = ("stylized", "split", "original")


class Recorder(Protocol):
    """`Takes`, as far as the keyboard knows them. path: the take that is being written; None where none is."""

    @property
    def path(self) -> Path | None:
        """The file that a take is being recorded into; None where none is."""

    def toggle(self) -> None:
        """Begin a take, or end the one that is being recorded."""


class Keyboard:
    """Does what keys ask for. overlay, help: whether these are to be seen in the window; quits: whether to end.

    window: where one is, else help is said in lines. clock: whose tempo is tapped. modulated: those of MODULATIONS that
    there are. runner: what does the actions, shared with the other controls; one of its own where it is not given.
    What is not given does nothing. One thread: the session's owner.
    """

    def __init__(
        self,
        session: Player,
        *,
        window: Window | None = None,
        overlay: bool = True,
        takes: Recorder | None = None,
        learner: LiveLearner | None = None,
        scenes: SceneController | None = None,
        clock: BeatClock | None = None,
        modulated: Callable[[], Collection[str]] = lambda: (),
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        runner: ActionRunner | None = None,
    ) -> None:
        self.overlay, self.help, self.quits = overlay, False, False
        self.fine = False
        self._help_page = 0  # which one the terminal shows next
        self.keys = KeyMap()
        self._overrides: Overrides = {}
        self._session, self._window = session, window
        self._takes, self._learner = takes, learner
        self._modulated, self._say = modulated, say
        self._runner = runner or ActionRunner(session, scenes=scenes, clock=clock, say=say, now_ns=now_ns)
        self._runner.surface = self

    def take_over(self, overrides: Overrides) -> None:
        """Keys of a mapping file from now on."""
        if overrides != self._overrides:
            self._overrides, self.keys = overrides, KeyMap(overrides)

    @property
    def notes(self) -> list[str]:
        """The keyboard's state, in words: a take, learning, fine steps."""
        notes = []
        if self._takes is not None and self._takes.path is not None:
            notes.append(f"rec {self._takes.path.name}")
        if self._learner is not None and self._learner.words is not None:
            notes.append(self._learner.words)
        if self.fine:
            notes.append("fine steps")
        muted = self._session.muted - (set(MODULATIONS) - set(self._modulated()))
        if muted:
            notes.append(f"without {', '.join(sorted(muted))}")
        return notes

    @property
    def help_rows(self) -> list[tuple[str, str]]:
        """What the window shows of the help now."""
        return self.keys.rows() if self.help else []

    def press(self, keys: Iterable[str]) -> None:
        """Do what these keys ask for, and the actions that waited for this thread; other keys are ignored."""
        self._runner.do_waiting()
        for key in keys:
            if key == CLOSED:
                self.quits = True
            elif self._learner is not None and self._learner.active and key == "esc":
                self._learner.cancel()
            elif self._learner is not None and self._learner.asks:
                self._learn_by(key, self._learner)
            elif (word := self.keys.action(key)) is not None and (asked := actions.find(word)) is not None:
                self._do(asked)

    def _do(self, asked: Asked) -> None:
        action, refused = asked.action, ""
        try:
            if isinstance(action, Step):
                self._runner.step(action, fine=self.fine)
            elif isinstance(action, Switch):
                self._runner.turn(action, None, owner=True)
            elif isinstance(action, Choice) and asked.number is not None:
                self._choose(action, asked.number)
            elif isinstance(action, Trigger):
                refused = f"{action.refused}: " if action.refused else ""
                told = self._runner.trigger(action, owner=True)
                if told is not None:
                    self._say(told)
        except ControlError as error:
            self._say(f"{refused}{error}")

    def _choose(self, action: Choice, number: int) -> None:
        """By its number, from 1; of another choice where this one has nothing."""
        if action.instead and not action.names(self._runner):
            asked = actions.find(f"{action.instead} {number}")
            assert asked is not None and isinstance(asked.action, Choice)
            action = asked.action
        self._runner.choose(action, number, owner=True)

    def _learn_by(self, key: str, learner: LiveLearner) -> None:
        """The key of what is to be learned: a block's number, or the key that does it."""
        asked = actions.find(self.keys.action(key) or "")
        action = asked.action if asked is not None else None
        if len(key) == 1 and key in "0123456789":
            learner.begin(f"{ALPHA}{key}")
        elif action is not None and action.name == "learn":
            learner.cancel()
        elif isinstance(action, Step):
            learner.begin(str(action.target))
        elif action is not None and action.midi and not isinstance(action, Choice):
            learner.begin(action.name)
        else:
            self._say(f"learn: {key} does nothing that a control could; 0 to 9 are the blocks")

    # -- what actions ask of the surface -------------------------------------------------------------------------------

    def toggle_fine(self) -> None:
        """Coarse or fine steps."""
        self.fine = not self.fine

    def toggle_overlay(self) -> None:
        """Numbers on the picture, or none."""
        self.overlay = not self.overlay

    def toggle_take(self) -> None:
        """Begin a take, or end it."""
        if self._takes is not None:
            self._takes.toggle()

    def toggle_learning(self) -> None:
        """Ask what to learn, or cancel that."""
        if self._learner is None:
            return
        if self._learner.active:
            self._learner.cancel()
        else:
            self._learner.ask()

    def next_view(self) -> None:
        """The next of the window's views."""
        if self._window is not None:
            self._window.mode = _MODES[(_MODES.index(self._window.mode) + 1) % len(_MODES)]

    def toggle_full_screen(self) -> None:
        """Full screen, or a window again."""
        if self._window is not None:
            self._window.full_screen = not self._window.full_screen

    def show_help(self) -> None:
        """The help, in the window or in lines."""
        if self._window is not None:
            self.help = not self.help
        else:
            for line in help_page(self.keys, self._help_page):
                self._say(line)
            self._help_page += 1

    def back(self) -> None:
        """Leave the innermost thing that can be left, never the session."""
        if self.help:
            self.help = False
        elif self._window is not None and self._window.full_screen:
            self._window.full_screen = False

    def quit(self) -> None:
        """End the session."""
        self.quits = True
