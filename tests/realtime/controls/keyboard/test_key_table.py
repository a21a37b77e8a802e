from __future__ import annotations

import pytest

from stylefader.realtime.controls.keyboard.key_table import (
    KEY_NAMES,
    KeyMap,
    action_words,
    help_lines,
    help_page,
    help_rows,
    is_action,
    is_key,
    markdown_table,
    shown,
)
from stylefader.realtime.display.keycodes import NAMES
from tests.paths import DOCS


def test_every_key_does_one_thing_and_has_a_name_that_is_given() -> None:
    keys = [key for row in help_rows() for of_one in row.keys.values() for key in of_one]
    assert len(keys) == len(set(keys)) and all(map(is_key, keys))
    assert len(action_words()) == len(set(action_words())) and all(map(is_action, action_words()))
    assert {*KEY_NAMES} == {*NAMES} - {"5"}


def test_no_key_is_told_by_shift_alone() -> None:
    """Windows and terminals give small letters only."""
    assert not is_key("A") and not is_key("") and not is_key("ab") and not is_key(" ") and not is_key("\n")
    assert is_key("ö") and is_key("?") and is_key("f12") and not is_key("f13") and not is_key("closed")


def test_the_pairs_of_the_blocks_lie_together_on_every_keyboard() -> None:
    layouts = [
        ["qwertyuiop", "asdfghjkl", "zxcvbnm"],
        ["qwertzuiop", "asdfghjkl", "yxcvbnm"],
        ["azertyuiop", "qsdfghjklm", "wxcvbn"],
    ]
    keys = KeyMap()
    for block in range(4):
        (up,), (down,) = keys.keys(f"alpha{block} up"), keys.keys(f"alpha{block} down")
        places = {tuple((n, row.index(key)) for key in (up, down) for n, row in enumerate(rows) if key in row)
                  for rows in layouts}  # fmt: skip
        ((above, below),) = places
        assert (above[0] + 1, above[1]) == below


def test_the_help_has_everything_and_fits_opencv() -> None:
    rows = KeyMap().rows()
    assert len(rows) == len(help_rows())
    assert all(words.isascii() for row in rows for words in row), "OpenCV draws nothing else"
    assert ("up + = / down -", "alpha of all blocks up, down") in rows
    assert ("1-9", "scenes; without any, styles") in rows
    lines = help_lines(KeyMap())
    assert not any("full screen" in line and "f11" in line for line in lines), "there is no window"
    assert any(line.startswith("q ") and line.endswith("quit") for line in lines)


def test_the_documents_have_the_same_table() -> None:
    assert markdown_table() in (DOCS / "control.md").read_text()


def test_a_file_takes_keys_from_the_table() -> None:
    keys = KeyMap({"alpha0 up": ("w", "r"), "scene 3": ("f3",), "quit": (), "alpha7 up": ("7",)})
    assert keys.action("w") == keys.action("r") == "alpha0 up" and keys.action("s") is None
    assert keys.keys("record") == () and keys.keys("full screen") == ("f11",)
    assert keys.action("f3") == "scene 3" and keys.action("3") is None and keys.keys("style 3") == ()
    assert keys.action("q") is None
    assert keys.action("7") == "alpha7 up" and keys.keys("scene 7") == ()
    rows = {words: names for names, words in keys.rows()}
    assert rows["alpha0 up, down"] == "w r / x"
    assert rows["scenes; without any, styles"] == "1-2 f3 4-6 8-9"
    assert rows["styles"] == "f1-f2 f4-f9"
    assert rows["alpha7 up"] == "7"
    assert "quit" not in rows and "begin a take, end it" not in rows


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([("a", "b")], "a b"),
        ([("a",), ("b", "c")], "a / b c"),
        ([(), ("b",)], "b"),
        ([("1",), ("2",), ("4",)], "1-2 4"),
        ([("f9",), ("10",), ("11",)], "f9 10-11"),
        ([(), (), ()], ""),
    ],
)
def test_keys_in_a_few_words(keys: list[tuple[str, ...]], text: str) -> None:
    assert shown(keys) == text


@pytest.mark.parametrize("more", [0, 30])
def test_the_help_fits_a_terminal_of_24_lines_of_80_characters(more: int) -> None:
    keys = KeyMap({f"scene {number}": (f"f{number % 12 + 1}", "a", "b") for number in range(10, 10 + more)})
    every = help_lines(keys)
    pages = [help_page(keys, page) for page in range(4)]
    for page in pages:
        assert 0 < len(page) <= 23 and all(len(line) < 80 for line in page)
    if not more:
        assert pages[0] == pages[1] == every
        return
    shown = [line for page in pages[:3] for line in page[:-1]]
    assert shown == every and len(every) > 44, "nothing is left out, nothing comes twice"
    assert [page[-1] for page in pages] == [f"page {number} of 3: h shows the next" for number in (1, 2, 3, 1)]


def test_the_help_says_what_panic_does() -> None:
    (words,) = [words for _, words in KeyMap().rows() if words.startswith("panic")]
    for effect in ("first style", "default alpha", "all else off"):
        assert effect in words
