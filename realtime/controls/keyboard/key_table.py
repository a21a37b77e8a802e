"""The keys of a live session: those of the table of actions and of a mapping file, the help and the documents of them.

Letters and arrows mean the same with and without shift, since terminals do not tell all of them apart, so fine steps
are a key that is switched and not one that is held. The pairs of the blocks lie one key above the other at the
same places on QWERTY, QWERTZ and AZERTY. Escape never ends a session: a slow line takes an arrow key apart, and its
first part is an escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from stylefader.realtime.controls import actions
from stylefader.realtime.controls.action_kinds import Action, Step
from stylefader.realtime.controls.actions import key_words

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


def help_rows() -> list[Row]:
    """The table of actions as lines: neighbours of the same words share one."""
    rows = []
    for help, group in groupby((action for action in actions.TABLE if action.keys is not None), lambda one: one.help):
        together = list(group)
        keys = {word: own for action in together for word, own in key_words(action).items()}
        rows.append(Row(keys=keys, help=help, window=all(action.window for action in together)))
    return rows


def action_words() -> tuple[str, ...]:
    """Every action of the table, as `[keys]` has it."""
    return tuple(word for action in actions.TABLE for word in key_words(action))


def is_action(word: str) -> bool:
    """Whether there is such an action; choices and parameters go on beyond the table's, to 99."""
    return actions.find(word) is not None


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
        self._rows = help_rows()
        self._keys = {
            word: tuple(key for key in keys if key not in taken)
            for row in self._rows
            for word, keys in row.keys.items()
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
        own = {word for row in self._rows for word in row.keys}
        rows = [*self._rows, *(Row(keys={word: ()}, help=word) for word in self._keys if word not in own)]
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
    """The table of docs/control.md: every action with its keys, OSC address and MIDI target."""
    lines = ["| keys | what they do | actions | OSC | MIDI `target` |", "| --- | --- | --- | --- | --- |"]
    for help, group in groupby(actions.TABLE, lambda action: action.help):
        together = list(group)
        words = {word: keys for action in together for word, keys in key_words(action).items()}
        cells = [
            re.sub(r"[^ /]+", r"`\g<0>`", shown(words.values())),
            help,
            _few(list(words)),
            _few(_unique(_osc_address(action) for action in together)),
            _few(_unique(_midi_target(action) for action in together)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _osc_address(action: Action) -> str:
    if isinstance(action, Step):
        target = action.target
        return f"/{target.name}" + ("" if target.component is None else f"/{target.component}")
    return f"/{action.osc}" if action.osc else ""


def _midi_target(action: Action) -> str:
    return str(action.target) if isinstance(action, Step) else action.name if action.midi else ""


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, words)))


def _few(words: list[str]) -> str:
    """Words of code in a cell; the first and the last of many."""
    named = [f"`{word}`" for word in words]
    return ", ".join(named) if len(named) <= 2 else f"{named[0]} to {named[-1]}"
