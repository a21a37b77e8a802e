from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from realtime.keys import KEYS, STEP, Keyboard, help_lines
from realtime.stylizer import Show


class Session:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.show = Show()
        self.rack = SimpleNamespace(packs=[0, 1, 2])

    def nudge(self, block: object, step: float) -> None:
        self.asked.append(("nudge", block, step))

    def step_style(self, by: int) -> None:
        self.asked.append(("step", by))

    def go(self, style: int) -> None:
        self.asked.append(("go", style))

    def panic(self) -> None:
        self.asked.append("panic")


@pytest.fixture
def board() -> Keyboard:
    return Keyboard(Session(), SimpleNamespace(mode="stylized", full_screen=False))  # type: ignore[arg-type]


def test_every_key_does_one_thing_and_is_in_the_help() -> None:
    keys = [key for entry in KEYS for key in entry.keys]
    assert len(keys) == len(set(keys))
    assert len(help_lines()) == len(KEYS)
    assert all(line.isascii() for line in help_lines()), "OpenCV draws nothing else"
    assert any(line.startswith("up +") for line in help_lines())


def test_the_documents_have_the_same_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "live.md").read_text()
    for entry in KEYS:
        keys = " ".join(f"`{key}`" for key in entry.keys if key != "closed")
        assert f"| {keys} | {entry.help} |" in text


def test_keys_reach_the_session(board: Keyboard) -> None:
    session: Any = board._session
    board.press(["up", "-", "right", "left", "p", "2", "9", "x"])
    assert session.asked == [
        ("nudge", "all", STEP), ("nudge", "all", -STEP), ("step", 1), ("step", -1), "panic", ("go", 1)
    ]  # fmt: skip
    board.press("bfk")
    assert session.show == Show(bypass=True, freeze=True, blackout=True)
    board.press("bfk")
    assert session.show == Show()


def test_keys_of_the_window(board: Keyboard) -> None:
    modes = []
    for _ in range(3):
        board.press(["v"])
        modes.append(board._window.mode)
    assert modes == ["split", "original", "stylized"]
    board.press(["w", "o", "h"])
    assert board._window.full_screen and not board.overlay and board.help
    assert not board.quits
    board.press(["closed"])
    assert board.quits
