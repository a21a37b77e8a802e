from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stylefader.realtime.controls import controls as module
from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.live_learn import ASK_S, LISTEN_S, NOTICE_S, LiveLearner
from stylefader.realtime.controls.mapping.mapping import read_mapping
from stylefader.training.errors import ControlError
from tests.realtime.controls.player import FakePlayer, event
from tests.realtime.live import Clock

MAPPED = '# mine\n[[map]]\nport = "nano"\nkind = "cc"\nnumber = 1\ntarget = "alpha0"\npickup = false\n'


class Ports:
    """MIDI ports that do as they are told."""

    made: list[Ports] = []  # noqa: RUF012  # of one test, see the fixture

    def __init__(
        self, receive: Callable[[ControlEvent], None], *, inputs: list[str], outputs: list[str], **_: object
    ) -> None:
        self.receive, self.inputs, self.closed = receive, inputs, False
        self.outputs_opened, self.error, self.why_not = 0, None, None
        self.playing = ["nanoKONTROL2 MIDI 1", "pads MIDI 1"]
        Ports.made.append(self)

    def start(self, *, wait: bool) -> None: ...

    def want(self, *, inputs: list[str], outputs: list[str]) -> None:
        self.inputs = inputs

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "MidiPorts", Ports)
    monkeypatch.chdir(tmp_path)
    Ports.made.clear()


class Stage:
    def __init__(self, text: str | None = None) -> None:
        self.clock, self.said, self.player = Clock(), list[str](), FakePlayer()
        self.path = Path("mine.toml")
        if text is not None:
            self.path.write_text(text)
        options = ControlOptions(mapping=self.path if text is not None else None)
        self.controls = Controls(self.player, options, sizes={"alpha": 3}, say=self.said.append, now_ns=self.clock)
        self.learner = LiveLearner(self.controls, sizes={"alpha": 3}, say=self.said.append, now_ns=self.clock)
        self.controls.start()

    def sweep(self, port: str = "pads MIDI 1", number: int = 9) -> None:
        for raw in range(0, 128, 20):
            Ports.made[-1].receive(event("cc", raw, number=number, port=port))

    def wait(self, seconds: float) -> None:
        self.clock.pass_to(self.clock.ns + round(seconds * 1e9))
        self.learner.tick()
        self.controls.tick()


def test_a_control_goes_into_the_mapping_file_and_plays() -> None:
    stage = Stage(MAPPED)
    assert Ports.made[-1].inputs == ["nano"]
    stage.learner.ask()
    assert Ports.made[-1].inputs == [], "any port may be learned from"
    stage.sweep(number=3)
    stage.learner.begin("alpha1")
    stage.sweep()
    Ports.made[-1].receive(event("cc", 127))
    assert stage.player.moves == [], "while it listens nothing is played"
    stage.wait(LISTEN_S / 2)
    assert stage.learner.words == "learning alpha1: move a control"
    stage.wait(LISTEN_S / 2)
    assert stage.learner.words == "alpha1 is cc 9 channel 1 of pads MIDI 1"
    stage.wait(NOTICE_S)
    assert stage.learner.words is None
    assert stage.path.read_text().startswith("# mine\n")
    _, second = read_mapping(stage.path).maps
    assert (second.port, second.number, second.target) == ("pads MIDI 1", 9, "alpha1")
    assert stage.said[-1] == "mine.toml: alpha1 is cc 9 channel 1 of pads MIDI 1"
    assert Ports.made[-1].inputs == ["nano", "pads MIDI 1"] and len(Ports.made) == 1
    Ports.made[-1].receive(event("cc", 127))
    stage.sweep()
    assert stage.player.alpha[0] == 1 and stage.player.alpha[1] > 0.9


def test_without_a_mapping_file_one_is_made_and_used_on() -> None:
    stage = Stage()
    assert Ports.made == []
    stage.learner.ask()
    stage.learner.begin("bypass")
    stage.sweep()
    stage.wait(LISTEN_S)
    assert [entry.target for entry in read_mapping(Path("controls.toml")).maps] == ["bypass"]
    stage.sweep()
    assert stage.player.show.bypass and len(Ports.made) == 1
    Path("controls.toml").write_text("")
    stage.wait(1)
    assert stage.controls.mapping.maps == () and Ports.made[-1].closed, "it is read again when it changes"


def test_nothing_moved_nothing_chosen_and_left() -> None:
    stage = Stage()
    stage.learner.ask()
    stage.learner.begin("alpha0")
    stage.wait(LISTEN_S)
    assert stage.said[-1] == "alpha0 is not learned: nothing was moved"
    assert Ports.made[-1].closed and not Path("controls.toml").exists()
    stage.learner.ask()
    stage.sweep()
    stage.wait(ASK_S)
    assert stage.said[-1] == "nothing is learned: nothing was chosen" and not stage.learner.active
    stage.learner.ask()
    stage.learner.begin("alpha0")
    stage.sweep()
    stage.learner.cancel()
    stage.wait(LISTEN_S)
    assert not Path("controls.toml").exists() and stage.said[-1] == "nothing is learned"


@pytest.mark.parametrize(
    "text", ["no toml", '[[map]]\nkind = "cc"\n', 'map = [{kind = "cc", number = 1, target = "alpha1"}]']
)
def test_a_file_that_is_not_right_is_said_and_left_alone(text: str) -> None:
    Path("controls.toml").write_text(text)
    stage = Stage()
    stage.learner.ask()
    stage.learner.begin("alpha0")
    stage.sweep()
    stage.wait(LISTEN_S)
    assert stage.said[-1].startswith("alpha0 is not learned: controls.toml")
    assert Path("controls.toml").read_text() == text and not stage.learner.active


def test_a_file_that_maps_nothing_yet_is_learned_into() -> None:
    stage = Stage("map = []\n")
    stage.learner.ask()
    stage.learner.begin("alpha0")
    stage.sweep()
    stage.wait(LISTEN_S)
    assert [entry.number for entry in read_mapping(stage.path).maps] == [9]


def test_a_folder_that_cannot_be_written_ends_no_show(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    stage.learner.ask()
    stage.learner.begin("alpha0")
    stage.sweep()
    Path("controls.toml").mkdir()
    stage.wait(LISTEN_S)
    assert stage.said[-1].startswith("alpha0 is not learned: ")


def test_without_a_midi_system_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*arguments: object, **words: object) -> None:
        raise ControlError("there is no MIDI system here")

    monkeypatch.setattr(module, "MidiPorts", none)
    stage = Stage()
    stage.learner.ask()
    assert stage.said == ["nothing can be learned: there is no MIDI system here"] and not stage.learner.active
    assert stage.learner.words == "nothing can be learned: there is no MIDI here", "seen in the window"
    stage.wait(NOTICE_S)
    assert stage.learner.words is None


def test_no_input_at_all_is_seen_in_the_window() -> None:
    stage = Stage()
    stage.learner.ask()
    Ports.made[-1].playing = []
    stage.learner.begin("alpha0")
    assert stage.learner.words == "learning alpha0: no MIDI input is there yet"


def test_an_encoder_is_learned_and_plays() -> None:
    stage = Stage()
    stage.learner.ask()
    stage.learner.begin("alpha0")
    for raw in (65, 65, 66, 63, 63):
        Ports.made[-1].receive(event("cc", raw, number=9, port="pads MIDI 1"))
    stage.wait(LISTEN_S)
    assert stage.learner.words == "alpha0 is cc 9 channel 1 of pads MIDI 1, an endless encoder (offset)"
    Ports.made[-1].receive(event("cc", 74, number=9, port="pads MIDI 1"))
    assert stage.player.alpha[0] == pytest.approx(0.6)
    stage.learner.ask()
    stage.learner.begin("alpha0")
    for raw in (1, 1, 1):
        Ports.made[-1].receive(event("cc", raw, number=9, port="pads MIDI 1"))
    stage.wait(LISTEN_S)
    assert stage.said[-1].startswith("alpha0 is not learned: this looks like an endless encoder")


def test_keys_alone_need_no_midi(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage('[keys]\nquit = "a"\n')
    assert Ports.made == [] and stage.said == [] and stage.controls.mapping.keys == {"quit": ("a",)}


def test_ports_that_wait_for_a_midi_system_teach_nothing() -> None:
    stage = Stage(MAPPED)
    Ports.made[-1].why_not = "the MIDI system has gone"
    stage.learner.ask()
    assert not stage.learner.active and stage.said[-1] == "nothing can be learned: the MIDI system has gone"
    Ports.made[-1].receive(event("cc", 127))
    assert stage.controls._learner is None
