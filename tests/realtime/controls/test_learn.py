from __future__ import annotations

from pathlib import Path

import pytest

from realtime.controls.decoder import WAIT_NS, Decoder
from realtime.controls.events import ControlEvent
from realtime.controls.learn import learned, moved_most, port_part, write_learned
from realtime.controls.mapping import parse_mapping, read_mapping
from tests.realtime.controls.player import event
from training.errors import ControlError


def heard(*messages: list[int]) -> list[ControlEvent]:
    decoder = Decoder("nano MIDI 1 24:0")
    return [e for message in messages for e in decoder.feed(message, 0)] + decoder.due(WAIT_NS)


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


def test_a_ports_name_without_what_changes() -> None:
    assert port_part("nano MIDI 1 24:0", ["nano MIDI 1 24:0", "other"]) == "nano MIDI 1"
    assert port_part("nano MIDI 1 24:0", ["nano MIDI 1 24:0", "nano MIDI 1 28:0"]) == "nano MIDI 1 24:0"


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
        write_learned(path, "apha", event("cc", 4), port="nano")
    path.write_bytes(before + b"curve = 3")
    with pytest.raises(ControlError, match="curve"):
        write_learned(path, "alpha", event("cc", 4), port="nano")
    assert path.read_bytes() == before + b"curve = 3"
