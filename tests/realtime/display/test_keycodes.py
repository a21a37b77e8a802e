"""Keys of the window by the names that maps of keys give them."""

from __future__ import annotations

import pytest

from stylefader.realtime.display.keycodes import key_name


@pytest.mark.parametrize(
    ("key", "text", "name"),
    [
        ("q", "q", "q"), ("q", "Q", "q"), ("ESCAPE", "\x1b", "esc"), ("SPACE", " ", "space"), ("RETURN", "\r", "enter"),
        ("KP_ENTER", "\r", "enter"), ("TAB", "\t", "tab"), ("BACKSPACE", "\b", "backspace"),
        ("DELETE", "\x7f", "delete"),
        ("LEFT", "", "left"), ("RIGHT", "", "right"), ("UP", "", "up"), ("DOWN", "", "down"), ("INSERT", "", "insert"),
        ("HOME", "", "home"), ("END", "", "end"), ("PAGEUP", "", "pageup"), ("PAGEDOWN", "", "pagedown"),
        ("F1", "", "f1"), ("F12", "", "f12"), ("F13", "", None), ("KP7", "7", "7"), ("KP7", "", "home"),
        ("KP8", "", "up"), ("KP3", "", "pagedown"), ("KP5", "", "5"), ("KP0", "", "insert"),
        ("KP_PERIOD", "", "delete"), ("KP_PERIOD", ",", ","), ("KP_PLUS", "+", "+"), ("EQUALS", "+", "+"),
        ("7", "/", "/"), ("LEFTBRACKET", "ü", "ü"), ("LSHIFT", "", None), ("q", "\x11", None), ("q", "", None),
        ("i", "İ", None),
    ],
)  # fmt: skip
def test_keys_by_their_names(key: str, text: str, name: str | None) -> None:
    pygame = pytest.importorskip("pygame")
    assert key_name(getattr(pygame, f"K_{key}"), text) == name
