from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.controls.keyboard.key_table import KeyMap, action_words, is_key
from stylefader.realtime.controls.mapping.mapping import parse_mapping, read_mapping
from stylefader.realtime.controls.mapping.watched_file import WatchedFile
from stylefader.training.errors import ControlError
from tests.paths import DOCS

CONTROL_MD = DOCS / "control.md"
MAP = '[[map]]\nkind = "cc"\nnumber = 1\ntarget = "alpha"\n'


def test_a_section_of_keys() -> None:
    mapping = parse_mapping(
        MAP + '[keys]\nstronger = ["up", "+", "UP"]\n"scene 3" = "F3"\n"alpha12 down" = "ö"\npanic = []\n', origin="t"
    )
    assert mapping.keys == {"stronger": ("up", "+"), "scene 3": ("f3",), "alpha12 down": ("ö",), "panic": ()}
    assert str(mapping) == "1 mappings, keys of 4 actions"
    assert parse_mapping(MAP, origin="t").keys == {} and str(parse_mapping(MAP, origin="t")) == "1 mappings"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[keys]\nlouder = "a"', "t, line 2: there is no 'louder'; there are stronger, weaker, much stronger"),
        ('[keys]\n"scene 0" = "a"', "t, line 2: there is no 'scene 0'"),
        ('[keys]\nquit = "q"\n"alpha3" = "a"', "t, line 3: there is no 'alpha3'"),
        ('[keys]\nquit = "escape"', "t, line 2: there is no key 'escape': a character, or up, down"),
        ('[keys]\nquit = "closed"', "t, line 2: there is no key 'closed'"),
        ('[keys]\nquit = " "', "t, line 2: there is no key ' '"),
        ("[keys]\nquit = 3", "t, line 2: quit is a key or a list of keys"),
        ("[keys]\nquit = [3]", "t, line 2: quit is a key or a list of keys"),
        ('[keys]\nquit = "a"\n\nrecord = ["b", "A"]', "t, line 4: 'a' is already the key of 'quit'"),
        ('[[keys]]\nquit = "a"', "t, line 1: write [keys], with a line for each"),
        ('[keys]\nscene.3 = "a"', "t, line 2: there is no 'scene'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ControlError, match=re.escape(message)):
        parse_mapping(text, origin="t")


WORDS = st.sampled_from(["a", "b", "up", "F1", "é", "", "  ", "kp5"])


@given(st.dictionaries(st.sampled_from([*action_words(), "alpha9 up", "x"]), st.lists(WORDS, max_size=3), max_size=4))
def test_any_keys_give_a_map_without_two_actions_a_key_or_an_error(section: dict[str, list[str]]) -> None:
    text = "[keys]\n" + "".join(f"{action!r} = {keys!r}\n" for action, keys in section.items())
    try:
        overrides = parse_mapping(text, origin="t").keys
    except ControlError as error:
        said = str(error)
    else:
        said = None
    if said is not None:
        assert re.match(r"t, line [2-5]: ", said)
        return
    keys = KeyMap(overrides)
    actions = {*action_words(), *section}
    all_keys = [key for action in actions for key in keys.keys(action)]
    assert len(all_keys) == len(set(all_keys)) and all(map(is_key, all_keys))
    assert all(keys.action(key) == action for action in actions for key in keys.keys(action))
    assert all(keys.keys(action) == of_one for action, of_one in overrides.items())


def test_an_edit_while_it_is_used(tmp_path: Path) -> None:
    path, said = tmp_path / "c.toml", list[str]()

    def edit(text: str, ns: int) -> None:
        path.write_text(text)
        os.utime(path, ns=(ns, ns))

    edit('[keys]\nquit = "a"\n', 0)
    file = WatchedFile(path, read_mapping, str, say=said.append)
    edit('[keys]\nquit = "a"\npanic = "a"\n', 10**9)
    assert not file.poll() and file.content.keys == {"quit": ("a",)}
    assert "line 3: 'a' is already the key of 'quit'; what was read before stays" in said[0]
    edit('[keys]\npanic = "a"\n', 2 * 10**9)
    assert file.poll() and file.content.keys == {"panic": ("a",)}


def test_the_example_of_the_documents_is_right() -> None:
    (example,) = re.findall(r"```toml\n(\[keys\]\n.*?)```", CONTROL_MD.read_text(), re.DOTALL)
    assert len(parse_mapping(example, origin="docs").keys) > 3
