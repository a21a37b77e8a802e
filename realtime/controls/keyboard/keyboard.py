"""Keys into what they are to do in a live session, whoever heard them: the window or the terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Literal, Protocol

from stylefader.realtime.controls.keyboard.key_table import (
    BIG_STEP,
    FINE_STEP,
    STEP,
    KeyMap,
    Overrides,
    help_page,
)
from stylefader.realtime.controls.mapping.live_learn import LiveLearner
from stylefader.realtime.controls.mapping.mapping import FLAGS, TRIGGERS
from stylefader.realtime.controls.player import Player
from stylefader.realtime.display.keycodes import CLOSED
from stylefader.realtime.parameters.alpha_desk import MODULATIONS
from stylefader.training.errors import ControlError

if TYPE_CHECKING:
    from pathlib import Path

    from stylefader.realtime.controls.scenes.scene_controller import SceneController
    from stylefader.realtime.display.window import Mode, Window
    from stylefader.realtime.parameters.tempo import BeatClock

_MODES: tuple[Mode, ...] = ("stylized", "split", "original")
_PAIR = re.compile(r"(alpha[0-9]+) (up|down)")
_BY_NUMBER = re.compile(r"(scene|style) ([0-9]+)")
_ALL = {"stronger": (1, False), "weaker": (-1, False), "much stronger": (1, True), "much weaker": (-1, True)}


class Recorder(Protocol):
    """`Takes`, as far as the keyboard knows them. path: the take that is being written; None where none is."""

    @property
    def path(self) -> Path | None: ...
    def toggle(self) -> None: ...


class Keyboard:
    """Does what keys ask for. overlay, help: whether these are to be seen in the window; quits: whether to end.

    window: where one is, else help is said in lines. clock: whose tempo is tapped. modulated: those of MODULATIONS that
    there are. What is not given does nothing. One thread: the session's owner.
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
    ) -> None:
        self.overlay, self.help, self.quits = overlay, False, False
        self.fine = False
        self._help_page = 0  # which one the terminal shows next
        self.keys = KeyMap()
        self._overrides: Overrides = {}
        self._session, self._window = session, window
        self._takes, self._learner, self._scenes, self._clock = takes, learner, scenes, clock
        self._modulated, self._say, self._now_ns = modulated, say, now_ns
        self._actions: dict[str, Callable[[], None]] = {
            "fine": lambda: setattr(self, "fine", not self.fine),
            "previous": lambda: session.step_style(-1),
            "next": lambda: session.step_style(1),
            "panic": session.panic,
            "save scene": self._save_scene,
            "modulation": self._modulation,
            "tap": self._tap,
            "record": self._record,
            "learn": self._learn,
            "view": self._next_view,
            "full screen": self._full_screen,
            "overlay": lambda: setattr(self, "overlay", not self.overlay),
            "help": self._show_help,
            "back": self._back,
            "quit": lambda: setattr(self, "quits", True),
            **{flag: lambda flag=flag: self._toggle(flag) for flag in FLAGS},  # type: ignore[misc]
            **{
                action: lambda sign=sign, big=big: self._nudge("all", sign, big)  # type: ignore[misc]
                for action, (sign, big) in _ALL.items()
            },
        }

    def take_over(self, overrides: Overrides) -> None:
        """Keys of a mapping file from now on."""
        if overrides != self._overrides:
            self._overrides, self.keys = overrides, KeyMap(overrides)

    @property
    def notes(self) -> list[str]:
        """What is to be seen of the keyboard's state, in words: a take, learning, fine steps."""
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
        """Do what these keys ask for; those that mean nothing are left alone."""
        for key in keys:
            if key == CLOSED:
                self.quits = True
            elif self._learner is not None and self._learner.active and key == "esc":
                self._learner.cancel()
            elif self._learner is not None and self._learner.asks:
                self._choose(key, self._learner)
            elif (action := self.keys.action(key)) is not None:
                self._do(action)

    def _do(self, action: str) -> None:
        if found := _PAIR.fullmatch(action):
            self._nudge(int(found[1].removeprefix("alpha")), 1 if found[2] == "up" else -1, False)
        elif found := _BY_NUMBER.fullmatch(action):
            number = int(found[2]) - 1
            if found[1] == "scene" and self._scenes is not None and self._scenes.names:
                self._choose_numbered("scene", number, len(self._scenes.names), self._scenes.recall)
            else:
                self._choose_numbered("style", number, len(self._session.style_names), self._session.go)
        else:
            self._actions[action]()

    def _choose_numbered(self, what: str, number: int, there: int, go: Callable[[int], None]) -> None:
        if number < there:
            go(number)
        else:
            self._say(f"there is no {what} {number + 1}: there {'is' if there == 1 else 'are'} {there}")

    def _nudge(self, block: int | Literal["all"], sign: int, big: bool) -> None:
        self._session.nudge(block, sign * (BIG_STEP if big else FINE_STEP if self.fine else STEP))

    def _toggle(self, flag: str) -> None:
        setattr(self._session.show, flag, not getattr(self._session.show, flag))

    def _modulation(self) -> None:
        muted = self._session.muted
        if muted & set(MODULATIONS):
            muted.difference_update(MODULATIONS)
        else:
            muted.update(MODULATIONS)

    def _save_scene(self) -> None:
        if self._scenes is None:
            self._say("no scene is added: begin with --scenes FILE.toml")
            return
        try:
            self._say(f"scene {self._scenes.save()!r} added")
        except ControlError as error:
            self._say(f"no scene is added: {error}")

    def _tap(self) -> None:
        if self._clock is None:
            return
        if self._clock.tap(self._now_ns()):
            self._say(f"tempo: {self._clock.bpm:.1f} bpm")
        else:
            self._say(f"a tap changes nothing: the tempo, {self._clock.bpm:.1f} bpm, is {self._clock.source}'s")

    def _record(self) -> None:
        if self._takes is not None:
            self._takes.toggle()

    def _learn(self) -> None:
        if self._learner is None:
            return
        if self._learner.active:
            self._learner.cancel()
        else:
            self._learner.ask()

    def _choose(self, key: str, learner: LiveLearner) -> None:
        """The key of what is to be learned: a block's number, or the key that does it."""
        action = self.keys.action(key)
        if len(key) == 1 and key in "0123456789":
            learner.begin(f"alpha{key}")
        elif action == "learn":
            learner.cancel()
        elif action in _ALL:
            learner.begin("alpha")
        elif action is not None and (found := _PAIR.fullmatch(action)):
            learner.begin(found[1])
        elif action in (*FLAGS, *TRIGGERS):
            learner.begin(action)
        else:
            self._say(f"learn: {key} does nothing that a control could; 0 to 9 are the blocks")

    def _next_view(self) -> None:
        if self._window is not None:
            self._window.mode = _MODES[(_MODES.index(self._window.mode) + 1) % len(_MODES)]

    def _full_screen(self) -> None:
        if self._window is not None:
            self._window.full_screen = not self._window.full_screen

    def _show_help(self) -> None:
        if self._window is not None:
            self.help = not self.help
        else:
            for line in help_page(self.keys, self._help_page):
                self._say(line)
            self._help_page += 1

    def _back(self) -> None:
        """Out of the innermost thing that can be left, and never out of the session."""
        if self.help:
            self.help = False
        elif self._window is not None and self._window.full_screen:
            self._window.full_screen = False
