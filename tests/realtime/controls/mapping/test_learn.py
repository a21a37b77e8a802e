from __future__ import annotations

import os
from pathlib import Path

import pytest
from mido import Message

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.learn import check_file, learned, moved_most, write_learned
from stylefader.realtime.controls.mapping.mapping import parse_mapping, read_mapping
from stylefader.realtime.controls.midi.decoder import WAIT_NS, Decoder
from stylefader.training.errors import ControlError
from tests.realtime.controls.player import event


def heard(*messages: list[int]) -> list[ControlEvent]:
    decoder = Decoder("nano MIDI 1 24:0")
    return [e for message in messages for e in decoder.feed(Message.from_bytes(message), 0)] + decoder.due(WAIT_NS)


def most(*messages: list[int]) -> tuple[str, int] | None:
    found = moved_most(heard(*messages))
    return (found.kind, found.number) if found else None


def test_the_control_that_moved_most() -> None:
    assert most() is None
    sweep = [[0xB0, 5, raw] for raw in range(0, 128, 9)]
    assert most([0xB0, 4, 3], *sweep, [0xB0, 4, 9], [0xB0, 4, 8]) == ("cc", 5)
    assert most([0x90, 36, 100], [0x80, 36, 0], [0xB0, 4, 3]) == ("note", 36)
    assert most([0xC0, 3]) == ("program", 3)
    assert most([0xE0, 0, 64], [0xE0, 0, 127]) == ("pitchbend", 0)
    assert most([0xB0, 70, 1], [0xB0, 70, 1]) == ("cc", 70), "an encoder says the same again and again"


def test_halves_are_learned_as_a_whole() -> None:
    halves = [part for raw in range(0, 16384, 999) for part in ([0xB0, 7, raw >> 7], [0xB0, 39, raw & 127])]
    assert most(*halves) == ("cc14", 7)
    choose = [[0xB0, 99, 1], [0xB0, 98, 2]]
    assert most(*choose, *([0xB0, 6, raw] for raw in range(0, 128, 9))) == ("nrpn", 130)


FILE = """# my faders
[[map]]  # the left one
port = "nano"
kind = "cc"
number = 3   # CC
target = "alpha0"
curve = "slow"

[[map]]
kind = "note"
number = 36
target = "bypass"
# the end
"""


def test_comments_and_everything_else_stay() -> None:
    text = learned(FILE, "alpha0", event("pitchbend", 5, number=0, channel=2), port="nano", origin="t")
    assert "# my faders\n[[map]]  # the left one\n" in text and "# the end" in text and "number = 36" in text
    first = parse_mapping(text, origin="t").maps[0]
    assert (first.kind, first.number, first.channel, first.curve) == ("pitchbend", None, 2, "slow")
    assert len(parse_mapping(text, origin="t").maps) == 2


def test_another_target_or_port_is_added() -> None:
    text = learned(FILE, "alpha0", event("cc", 5, number=9), port="launch", origin="t")
    text = learned(text, "alpha1", event("cc14", 5, number=9), port="launch", origin="t")
    assert text.startswith(FILE)
    assert [(m.target, m.port, m.kind, m.number) for m in parse_mapping(text, origin="t").maps] == [
        ("alpha0", "nano", "cc", 3), ("bypass", "", "note", 36), ("alpha0", "launch", "cc", 9),
        ("alpha1", "launch", "cc14", 9),
    ]  # fmt: skip


def test_scenes_and_styles_each_have_a_control() -> None:
    text = ""
    for kind, number, to in (("note", 36, "chorus"), ("note", 37, "verse"), ("program", 5, 2), ("program", 6, None),
                             ("cc", 20, "chorus")):  # fmt: skip
        text = learned(text, "scene", event(kind, 1, number=number), port="nano", origin="t", to=to)  # type: ignore[arg-type]
    assert [(m.kind, m.number, m.to) for m in parse_mapping(text, origin="t").maps] == [
        ("cc", 20, "chorus"), ("note", 37, "verse"), ("program", 5, 2), ("program", None, None),
    ]  # fmt: skip


def test_what_does_not_fit_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    write_learned(path, "style", event("program", 4, number=4), port="nano")
    (entry,) = read_mapping(path).maps
    assert entry.number is None and entry.target == "style"
    before = path.read_bytes()
    with pytest.raises(ControlError, match="target is alpha, alpha0"):
        write_learned(path, "alpha 1", event("cc", 4), port="nano")
    path.write_bytes(before + b"curve = 3")
    with pytest.raises(ControlError, match="curve"):
        write_learned(path, "alpha", event("cc", 4), port="nano")
    assert path.read_bytes() == before + b"curve = 3"


MIXED = """[keys]
quit = "a"

# the first
[[map]]
kind = "cc"
number = 1
port = "nano"
target = "alpha0"

# breathes
[[lfo]]
target = "alpha"
hertz = 1

[[map]]
kind = "cc"
number = 2
target = "alpha1"
# of the second

# slowly
[[lfo]]
target = "alpha1"
hertz = 0.1
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_everything_else_stays_where_it_is(newline: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(MIXED.replace("\n", newline).encode())
    write_learned(path, "alpha2", event("cc", 5, number=9), port="nano")
    new = '[[map]]\nport = "nano"\nkind = "cc"\nnumber = 9\nchannel = 1\ntarget = "alpha2"\n\n'
    expected = MIXED.replace("# slowly", f"{new}# slowly")
    assert path.read_bytes().decode() == expected.replace("\n", newline)
    write_learned(path, "alpha0", event("pitchbend", 5, number=0), port="nano")
    expected = expected.replace(
        'kind = "cc"\nnumber = 1\nport = "nano"\ntarget = "alpha0"\n',
        'kind = "pitchbend"\nport = "nano"\ntarget = "alpha0"\nchannel = 1\n',
    )
    assert path.read_bytes().decode() == expected.replace("\n", newline)


def test_the_first_mapping_stands_apart() -> None:
    new = '[[map]]\nport = "nano"\nkind = "cc"\nnumber = 9\nchannel = 1\ntarget = "alpha2"\n'
    for text in ('[keys]\nquit = "a"', '[keys]\nquit = "a"\n\n\n', "# mine\n"):
        assert learned(text, "alpha2", event("cc", 5, number=9), port="nano", origin="t") == f"{text.rstrip()}\n\n{new}"
    for text in ("map = []", "", "map = [ ] # none yet\n"):
        assert learned(text, "alpha2", event("cc", 5, number=9), port="nano", origin="t") == new


@pytest.mark.parametrize("target", ["alpha0", "alpha1"])
@pytest.mark.parametrize(
    "text",
    [
        'map = [{kind = "cc", number = 1, target = "alpha0"}]',
        'map = [\n  {kind = "cc", number = 1, target = "alpha0"},\n]',
    ],
)
def test_mappings_that_are_no_tables_are_refused(text: str, target: str) -> None:
    with pytest.raises(ControlError, match=r"t: write \[\[map\]\] for each"):
        learned(text, target, event("cc", 5), port="nano", origin="t")


ENCODER = '[[map]]\nport = "nano"\nkind = "cc"\nnumber = 20\ntarget = "alpha0"\nrelative = "twos"\nstep = 0.02\n'


def changed(text: str, target: str, *heard: ControlEvent) -> tuple[str, list[str]]:
    said: list[str] = []
    return learned(text, target, heard[-1], port="nano", origin="t", heard=heard, say=said.append), said


def test_a_fader_in_place_of_an_encoder_is_no_encoder() -> None:
    text, said = changed(ENCODER, "alpha0", *(event("cc", raw, number=7) for raw in range(0, 120, 10)))
    (entry,) = parse_mapping(text, origin="t").maps
    assert (entry.number, entry.relative) == (7, None) and "step" not in text
    assert said[0] == "relative is taken away: this one is not an endless encoder" and said[1].startswith("step is")
    assert said[2:] == ["it is in place of cc 20, any channel, of nano"]


@pytest.mark.parametrize(
    ("coding", "raws"),
    [("twos", [1, 1, 127, 127]), ("offset", [65, 65, 63, 63]), ("sign", [1, 1, 65, 65]), ("inc", [127, 127, 0, 0])],
)
def test_an_encoder_is_learned_by_turning_it_one_way_and_back(coding: str, raws: list[int]) -> None:
    turned = [event("cc", raw, number=8) for raw in raws]
    text, said = changed(ENCODER, "alpha0", *turned)
    (entry,) = parse_mapping(text, origin="t").maps
    assert (entry.number, entry.relative, entry.step) == (8, coding, 0.02)
    assert said == ["it is in place of cc 20, any channel, of nano"]
    for target in ("alpha", "alpha1", "style"):
        text, said = changed("", target, *turned)
        assert parse_mapping(text, origin="t").maps[0].relative == coding and said == []
    text, _ = changed("", "bypass", *turned)
    assert parse_mapping(text, origin="t").maps[0].relative is None, "a flag is not moved by steps"
    with pytest.raises(ControlError, match="one way and back"):
        changed(ENCODER, "alpha0", *turned[:2])
    fader = '[[map]]\nport = "nano"\nkind = "cc"\nnumber = 3\ntarget = "alpha0"\ncurve = "slow"\nfeedback = true\n'
    text, said = changed(fader, "alpha0", *turned)
    assert parse_mapping(text, origin="t").maps[0].relative == coding and "curve" not in text
    assert said[-1] == "it is in place of cc 3, any channel, of nano" and len(said) == 3


def test_keys_without_effect_for_the_new_control_go() -> None:
    text, said = changed(ENCODER, "alpha0", event("note", 100, number=36))
    (entry,) = parse_mapping(text, origin="t").maps
    assert (entry.kind, entry.relative) == ("note", None) and len(said) == 3
    port = 'port = "nano"\n'
    fader = f'[[map]]\n{port}kind = "cc"\nnumber = 20\ntarget = "alpha0"\npickup = false\ncurve = "slow"\n'
    text, said = changed(fader, "alpha0", event("note", 100, number=36))
    assert said[0] == "pickup is taken away: a key does not move" and 'curve = "slow"' in text
    pad = f'[[map]]\n{port}kind = "note"\nnumber = 20\ntarget = "bypass"\nmode = "hold"\n'
    text, said = changed(pad, "bypass", event("program", 3, number=3))
    assert said[0] == "mode is taken away: it is not let go" and "mode" not in text


def test_controls_of_other_ports_stay() -> None:
    others = "".join(
        f'[[map]]\n{port}kind = "note"\nnumber = {number}\ntarget = "alpha0"\n\n'
        for number, port in enumerate(("", 'port = "pads"\n', 'port = "na"\n', 'port = "nano #2"\n'))
    )
    text, said = changed(others, "alpha0", event("cc", 100, number=5), event("cc", 0, number=5))
    assert text.startswith(others.rstrip()) and said == []
    before = parse_mapping(others, origin="t").maps
    assert parse_mapping(text, origin="t").maps[:4] == before and len(parse_mapping(text, origin="t").maps) == 5
    again, said = changed(text, "alpha0", event("cc", 100, number=6), event("cc", 0, number=6))
    assert parse_mapping(again, origin="t").maps[:4] == before
    assert parse_mapping(again, origin="t").maps[4].number == 6
    assert said == ["it is in place of cc 5, channel 1, of nano"]
    assert changed(again, "alpha0", event("cc", 100, number=6), event("cc", 0, number=6)) == (again, [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_no_file_to_write_into(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "map.toml")  # to open it by its name alone would wait for somebody who writes
    with pytest.raises(ControlError, match=r"cannot read the mapping file .*: it is a device or a pipe, not a file"):
        check_file(tmp_path / "map.toml")
