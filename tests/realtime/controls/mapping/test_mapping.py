from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylefader.realtime.controls.events import KINDS
from stylefader.realtime.controls.mapping.mapping import _KEYS, ControlMap, parse_mapping, read_mapping
from stylefader.realtime.controls.mapping.watched_file import WatchedFile
from stylefader.realtime.parameters.curves import CURVES
from stylefader.training.errors import ControlError
from tests.paths import DOCS

CONTROL_MD = DOCS / "control.md"
GOOD = '[[map]]\nport = "nano"\nkind = "cc"\nnumber = 1\ntarget = "alpha0"\n'


def test_a_file_with_everything() -> None:
    (first, second) = parse_mapping(
        GOOD + 'channel = 16\nrange = [0, 0.5]\ninvert = true\ncurve = "slow"\npickup = false\nfeedback = true\n'
        '\n# the pads\n[[ map ]]\nkind = "note"\nnumber = 36\ntarget = "bypass"\nmode = "hold"\n', origin="t",
    ).maps  # fmt: skip
    assert first == ControlMap(
        port="nano", kind="cc", number=1, target="alpha0", channel=16, range=(0.0, 0.5), invert=True, curve="slow",
        pickup=False, feedback=True, line=1,
    )  # fmt: skip
    assert second.mode == "hold" and second.line == 14 and second.pickup
    assert parse_mapping("", origin="t").maps == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", "line 1"),
        ("\n[maps]\n", "t, line 2: 'maps' is not known; there is [[map]], [keys], [[lfo]], [[sound]], [clock]"),
        ("x = 1", "t, line 1: 'x' is not known"),
        ("map = 3", "t, line 1: write [[map]]"),
        ("[map]\nkind='cc'", "t, line 1: write [[map]]"),
        (GOOD + "\nchanel = 1", "t, line 7: 'chanel' is not known; there are port, kind"),
        (GOOD + "channel = 17", "t, line 6: channel is a channel from 1 to 16, not 17"),
        (GOOD + "channel = true", "t, line 6: channel"),
        (GOOD + "[[map]]\nkind='cc'", "t, line 6: this [[map]] has no target"),
        ("[[map]]\nkind='knob'\ntarget='alpha'", "t, line 2: kind is one of cc, cc14, nrpn"),
        ("[[map]]\nkind='cc'\ntarget='alpha'", "t, line 1: cc has a number from 0 to 127"),
        ("[[map]]\nkind='cc14'\nnumber=32\ntarget='alpha'", "t, line 3: cc14 has a number from 0 to 31"),
        ("[[map]]\nkind='pitchbend'\nnumber=1\ntarget='alpha'", "t, line 3: pitchbend has no number"),
        ("[[map]]\nkind='cc'\nnumber=1\ntarget='alpha01'", "t, line 4: target is alpha, alpha0"),
        ("[[map]]\nkind='cc'\nnumber=1\ntarget='alpha 1'", "t, line 4: target is alpha, alpha0"),
        ("[[map]]\nkind='cc'\nnumber=1\ntarget='scene'\nto=0", "t, line 5: to is a style's or a scene's number"),
        ("[[map]]\nkind='cc'\nnumber=1\ntarget='scene'\nto=' '", "t, line 5: to is a style's or a scene's number"),
        ("[[map]]\nkind='cc'\nnumber=1\ntarget='style'\nto='x'", "t, line 5: to is a style's number, from 1: only"),
        ("[[map]]\nkind='cc'\nnumber=1\ntarget='scene'\nrelative='twos'", "t, line 5: relative has no effect here"),
        ("[[map]]\nkind='cc'\nnumber=1\ntarget='scene'\nrange=[0,1]", "t, line 5: range has no effect here"),
        (GOOD + "range = [1, 0]", "t, line 6: range is two numbers, the lower first"),
        (GOOD + "range = [nan, 1]", "t, line 6: range"),
        (GOOD + "range = [0, inf]", "t, line 6: range"),
        (GOOD + "curve = ['a']", "t, line 6: curve is one of linear, slow"),
        (GOOD + "step = 0.1", "t, line 6: step has no effect here: it is for relative encoders"),
        (GOOD + "mode = 'hold'", "t, line 6: mode has no effect here: it is for bypass, freeze, blackout"),
        (GOOD + "to = 2", "t, line 6: to has no effect here"),
        (GOOD + "relative = 'twos'\npickup = true", "t, line 7: pickup has no effect here: an encoder moves by steps"),
        ("[[map]]\nkind='note'\nnumber=1\ntarget='panic'\nrange=[0,1]", "t, line 5: range has no effect here"),
        (GOOD + f"step = {'9' * 5000}", "t, line 6: a number of thousands of digits"),
        (GOOD + f"step = {'9' * 400}", "t, line 6: map[1].step is a whole number of more than 64 bits"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ControlError, match=re.escape(message)):
        parse_mapping(text, origin="t")


@given(st.text(max_size=200))
def test_any_text_gives_a_mapping_or_an_error(text: str) -> None:
    try:
        parse_mapping(text, origin="t")
    except ControlError as error:
        said = str(error)
    else:
        said = "t"
    assert said.startswith("t")


VALUES = st.sampled_from(
    ["0", "1", "-1", "127", "1e400", "nan", "'alpha'", "'alpha0'", "'cc'", "'note'", "[0,1]", "[1]", "{}", "true", "''",
     "'twos'", "'linear'", "1979-05-27", "'style'", "'scene'", "'program'", "'bypass'"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(sorted(_KEYS)), VALUES), max_size=3))
def test_any_values_give_a_mapping_or_an_error_with_its_line(tables: list[dict[str, str]]) -> None:
    text = "".join("[[map]]\n" + "".join(f"{key} = {value}\n" for key, value in table.items()) for table in tables)
    try:
        for entry in parse_mapping(text, origin="t").maps:
            for place in (0.0, 0.3, 1.0):
                if entry.moves is not None:
                    assert abs(entry.value(place, (-1, 1))) < 1e6
                    assert 0 <= entry.place(place, (-1, 1)) <= 1
    except ControlError as error:
        said = str(error)
    else:
        said = "t, line 1: "
    assert re.match(r"t, line \d+: ", said)


@given(st.sampled_from(sorted(CURVES)), st.floats(0, 1))
def test_curves_rise_from_0_to_1_and_go_back(name: str, place: float) -> None:
    curve = CURVES[name]
    assert curve.there(0) == 0 and curve.there(1) == 1
    y = curve.there(place)
    assert 0 <= y <= 1
    assert curve.there(min(max(curve.back(y), 0), 1)) == pytest.approx(y, abs=1e-6)


def test_a_place_for_feedback_is_where_the_control_would_be() -> None:
    (entry,) = parse_mapping(GOOD + "range=[0.2, 0.8]\ninvert=true\ncurve='smooth'", origin="t").maps
    for place in (0.0, 0.25, 0.7, 1.0):
        assert entry.place(entry.value(place, (0, 1)), (0, 1)) == pytest.approx(place)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no mapping file at"):
        read_mapping(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ControlError, match="cannot read the mapping file"):
        read_mapping(tmp_path / "bytes.toml")
    with pytest.raises(ControlError, match="cannot read"):
        read_mapping(tmp_path)


def test_an_edit_takes_over_and_a_broken_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    said: list[str] = []

    def edit(text: str, at: int) -> None:
        path.write_text(text)
        os.utime(path, ns=(at, at))

    edit(GOOD, 1)
    file = WatchedFile(path, read_mapping, str, say=said.append)
    assert len(file.content.maps) == 1 and not file.poll()
    edit(GOOD + "curve = 'round'\n", 2)
    assert not file.poll() and len(file.content.maps) == 1
    assert said == [
        f"{path}, line 6: curve is one of linear, slow, fast, smooth, not 'round'; what was read before stays"
    ]
    assert not file.poll() and len(said) == 1, "said once"
    edit(GOOD + GOOD, 3)
    assert file.poll() and len(file.content.maps) == 2 and said[1] == f"{path}: 2 mappings"
    path.unlink()
    assert not file.poll() and len(file.content.maps) == 2


def test_the_documents_have_every_key_and_kind() -> None:
    text = CONTROL_MD.read_text()
    for key in _KEYS:
        assert f"| `{key}` |" in text
    for word in (*KINDS, *CURVES):
        assert f"`{word}`" in text
    example = text.split("```toml\n")[1].split("```")[0]
    assert len(parse_mapping(example, origin="docs/control.md").maps) >= 4
