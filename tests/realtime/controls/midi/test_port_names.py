from __future__ import annotations

import pytest

from stylefader.realtime.controls.midi.port_names import (
    CLIENT,
    Numbering,
    fits,
    is_ours,
    is_stylefader,
    opens,
    output_of,
    port_part,
)

ALSA = [
    "Midi Through:Midi Through Port-0 14:0",
    "nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0",
    "nanoKONTROL2:nanoKONTROL2 MIDI 1 28:0",
]


def test_our_own_ports_are_known_under_every_system() -> None:
    for name in (f"{CLIENT}:in", f"{CLIENT}-01:out", f"{CLIENT}:in 130:0", f"a2j:{CLIENT} [130] (capture): out"):
        assert is_ours(name) and is_stylefader(name) and not opens(name, ("", CLIENT, name)), name
    for name in ("stylefader:in", "stylefader-0:out", "stylefader-0-01:out 131:0", "Midi-Bridge:stylefader-0:(x) out"):
        assert not is_ours(name) and is_stylefader(name), name
        assert not opens(name, ("",)) and not opens(name, ("fader", "out")) and opens(name, ("stylefader",)), name
    for name in ("my stylefader 24:0", "stylefaders:out", "fader:out", *ALSA):
        assert not is_stylefader(name) and opens(name, ("",)), name
    assert not is_ours(f"{CLIENT}0:in"), "another program whose number only begins with ours"


def test_controllers_of_one_name_have_numbers_and_keep_them() -> None:
    numbering = Numbering()
    assert numbering.names(ALSA) == [*ALSA[:2], f"{ALSA[2]} #2"]
    assert numbering.names(ALSA[2:]) == [f"{ALSA[2]} #2"], "the first was unplugged"
    again = ALSA[1].replace("24:0", "32:0")
    assert numbering.names([ALSA[2], again]) == [f"{ALSA[2]} #2", again], "and came back at another place"
    same = Numbering()
    assert same.names(["nano", "nano", "pads", "nano"]) == ["nano", "nano #2", "pads", "nano #3"]
    assert same.names(["nano", "pads"]) == ["nano", "pads"]
    assert Numbering().names(["nano:knobs", "nano-01:knobs"]) == ["nano:knobs", "nano-01:knobs #2"]


def test_a_part_of_a_name_and_one_of_several() -> None:
    first, second = ALSA[1], f"{ALSA[2]} #2"
    for part in ("nano", "NANOKONTROL2 MIDI 1", ""):
        assert fits(first, part) and fits(second, part)
    assert fits(first, "nano #1") and not fits(first, "nano #2")
    assert fits(second, "nano #2") and not fits(second, "nano #1")
    assert fits(second, "28:0") and not fits(first, "28:0")
    assert fits("nano-01:knobs #2", "nano:knobs #2")


@pytest.mark.parametrize(
    ("name", "names", "part"),
    [
        (ALSA[1], [*ALSA[:2], "other"], "nanoKONTROL2:nanoKONTROL2 MIDI 1"),
        (ALSA[1], [*ALSA[:2], f"{ALSA[2]} #2"], "nanoKONTROL2:nanoKONTROL2 MIDI 1 #1"),
        (f"{ALSA[2]} #2", [*ALSA[:2], f"{ALSA[2]} #2"], "nanoKONTROL2:nanoKONTROL2 MIDI 1 #2"),
        ("nano 24:0", ["nano 24:0", "nano big 28:0"], "nano 24:0"),
        ("nano #2", ["nano", "nano #2"], "nano #2"),
        ("nano-01:knobs #2", ["nano:knobs", "nano-01:knobs #2"], "nano:knobs #2"),
    ],
)
def test_what_is_written_down_of_a_port_fits_it_alone(name: str, names: list[str], part: str) -> None:
    assert port_part(name, names) == part
    assert [other for other in names if fits(other, part)] == [name]


@pytest.mark.parametrize(
    ("port", "outputs", "output"),
    [
        (ALSA[1], ALSA, ALSA[1]),
        (f"{ALSA[2]} #2", [*ALSA[:2], f"{ALSA[2]} #2"], f"{ALSA[2]} #2"),
        ("system:midi_capture_2", ["system:midi_playback_1", "system:midi_playback_2"], "system:midi_playback_2"),
        (
            "a2j:nano [24] (capture): nano MIDI 1",
            ["a2j:nano [24] (playback): nano MIDI 1", "a2j:pads [28] (playback): pads"],
            "a2j:nano [24] (playback): nano MIDI 1",
        ),
        ("pads:knobs", ["pads:lights", "other:lights"], "pads:lights"),
        ("pads:knobs", ["pads-01:lights", "pads-03:lights #2"], "pads-01:lights"),
        ("pads-02:knobs #2", ["pads-01:lights", "pads-03:lights #2"], "pads-03:lights #2"),
        ("pads:knobs", ["pads:lights", "pads:motors"], None),
        ("pads:knobs", ["other:lights"], None),
        ("system:midi_capture_2", ["system:midi_playback_1"], None),
        ("nano:knobs", [f"{CLIENT}:in", "stylefader-0:in"], None),
    ],
)
def test_the_output_of_a_device(port: str, outputs: list[str], output: str | None) -> None:
    assert output_of(port, outputs) == output
