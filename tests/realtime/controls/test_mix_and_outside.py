"""mix, colour and what is outside of a mask, played from everywhere a performer can, and kept in scenes and takes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pythonosc.osc_message_builder import build_msg

from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.automation.recorder import AutomationRecorder
from stylefader.realtime.controls import controls as controls_module
from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.keyboard.keyboard import Keyboard
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.plan import sizes_with
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.controls.test_controls import Ports
from tests.realtime.live import Clock

S = 10**9
WIPE = Parameter.even("wipe", 1, low=0, high=1, default=0.5)
MASK = MaskChoice(words="wipe", open=lambda height, width: SimpleNamespace(close=lambda: None), parameters=(WIPE,))  # type: ignore[arg-type, return-value]
MAPPING = """
[[map]]
kind = "cc"
number = 1
target = "colour"
pickup = false

[[map]]
kind = "cc"
number = 2
target = "alpha_outside1"
pickup = false

[[lfo]]
target = "mix_outside"
hertz = 0.01
shape = "square"
depth = 0.25
"""
SCENES = """
[[scene]]
name = "apart"
alpha = 0.25
parameters = { mix = 0.5, mix_outside = 0.75, wipe = 0.125 }
fade = 0
"""


class Stage:
    """A session with a mask, which is switched on after its start, and every control on it. No frame is played."""

    def __init__(self, folder: Path, pack: StylePack) -> None:
        self.clock, self.said, self.folder = Clock(), list[str](), folder
        (folder / "c.toml").write_text(MAPPING)
        (folder / "s.toml").write_text(SCENES)
        packs = [PackFile(pack.file)]
        loader = EngineLoader(packs, backend="openvino")
        self.session = LiveSession(
            lambda mailbox: SimpleNamespace(state="running"),  # type: ignore[arg-type, return-value]
            SimpleNamespace(put=lambda frame: None), loader, SessionOptions(height=8, width=8, start={"mix": 0.25}),
            now_ns=self.clock,
        )  # fmt: skip
        self.session.mask.change(MASK)
        self.scenes = SceneController(
            folder / "s.toml", self.session, loader, mask=MASK.parameters, say=self.said.append
        )
        self.sizes = sizes_with(packs, MASK)
        self.controls = Controls(
            self.session, ControlOptions(mapping=folder / "c.toml", osc="0"), sizes=self.sizes, scenes=self.scenes,
            say=self.said.append, now_ns=self.clock,
        )  # fmt: skip
        self.keyboard = Keyboard(self.session, runner=self.controls.runner, say=self.said.append, now_ns=self.clock)
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
        return {name: [round(float(value), 3) for value in own] for name, own in values.items()}


@pytest.fixture
def stage(tmp_path: Path, pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(controls_module, "MidiPorts", Ports)
    made = Stage(tmp_path, pack)
    yield made
    made.controls.close()
    Ports.made.clear()


def test_all_of_them_are_there_and_begin_where_they_should(stage: Stage) -> None:
    assert stage.said == []
    assert list(stage.session.parameters) == [
        "alpha", "mix", "colour", "alpha_outside", "mix_outside", "colour_outside", "steady", "stroke", "wipe",
    ]  # fmt: skip
    values = stage.later()
    assert (values["mix"], values["colour"], values["mix_outside"]) == ([0.25], [0], [0])
    assert values["alpha_outside"] == values["alpha"] and values["wipe"] == [0.5]


def test_from_keys_midi_and_osc(stage: Stage) -> None:
    stage.keyboard.press("..,]")
    assert (stage.later()["mix"], stage.later()["colour"]) == ([0.3], [0.05])
    stage.midi(1, 127)
    stage.midi(2, 127)
    values = stage.later()
    assert values["colour"] == [1] and values["alpha_outside"][1] == 1
    stage.osc("mix", 0.75)
    stage.osc("colour_outside", 0.5)
    stage.osc("alpha_outside/0", 0.125)
    stage.osc("*_outside", 2)
    values = stage.later()
    assert values["mix"] == [0.75] and values["colour_outside"] == [1] and values["mix_outside"] == [1]
    assert values["alpha_outside"] == [1, 1, 1], "kept within the range"
    assert stage.controls.osc is not None
    assert stage.controls.osc._state()["/stylefader/mix_outside"] == 1
    stage.keyboard.press("p")
    stage.session.tick()
    assert (stage.later()["mix"], stage.later()["mix_outside"]) == ([1], [0]), "panic"


def test_from_a_scene_and_into_one(stage: Stage) -> None:
    stage.scenes.recall(0)
    stage.session.tick()
    values = stage.later()
    assert (values["mix"], values["mix_outside"], values["wipe"]) == ([0.5], [0.75], [0.125])
    stage.osc("colour", 0.5)
    stage.osc("scene/save", "again")
    stage.scenes.settle()
    stage.osc("panic")
    stage.session.tick()
    stage.later()
    stage.scenes.recall(1)
    stage.session.tick()
    assert stage.later() == values | {"colour": [0.5]}


def test_into_a_take_and_back(stage: Stage, tmp_path: Path) -> None:
    take = AutomationRecorder(tmp_path / "t.csv", stage.sizes)
    stage.osc("mix", 0.125)
    stage.osc("wipe", 1)
    values = stage.session.performance._desk.values(stage.clock.ns + 5 * S)
    take.played(Fraction(0), "a", values)
    take.close()
    read = read_csv(tmp_path / "t.csv")
    found = read.values(Fraction(0), list(stage.session.parameters.values()))
    assert all(np.allclose(found[name], own) for name, own in values.items())


def test_without_the_mask_its_parameters_are_gone_and_the_others_stand(stage: Stage) -> None:
    stage.osc("mix", 0.5)
    stage.later()
    stage.session.mask.change(None)
    assert list(stage.session.parameters) == ["alpha", "mix", "colour", "steady", "stroke"]
    assert stage.later()["mix"] == [0.5]
    stage.osc("mix_outside", 1)
    assert "means nothing" in stage.said[-1]
    stage.session.mask.change(MASK)
    assert stage.later()["mix_outside"] == [0]
