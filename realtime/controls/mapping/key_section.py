"""The `[keys]` of a mapping file: actions, each with its key or keys. docs/control.md has the actions."""

from __future__ import annotations

from stylefader.realtime.controls.keyboard.key_table import KEY_NAMES, action_words, is_action, is_key
from stylefader.realtime.controls.mapping.toml_tables import Table


def parse_keys(table: Table) -> dict[str, tuple[str, ...]]:
    """Keys by action; an empty list takes an action's keys away. Raises ControlError with line and reason."""
    found: dict[str, tuple[str, ...]] = {}
    of: dict[str, str] = {}
    for action, value in table.words.items():
        if not is_action(action):
            there = ", ".join(
                word for word in action_words() if not word[-1].isdigit() and word[-3:] not in (" up", "own")
            )
            raise table.refuse(
                action, f"there is no {action!r}; there are {there}, alpha0 up, alpha0 down, scene 1, style 1, ..."
            )
        words = value if isinstance(value, list) else [value]
        if not all(isinstance(word, str) for word in words):
            raise table.refuse(action, f'{action} is a key or a list of keys, as in ["up", "+"], not {value!r:.60}')
        keys = tuple(dict.fromkeys(word.lower() for word in words))
        for key in keys:
            if not is_key(key):
                raise table.refuse(action, f"there is no key {key!r:.60}: a character, or {', '.join(KEY_NAMES)}")
            if key in of:
                raise table.refuse(action, f"{key!r} is already the key of {of[key]!r}")
            of[key] = action
        found[action] = keys
    return found
