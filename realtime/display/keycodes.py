"""Names for the keys that SDL's windows report."""

from __future__ import annotations

CLOSED = "closed"
"""What `Window.poll` gives when the window was closed; no key, and always the end."""
_SCANCODE = 1 << 30
_PLAIN = {8: "backspace", 9: "tab", 13: "enter", 27: "esc", 32: "space", 127: "delete"}
# Keys without a character: SDL's scancodes, which are those of USB keyboards.
_SPECIAL = {
    _SCANCODE | scancode: name
    for scancode, name in {
        73: "insert", 74: "home", 75: "pageup", 77: "end", 78: "pagedown", 79: "right", 80: "left", 81: "down",
        82: "up", 88: "enter", **{57 + number: f"f{number}" for number in range(1, 13)},
    }.items()
}  # fmt: skip
_SPECIAL |= _PLAIN
# The number block while its lock is off, from 1 to 9, 0 and the point.
_NUMBER_BLOCK = dict(
    enumerate(
        ("end", "down", "pagedown", "left", "5", "right", "home", "up", "pageup", "insert", "delete"),
        start=_SCANCODE | 89,
    )
)
NAMES = {*_SPECIAL.values(), *_NUMBER_BLOCK.values()}
"""Names of keys by what they are, and not by their character."""


def key_name(code: int, text: str) -> str | None:
    """The name of a key that was pressed.

    Args:
        code: SDL's key code.
        text: what the key would type, by the keyboard's layout and with shift; empty where it types nothing.

    Returns:
        A character in small letters, or esc, space, left, f1, ...; None for keys without a name.
    """
    if code in _SPECIAL:
        return _SPECIAL[code]
    if len(text) == 1:
        small = text.lower()
        return small if len(small) == 1 and small.isprintable() and not small.isspace() else None
    return _NUMBER_BLOCK.get(code)
