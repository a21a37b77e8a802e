"""The keys of a live session, in one table that the window's help and the documents are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from realtime.live import LiveSession
from realtime.sinks.window import Mode, Window

STEP = 0.05
_MODES: tuple[Mode, ...] = ("stylized", "split", "original")


@dataclass(frozen=True, kw_only=True)
class Key:
    """One action: its name, the keys that do it by `Window.poll`'s names, and what it does, in words."""

    action: str
    keys: tuple[str, ...]
    help: str


KEYS = (
    Key(action="stronger", keys=("up", "+"), help="alpha of all blocks up"),
    Key(action="weaker", keys=("down", "-"), help="alpha of all blocks down"),
    Key(action="next", keys=("right", "n"), help="next style"),
    Key(action="previous", keys=("left",), help="style before"),
    Key(action="bypass", keys=("b",), help="bypass: the original"),
    Key(action="freeze", keys=("f",), help="freeze the picture"),
    Key(action="blackout", keys=("k",), help="black-out"),
    Key(action="panic", keys=("p",), help="panic: default alpha, first style"),
    Key(action="view", keys=("v",), help="view: stylized, split, original"),
    Key(action="full_screen", keys=("w", "f11"), help="full screen"),
    Key(action="overlay", keys=("o",), help="numbers on the picture"),
    Key(action="help", keys=("h", "f1"), help="this help"),
    Key(action="quit", keys=("q", "esc", "closed"), help="quit"),
)
_BY_KEY = {key: entry.action for entry in KEYS for key in entry.keys}


def help_lines() -> list[str]:
    """The table as lines of text."""
    return [f"{' '.join(key for key in entry.keys if key != 'closed'):<8} {entry.help}" for entry in KEYS]


class Keyboard:
    """Does what keys ask for. overlay, help: whether these are to be seen; `quits` is set by the key that quits."""

    def __init__(self, session: LiveSession, window: Window, *, overlay: bool = True) -> None:
        self.overlay, self.help, self.quits = overlay, False, False
        self._session, self._window = session, window
        self._actions: dict[str, Callable[[], None]] = {
            "stronger": lambda: session.nudge("all", STEP),
            "weaker": lambda: session.nudge("all", -STEP),
            "next": lambda: session.step_style(1),
            "previous": lambda: session.step_style(-1),
            "bypass": lambda: self._toggle("bypass"),
            "freeze": lambda: self._toggle("freeze"),
            "blackout": lambda: self._toggle("blackout"),
            "panic": session.panic,
            "view": self._next_view,
            "full_screen": self._full_screen,
            "overlay": lambda: setattr(self, "overlay", not self.overlay),
            "help": lambda: setattr(self, "help", not self.help),
            "quit": lambda: setattr(self, "quits", True),
        }
        assert set(self._actions) == {entry.action for entry in KEYS}

    def press(self, keys: Iterable[str]) -> None:
        """Do what these keys ask for; 1 to 9 are styles, others that mean nothing are left alone."""
        for key in keys:
            if key in _BY_KEY:
                self._actions[_BY_KEY[key]]()
            elif key in "123456789" and int(key) <= len(self._session.rack.packs):
                self._session.go(int(key) - 1)

    def _toggle(self, flag: str) -> None:
        setattr(self._session.show, flag, not getattr(self._session.show, flag))

    def _next_view(self) -> None:
        self._window.mode = _MODES[(_MODES.index(self._window.mode) + 1) % len(_MODES)]

    def _full_screen(self) -> None:
        self._window.full_screen = not self._window.full_screen
