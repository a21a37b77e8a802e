"""The keys of a live session, in one table that the help and the documents are made from.

Letters and arrows mean the same with and without shift, since terminals do not tell all of them apart, so fine steps
are a key that is switched and not one that is held. The pairs of the blocks lie one key above the other at the
same places on QWERTY, QWERTZ and AZERTY. Escape never ends a session: a slow line takes an arrow key apart, and its
first part is an escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

STEP, FINE_STEP, BIG_STEP = 0.05, 0.01, 0.25
PAGE_LINES, PAGE_COLUMNS = 23, 79
"""Of the help in a terminal of 24 lines of 80 characters, whose last line is the status."""
KEY_NAMES = (
    "up", "down", "left", "right", "pageup", "pagedown", "home", "end", "insert", "delete", "backspace", "tab", "enter",
    "esc", "space", *(f"f{number}" for number in range(1, 13)),
)  # fmt: skip
"""Keys that are no character, by the names of `Window.poll`."""
Overrides = Mapping[str, tuple[str, ...]]
"""Keys by action that take the place of the table's, from a mapping file."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the help: actions that belong together, each with its keys, and what they do, in words."""

    keys: Mapping[str, tuple[str, ...]]
    help: str
    window: bool = False


def _one(action: str, keys: tuple[str, ...], help: str, *, window: bool = False) -> Row:
    return Row(keys={action: keys}, help=help, window=window)


def _block(block: int, up: tuple[str, ...], down: tuple[str, ...]) -> Row:
    return Row(keys={f"alpha{block} up": up, f"alpha{block} down": down}, help=f"alpha{block} up, down")


KEYS = (
    Row(keys={"stronger": ("up", "+", "="), "weaker": ("down", "-")}, help="alpha of all blocks up, down"),
    Row(keys={"much stronger": ("pageup",), "much weaker": ("pagedown",)}, help="the same by a quarter"),
    _block(0, ("s",), ("x",)),
    _block(1, ("e",), ("d",)),
    _block(2, ("u",), ("j",)),
    _block(3, ("i",), ("k",)),
    _one("fine", ("c",), "coarse or fine steps"),
    Row(keys={f"scene {number}": (f"{number}",) for number in range(1, 10)}, help="scenes; without any, styles"),
    _one("save scene", ("a",), "add what plays as a scene"),
    Row(keys={f"style {number}": (f"f{number}",) for number in range(1, 10)}, help="styles"),
    Row(keys={"previous": ("left",), "next": ("right", "n")}, help="style before, next style"),
    _one("bypass", ("b",), "bypass: the original"),
    _one("freeze", ("f",), "freeze the picture"),
    _one("blackout", ("0",), "black-out"),
    _one("panic", ("p",), "panic: first style, default alpha, all else off"),
    _one("modulation", ("m",), "LFOs and sound: off, on"),
    _one("tap", ("t",), "tap the tempo"),
    _one("record", ("r",), "begin a take, end it"),
    _one("learn", ("l",), "learn: then the key of what to learn"),
    _one("view", ("v",), "view: stylized, split, original", window=True),
    _one("full screen", ("w", "f11"), "full screen", window=True),
    _one("overlay", ("o",), "numbers on the picture", window=True),
    _one("help", ("h", "?"), "this help"),
    _one("back", ("esc",), "leave learning, help, full screen"),
    _one("quit", ("q",), "quit"),
)
ACTIONS = tuple(action for row in KEYS for action in row.keys)
_MORE = re.compile(r"(scene|style) [1-9][0-9]?|alpha(0|[1-9][0-9]?) (up|down)")


def is_action(word: str) -> bool:
    """Whether there is such an action; scenes, styles and blocks go on beyond the table's, to 99."""
    return word in ACTIONS or _MORE.fullmatch(word) is not None


def is_key(word: str) -> bool:
    """Whether that is a key's name: a character in small letters, or one of KEY_NAMES."""
    return word in KEY_NAMES or (len(word) == 1 and word.isprintable() and word != " " and word == word.lower())


class KeyMap:
    """Which key does what: the table, and what a mapping file says instead.

    An action of `overrides` has those keys and no others, and a key of them does nothing else.
    """

    def __init__(self, overrides: Overrides | None = None) -> None:
        overrides = overrides or {}
        taken = {key for keys in overrides.values() for key in keys}
        self._keys = {
            action: tuple(key for key in keys if key not in taken) for row in KEYS for action, keys in row.keys.items()
        } | dict(overrides)
        self._actions = {key: action for action, keys in self._keys.items() for key in keys}

    def action(self, key: str) -> str | None:
        """What a key does."""
        return self._actions.get(key)

    def keys(self, action: str) -> tuple[str, ...]:
        """The keys of an action."""
        return self._keys.get(action, ())

    def rows(self, *, window: bool = True) -> list[tuple[str, str]]:
        """The help: keys, and what they do. window: with those that are of use in a window only."""
        more = [action for action in self._keys if action not in ACTIONS]
        rows = [*KEYS, *(_one(action, (), action) for action in more)]
        return [
            (keys, row.help)
            for row in rows
            if (window or not row.window) and (keys := shown(self.keys(action) for action in row.keys))
        ]


def shown(keys: Iterable[tuple[str, ...]]) -> str:
    """The keys of a row's actions: `up + / down -` for two, `1-9` where they are one after the other."""
    all_keys = [" ".join(of_one) for of_one in keys]
    if len(all_keys) <= 2:
        return " / ".join(filter(None, all_keys))
    parts: list[list[str]] = []
    for key in " ".join(filter(None, all_keys)).split(" "):
        if parts and _follows(parts[-1][-1], key):
            parts[-1].append(key)
        elif key:
            parts.append([key])
    return " ".join(part[0] if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _follows(one: str, other: str) -> bool:
    numbers = [re.fullmatch(r"(f?)([0-9]+)", key) for key in (one, other)]
    if numbers[0] is None or numbers[1] is None:
        return False
    return numbers[0][1] == numbers[1][1] and int(numbers[0][2]) + 1 == int(numbers[1][2])


def help_lines(keys: KeyMap, *, window: bool = False) -> list[str]:
    """The help as lines of text, for a terminal."""
    rows = keys.rows(window=window)
    wide = max((len(names) for names, _ in rows), default=0)
    return [f"{names:<{wide}}  {words}"[:PAGE_COLUMNS] for names, words in rows]


def help_page(keys: KeyMap, page: int) -> list[str]:
    """One page of the same, counted round, with a last line that says so where there are several."""
    lines = help_lines(keys)
    if len(lines) <= PAGE_LINES:
        return lines
    pages = -(-len(lines) // (PAGE_LINES - 1))
    page %= pages
    first = page * (PAGE_LINES - 1)
    more = " ".join(keys.keys("help")[:1]) or "help"
    return [*lines[first : first + PAGE_LINES - 1], f"page {page + 1} of {pages}: {more} shows the next"]


def markdown_table() -> str:
    """The table of docs/control.md."""
    lines = ["| keys | what they do | actions |", "| --- | --- | --- |"]
    for row in KEYS:
        names = re.sub(r"[^ /]+", r"`\g<0>`", shown(row.keys.values()))
        actions = [f"`{action}`" for action in row.keys]
        words = ", ".join(actions) if len(actions) <= 2 else f"{actions[0]} to {actions[-1]}"
        lines.append(f"| {names} | {row.help} | {words} |")
    return "\n".join(lines) + "\n"
