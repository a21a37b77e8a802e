"""Two parameters that no product code knows, declared by a style and played from everywhere a performer can.

Keys, MIDI, OSC, an LFO, sound, a scene, an automation file, a MIDI file and a take; read back from the desk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mido import Message
from pythonosc.osc_message_builder import build_msg

from stylefader.realtime.automation.automation_file import file_text
from stylefader.realtime.automation.csv_file import parse_automation_file, read_csv
from stylefader.realtime.automation.difference import largest_difference
from stylefader.realtime.automation.edits import scaled, shifted
from stylefader.realtime.automation.midi_automation import midi_automation
from stylefader.realtime.automation.midi_file import MidiFile, MidiMessage
from stylefader.realtime.automation.midi_keyframes import midi_keyframes
from stylefader.realtime.automation.modulated_automation import ModulatedAutomation
from stylefader.realtime.automation.plot import plot
from stylefader.realtime.automation.recorder import AutomationRecorder
from stylefader.realtime.automation.thinning import thin
from stylefader.realtime.controls import controls as controls_module
from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.keyboard.keyboard import Keyboard
from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.controls.modulation import Modulators
from stylefader.realtime.controls.scenes import saved_scenes, scene_file
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.parameters.lfo import Lfos, free_beat
from stylefader.realtime.parameters.parameter import Parameter, most_of, parameters_of, sizes_of
from stylefader.realtime.session import style_desks
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.sound.envelope import offsets
from stylefader.training.errors import AutomationError, ControlError
from stylefader.training.evaluation.plots import svg
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.packs.pack_header import PackHeader
from tests.paths import ROOT
from tests.realtime.controls.player import event
from tests.realtime.controls.test_controls import Ports
from tests.realtime.live import Clock

S = 10**9
MURK = Parameter.even("murk", 1, low=0, high=1, default=0.5)
PANES = Parameter.even("panes", 3, low=-1, high=1, default=0.0)
MIXED = {"mix": [1.0], "colour": [0.0]}
"""What every style has, and nobody moves here."""
MAPPING = """
[[map]]
kind = "cc"
number = 1
target = "murk"
feedback = true
port = "nano"

[[map]]
kind = "cc"
number = 2
target = "panes1"
range = [-0.5, 0.5]
pickup = false

[[map]]
kind = "cc"
number = 3
target = "panes"
relative = "twos"
step = 0.1

[[lfo]]
target = "panes2"
hertz = 0.01
shape = "square"
depth = 0.25

[keys]
"murk up" = "y"
"panes1 down" = "z"
"""
SCENES = """
[[scene]]
name = "dim"
alpha = 0.25
parameters = { murk = 0.75, panes = [0.5, -0.5, 1] }
fade = 2
"""


def declared(header: PackHeader, mask: Sequence[Parameter] | None = None, *, chosen: str = "") -> tuple[Parameter, ...]:
    return (*parameters_of(header, mask, chosen=chosen), MURK, PANES)


class Stage:
    """A session whose style declares both, with every control on it. No frame is played."""

    def __init__(self, folder: Path, pack: StylePack) -> None:
        self.clock, self.said = Clock(), list[str]()
        (folder / "c.toml").write_text(MAPPING)
        (folder / "s.toml").write_text(SCENES)
        os.utime(folder / "s.toml", ns=(0, 0))
        self.folder = folder
        packs = [PackFile(pack.file)]
        loader = EngineLoader(packs, backend="openvino")
        modulators = Modulators(Lfos((), beat=free_beat(120)))
        self.session = LiveSession(
            lambda mailbox: SimpleNamespace(state="running"),  # type: ignore[arg-type, return-value]
            SimpleNamespace(put=lambda frame: None),
            loader,
            SessionOptions(height=8, width=8),
            now_ns=self.clock,
            modulation=modulators,
        )
        modulators.muted = self.session.muted
        self.scenes = SceneController(folder / "s.toml", self.session, loader, say=self.said.append)
        self.controls = Controls(
            self.session, ControlOptions(mapping=folder / "c.toml", osc="0"),
            sizes=most_of(declared(one.header) for one in packs), modulators=modulators, scenes=self.scenes,
            say=self.said.append, now_ns=self.clock,
        )  # fmt: skip
        self.keyboard = Keyboard(self.session, runner=self.controls.runner, say=self.said.append, now_ns=self.clock)
        self.keyboard.take_over(self.controls.mapping.keys)
        self.controls._open_midi()
        self.later(0)

    def midi(self, number: int, raw: int) -> None:
        Ports.made[-1].receive(
            ControlEvent(kind="cc", channel=1, number=number, raw=raw, at_ns=self.clock(), port="nano")
        )

    def osc(self, address: str, *values: object) -> None:
        assert self.controls.osc is not None
        self.controls.osc.take(build_msg(f"/stylefader/{address}", values).dgram, ("127.0.0.1", 9))

    def later(self, seconds: float = 5.0) -> dict[str, list[float]]:
        """What the desk gives after so long."""
        self.clock.pass_to(self.clock() + round(seconds * S))
        values = self.session.performance._desk.values(self.clock())
        for name, default in (("steady", 0), ("stroke", 1)):
            assert values.pop(name).tolist() == [default], "every session has it, and nothing here moves it"
        return {name: [round(float(value), 3) for value in own] for name, own in values.items()}


@pytest.fixture
def stage(tmp_path: Path, pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(controls_module, "MidiPorts", Ports)
    for module in (style_desks, scene_file, saved_scenes):
        monkeypatch.setattr(module, "parameters_of", declared)
    made = Stage(tmp_path, pack)
    yield made
    made.controls.close()
    Ports.made.clear()


def test_no_product_code_knows_their_names() -> None:
    for room in ("engines", "realtime", "tools", "training", "stylefader"):
        for file in (ROOT / room).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert "murk" not in text and "panes" not in text, file


def test_nothing_is_said_of_what_the_style_declares(stage: Stage) -> None:
    assert stage.said == []
    alpha = [stage.session.parameters["alpha"].default[0]] * stage.session.parameters["alpha"].size
    assert stage.later() == MIXED | {"alpha": alpha, "murk": [0.5], "panes": [0, 0, 0.25]}, "the LFO moves the last"


def test_from_the_keyboard(stage: Stage) -> None:
    stage.keyboard.press("yyz")
    values = stage.later()
    assert values["murk"] == [0.6] and values["panes"] == [0, -0.05, 0.25]
    stage.keyboard.press("cy")
    assert stage.later()["murk"] == [0.61], "fine steps"
    assert ("y", "murk up") in stage.keyboard.keys.rows()
    stage.keyboard.press("p")
    stage.session.tick()
    assert stage.later() | {"alpha": []} == MIXED | {"alpha": [], "murk": [0.5], "panes": [0, 0, 0]}, (
        "panic, LFOs off as well"
    )


def test_from_midi_and_back_to_its_lights(stage: Stage) -> None:
    stage.midi(1, 127)
    assert stage.later()["murk"] == [0.5], "it waits until the fader comes by"
    stage.midi(1, 0)
    stage.midi(1, 127)
    stage.midi(2, 127)
    stage.midi(3, 2)
    values = stage.later()
    assert values["murk"] == [1] and values["panes"] == [0.2, 0.7, 0.45]
    stage.session.move(controls_module.Target("murk"), 0.0)
    stage.controls.tick()
    assert Ports.made[-1].sent == [("nano", (0xB0, 1, 0))]


def test_from_osc_with_feedback(stage: Stage) -> None:
    stage.osc("murk", 0.25)
    stage.osc("panes/1", 1)
    assert stage.later() | {"alpha": []} == MIXED | {"alpha": [], "murk": [0.25], "panes": [0, 1, 0.25]}
    stage.osc("panes", 0.1, 0.2, 0.3)
    assert stage.later()["panes"] == [0.1, 0.2, 0.55]
    stage.osc("pane*/[01]", -1)
    assert stage.later()["panes"] == [-1, -1, 0.55]
    assert stage.controls.osc is not None
    state = stage.controls.osc._state()
    assert state["/stylefader/murk"] == 0.25 and state["/stylefader/panes/1"] == -1
    assert stage.said == []
    stage.osc("panes/3", 1)
    stage.osc("murky", 1)
    assert "there is no panes3: this style has panes0 to panes2" in stage.said[0]
    assert "'/stylefader/murky' means nothing" in stage.said[1]


def test_from_a_scene_and_into_one(stage: Stage) -> None:
    stage.scenes.recall(0)
    stage.session.tick()
    half = stage.later(1.0)
    assert half["murk"] == [0.625] and half["panes"] == [0.25, -0.25, 0.75], "it glides in the scene's own time"
    there = stage.later(2.0)
    assert there["murk"] == [0.75] and there["panes"] == [0.5, -0.5, 1.0] and set(there["alpha"]) == {0.25}
    stage.osc("murk", 0.5)
    stage.osc("scene/save", "bright")
    stage.scenes.settle()
    (_, saved) = scene_file.read_scenes(stage.folder / "s.toml")
    assert saved.name == "bright" and saved.alpha == 0.25
    assert saved.parameters == {
        "mix": 1.0,
        "colour": 0.0,
        "steady": 0,
        "stroke": 1,
        "murk": 0.5,
        "panes": (0.5, -0.5, 1.0),
    }


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("{ murk = 0.5, gloom = 1 }", "there is no gloom: small has alpha, mix, colour, steady, stroke, murk, panes"),
        ("{ panes = [0, 1, 0, 1] }", "panes has 4 numbers; small takes 3 at most"),
        ("{ alpha = 1 }", "parameters is numbers by name"),
        ("{ style = 1 }", "parameters is numbers by name"),
        ("{ panes0 = 1 }", "parameters is numbers by name"),
        ("{ murk = 'x' }", "parameters is numbers by name"),
        ("3", "parameters is numbers by name"),
    ],
)
def test_scenes_that_do_not_fit(stage: Stage, parameters: str, words: str) -> None:
    (stage.folder / "t.toml").write_text(f"[[scene]]\nname = 'a'\nparameters = {parameters}\n")
    packs = stage.session.loader.packs
    with pytest.raises(ControlError, match=words.replace("small", packs[0].header.name)):
        scene_file.cast(scene_file.read_scenes(stage.folder / "t.toml"), packs, stage.folder / "t.toml")


def test_from_sound() -> None:
    maps = parse_mapping('[[sound]]\ntarget = "panes1"\ndepth = 0.5\n[[sound]]\ntarget = "murk"\n', origin="t").sounds
    layout = style_desks.AlphaDesk([MURK, PANES]).layout
    assert offsets(maps, np.array([1.0, 0.25]), layout).tolist() == [0.25, 0, 0.5, 0]


def test_names_that_no_style_declares_are_said(tmp_path: Path, stage: Stage) -> None:
    text = (
        '[[map]]\nkind = "note"\nnumber = 1\ntarget = "gloom"\n[[lfo]]\ntarget = "panes3"\nhertz = 1\n'
        '[[sound]]\ntarget = "gloom2"\n[keys]\n"gloom up" = "y"\n'
    )
    (tmp_path / "c.toml").write_text(text)
    stage.controls.use(tmp_path / "c.toml")
    said = [words.split(", ", 1)[1] for words in stage.said if "there is no" in words]
    have = "the styles of this session have"
    assert said == [
        f"line 1: there is no gloom: {have} alpha, mix, colour, steady, stroke, murk, panes",
        f"line 5: there is no panes3: {have} panes0 to panes2",
        f"line 8: there is no gloom2: {have} alpha, mix, colour, steady, stroke, murk, panes",
        f"line 11: there is no gloom: {have} alpha, mix, colour, steady, stroke, murk, panes",
    ]
    Ports.made[-1].receive(event("note", 100))
    assert stage.later()["murk"] == [0.5], "and does nothing"


TAKE = "time,alpha,murk,panes0,panes1,panes2,ease\n0,0,0.2,0,0,-1,linear\n# more\n4,1,0.6,0,1,1,linear\n"


def test_from_an_automation_file_and_edited(stage: Stage) -> None:
    parameters = list(stage.session.parameters.values())
    file = parse_automation_file(TAKE, origin="t")
    file.automation.check(sizes_of(parameters))
    values = file.automation.values(Fraction(1), parameters)
    assert values["murk"].tolist() == pytest.approx([0.3]) and values["panes"].tolist() == [0, 0.25, -0.5]
    assert set(values["alpha"].tolist()) == {0.25} and values["murk"].dtype == np.float32
    assert file.automation.bounds("panes") == (-1, 1) and file.automation.bounds("gloom") is None
    assert file_text(file) == TAKE.replace(",ease", "").replace(",linear", "")
    later = shifted(file, Fraction(-2)).automation.values(Fraction(0), parameters)
    assert later["panes"].tolist() == [0, 0.5, 0]
    twice = scaled(file, factor=2, offset=0.25, name="panes").automation.values(Fraction(4), parameters)
    assert twice["panes"].tolist() == [0.25, 2.25, 2.25] and twice["murk"].tolist() == pytest.approx([0.6])
    with pytest.raises(AutomationError, match="t has no column for gloom: it has alpha, murk, panes"):
        scaled(file, factor=2, name="gloom")
    longer = parse_automation_file(TAKE.replace("# more\n", "2,0.5,0.4,0,0.5,0,linear\n# more\n"), origin="t")
    thinned = thin(longer, 0.001)
    assert file_text(thinned) == file_text(file)
    assert largest_difference(longer.automation.keyframes, thinned.automation.keyframes) < 1e-6
    drawn = svg(plot(file, "x")).decode()
    assert all(f">{name}<" in drawn for name in ("murk", "panes0", "panes2", "alpha murk panes"))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("time,gloom", "t: there is no gloom: this style has alpha, mix, colour, steady, stroke, murk, panes"),
        ("time,panes0,panes1", "t: 2 values for panes at 0 s, but this style takes 3: give 1 or 3"),
        ("time,panes1,panes0", "the header must be .*'panes1' does not go with the columns before it"),
        ("time,panes,panes1", "the header must be"),
        ("time,panes0,panes", "the header must be"),
        ("time,Murk!", "the header must be .*'murk!' is no parameter"),
    ],
)
def test_columns_that_do_not_fit(stage: Stage, header: str, words: str) -> None:
    text = f"{header}\n{','.join('0' for _ in header.split(','))}\n"
    sizes = sizes_of(stage.session.parameters.values())
    with pytest.raises(AutomationError, match=words):
        parse_automation_file(text, origin="t").automation.check(sizes)


def test_what_has_no_column_is_at_its_default() -> None:
    file = parse_automation_file("time,murk\n0,0.25\n", origin="t")
    values = file.automation.values(Fraction(0), [MURK, PANES])
    assert values["murk"].tolist() == [0.25] and values["panes"].tolist() == [0, 0, 0]


def test_a_render_adds_what_moves_by_itself() -> None:
    file = parse_automation_file("time,murk,panes0,panes1,panes2\n0,0.25,0,0,0.9\n", origin="t")
    lfos = parse_mapping(MAPPING, origin="t").lfos
    played = ModulatedAutomation(file.automation, Lfos(lfos, beat=free_beat(120)), parameters=[MURK, PANES])
    values = played.values(Fraction(1), [PANES, MURK])
    assert values["panes"].tolist() == [0, 0, 1] and values["murk"].tolist() == [0.25]


def test_into_a_take_and_out_of_it(stage: Stage, tmp_path: Path) -> None:
    """What the desk gave, frame by frame, is what the take gives again."""
    parameters = list(stage.session.parameters.values())
    take = AutomationRecorder(tmp_path / "take.csv", sizes_of(parameters))
    given: list[tuple[Fraction, Any]] = []
    for number in range(60):
        pts = Fraction(number, 30)
        stage.clock.pass_to(round(pts * S))
        if number in (10, 30):
            stage.osc("murk", number / 30)
            stage.midi(2, 4 * number)
        values = stage.session.performance._desk.values(stage.clock())
        take.played(pts, "made_up", values)
        given.append((pts, values))
    take.played(Fraction(2), "another", {"alpha": np.full(1, 0.5, np.float32)})
    take.close()
    alphas = [f"alpha{number}" for number in range(parameters[0].size)]
    assert (tmp_path / "take.csv").read_text().split("\n")[0].split(",") == [
        "time", *alphas, "mix", "colour", "steady", "stroke", "murk", "panes0", "panes1", "panes2",
    ]  # fmt: skip
    again = read_csv(tmp_path / "take.csv")
    again.check(sizes_of(parameters))
    for pts, values in given:
        for name, own in again.values(pts, parameters).items():
            np.testing.assert_allclose(own, values[name], atol=1e-6)
    last = again.values(Fraction(2), parameters)
    assert set(last["alpha"].tolist()) == {0.5} and last["murk"].tolist() == pytest.approx([given[-1][1]["murk"][0]])


def test_from_a_midi_file_and_as_keyframes() -> None:
    messages = (
        MidiMessage(S, 0, Message("control_change", control=1, value=127)),
        MidiMessage(2 * S, 0, Message("control_change", control=2, value=0)),
    )
    maps = parse_mapping(MAPPING, origin="t").maps
    played = midi_automation(MidiFile(tracks=("nano",), messages=messages), maps, [MURK, PANES], origin="x.mid")
    before, after = (played.values(Fraction(at), [MURK, PANES]) for at in (0, 9))
    assert before["murk"].tolist() == [0.5] and after["murk"].tolist() == pytest.approx([1])
    assert before["panes"].tolist() == [0, 0, 0] and after["panes"].tolist() == pytest.approx([0, -0.5, 0], abs=1e-6)
    file = midi_keyframes(played, 0.01)
    assert file.columns == ("murk", "panes0", "panes1", "panes2")
    for tenth in range(60):
        at = Fraction(tenth, 10)
        for name, own in file.automation.values(at, [MURK, PANES]).items():
            np.testing.assert_allclose(own, played.values(at, [MURK, PANES])[name], atol=0.01)
