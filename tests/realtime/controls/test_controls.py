from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mido import Message

from stylefader.realtime.controls import controls as module
from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.training.errors import ControlError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.controls.player import FakePlayer, block, event
from tests.realtime.live import Clock

FADER = '[[map]]\nport = "nano"\nkind = "cc"\nnumber = 1\ntarget = "alpha{}"\npickup = false\n'


class Ports:
    """MIDI ports that do as they are told."""

    made: list[Ports] = []  # noqa: RUF012  # of one test, see the fixture

    def __init__(self, receive: Callable[[ControlEvent], None], **words: object) -> None:
        self.receive, self.words = receive, words
        self.wanted: list[dict[str, object]] = []
        self.sent: list[tuple[str, tuple[int, ...]]] = []
        self.outputs_opened, self.error, self.closed, self.why_not = 0, None, False, None
        Ports.made.append(self)

    def start(self, *, wait: bool) -> None:
        assert not wait, "a session's thread waits for no port"

    def want(self, **words: object) -> None:
        self.wanted.append(words)

    def send(self, part: str, message: Message) -> None:
        self.sent.append((part, tuple(message.bytes())))

    def answer(self, device: str, message: Message) -> None:
        self.sent.append((device, tuple(message.bytes())))

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _ports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "MidiPorts", Ports)
    yield
    Ports.made.clear()


class Stage:
    def __init__(self, folder: Path, text: str, **words: object) -> None:
        self.path, self.clock, self.said, self.player = folder / "c.toml", Clock(), list[str](), FakePlayer()
        self.edit(text)
        options = ControlOptions(mapping=self.path, **words)  # type: ignore[arg-type]
        self.controls = Controls(self.player, options, sizes={"alpha": 3}, say=self.said.append, now_ns=self.clock)
        self.controls.start()
        self.ports = Ports.made[-1]

    def edit(self, text: str) -> None:
        self.path.write_text(text)
        os.utime(self.path, ns=(self.clock.ns, self.clock.ns))

    def tick(self) -> None:
        self.clock.pass_to(self.clock.ns + 10**9)
        self.controls.tick()


def test_an_edit_takes_over_while_it_plays(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FADER.format(0))
    assert stage.ports.words["inputs"] == ["nano"] and stage.ports.words["outputs"] == []
    stage.ports.receive(event("cc", 127))
    assert stage.player.alpha == [1, 0.5, 0.5]
    stage.clock.pass_to(10**9)
    stage.edit(FADER.format(1) + "feedback = 3")
    stage.tick()
    assert "line 7: feedback is true or false, not 3; what was read before stays" in stage.said[-1]
    stage.ports.receive(event("cc", 0))
    assert stage.player.alpha == [0, 0.5, 0.5]
    stage.edit(FADER.format(1) + FADER.format(8).replace("nano", "pads"))
    stage.tick()
    stage.ports.receive(event("cc", 0))
    assert stage.player.alpha == [0, 0, 0.5]
    assert stage.ports.wanted == [{"inputs": ["nano", "pads"], "outputs": []}]
    assert stage.said[-1].endswith("line 7: there is no alpha8: the styles of this session have alpha0 to alpha2")
    stage.controls.close()
    assert stage.ports.closed


def test_feedback_goes_out_and_again_when_a_port_comes_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FADER.format(0) + "feedback = true")
    assert stage.ports.words["outputs"] == ["nano"]
    stage.tick()
    stage.tick()
    assert stage.ports.sent == [("nano", (0xB0, 1, 64))]
    stage.ports.outputs_opened = 1
    stage.tick()
    assert stage.ports.sent == [("nano", (0xB0, 1, 64))] * 2


def test_feedback_of_any_port_goes_to_the_device_that_moved_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FADER.format(0).replace('port = "nano"\n', "") + "feedback = true")
    assert stage.ports.words["outputs"] == [] and stage.ports.words["inputs"] == []
    stage.tick()
    assert stage.ports.sent == []
    stage.ports.receive(event("cc", 127, port="pads #2"))
    stage.player.move(block(0), 0.0)
    stage.tick()
    assert stage.ports.sent == [("pads #2", (0xB0, 1, 0))]


def test_beats_run_from_the_start_of_the_session(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FADER.format(0))
    assert stage.controls.clock.beat(10**9) == 2 and stage.controls.clock.running


def test_which_ports_are_opened(tmp_path: Path) -> None:
    any_port = FADER.format(0).replace('port = "nano"\n', "")
    assert Stage(tmp_path, FADER.format(0) + any_port).ports.words["inputs"] == []
    assert Stage(tmp_path, any_port, midi=["pads"]).ports.words["inputs"] == ["pads"]


def test_without_a_midi_system_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*arguments: object, **words: object) -> None:
        raise ControlError("there is no MIDI system here")

    monkeypatch.setattr(module, "MidiPorts", none)
    said: list[str] = []
    controls = Controls(FakePlayer(), ControlOptions(midi=["nano"], osc="0"), sizes={"alpha": 3}, say=said.append)
    controls.start()
    controls.tick()
    controls.close()
    assert said[0].startswith("MIDI: nothing is mapped") and said[1].startswith("OSC at 127.0.0.1:")
    assert said[2] == "without MIDI: there is no MIDI system here"


def test_what_the_midi_thread_died_of_reaches_the_owner(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FADER.format(0))
    stage.ports.error = ZeroDivisionError()  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        stage.tick()


def test_mappings_of_scenes_that_are_not_there_are_said(tmp_path: Path, pack: StylePack) -> None:
    text = "".join(f'[[map]]\nkind="note"\nnumber=1\ntarget="scene"\nto={to}\n' for to in ("1", "2", "'b'", "'a'"))
    stage = Stage(tmp_path, text)
    assert stage.said[0] == f"{stage.path}, line 1: there are no scenes: give --scenes FILE.toml"
    (tmp_path / "scenes.toml").write_text("[[scene]]\nname='a'\nalpha=1\n")
    said: list[str] = []
    scenes = SceneController(
        tmp_path / "scenes.toml", stage.player, EngineLoader([PackFile(pack.file)]), say=said.append
    )
    clock = Clock()
    controls = Controls(
        stage.player,
        ControlOptions(mapping=stage.path),
        sizes={"alpha": 3},
        scenes=scenes,
        say=said.append,
        now_ns=clock,
    )
    controls.start()
    assert [words.split(".toml, ")[1] for words in said] == [
        "line 6: there is no scene 2; there is 1", "line 11: there is no scene 'b'; there are a",
    ]  # fmt: skip
    Ports.made[-1].receive(event("note", 5))
    assert [asked[2] for asked in stage.player.asked] == [{"alpha": [1]}, {"alpha": [1]}]  # type: ignore[index]
    said.clear()
    (tmp_path / "scenes.toml").write_text("[[scene]]\nname='b'\nalpha=0.5\n")
    for _ in range(100):
        clock.pass_to(clock.ns + 10**9)
        controls.tick()
        if len(said) >= 3:
            break
        threading.Event().wait(0.05)
    assert said[0].endswith("scenes.toml: 1 scenes") and len(said) == 3
    assert said[1].endswith("line 6: there is no scene 2; there is 1") and said[2].endswith("no scene 'a'; there are b")
    scenes.save("c")
    controls.close()
    assert scenes.names == ["b", "c"], "what was saved at the last moment is written"


HELD = '[[map]]\nport = "nano"\nkind = "note"\nnumber = 1\ntarget = "blackout"\nmode = "hold"\n'


def test_a_pad_whose_controller_goes_or_that_is_not_heard_any_more_is_let_go(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HELD)
    stage.ports.receive(event("note", 99))
    assert stage.player.show.blackout
    stage.ports.words["gone"]("nanoKONTROL2 MIDI 1")  # type: ignore[operator]
    assert not stage.player.show.blackout
    stage.ports.receive(event("note", 99))
    heard: list[ControlEvent] = []
    stage.controls.listen(heard.append)
    assert not stage.player.show.blackout
    stage.ports.receive(event("note", 0))
    stage.controls.listen(None)
    stage.ports.receive(event("note", 99))
    assert stage.player.show.blackout and [e.raw for e in heard] == [0]
    stage.edit(FADER.format(0))
    stage.tick()
    assert not stage.player.show.blackout


BEATS = '[[lfo]]\ntarget = "alpha"\nbeats = 1\n'


def test_a_tempo_that_is_taken_out_of_the_file_is_the_usual_one_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BEATS + "[clock]\nbpm = 1000\n")
    assert stage.controls.clock.bpm == pytest.approx(1000), "as fast as a clock goes"
    stage.clock.pass_to(10**9)
    stage.edit(BEATS)
    stage.tick()
    assert stage.controls.clock.bpm == pytest.approx(120)
    stage.controls.clock.set_tempo(90, stage.clock())
    stage.edit(BEATS + "# no tempo\n")
    stage.tick()
    assert stage.controls.clock.bpm == pytest.approx(90), "what was tapped stays"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["no control is mapped, so MIDI moves nothing", "nothing is mapped"]),
        (
            "[clock]\nbpm = 90\n",
            ["bpm does nothing: no LFO has beats", "no control is mapped", "nothing is mapped"],
        ),
        ('[keys]\nquit = "a"\n', ["no control is mapped, so MIDI moves nothing"]),
        (BEATS + "[clock]\nbpm = 90\n", []),
        (FADER.format(0), []),
    ],
)
def test_a_file_that_moves_nothing_is_said(tmp_path: Path, text: str, said: list[str]) -> None:
    stage = Stage(tmp_path, text, midi=["nano"])
    assert len(stage.said) == len(said)
    assert all(words in line for words, line in zip(said, stage.said, strict=True))


def test_the_session_does_not_wait_for_a_knob_that_is_being_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, FADER.format(0) + "feedback = true\n" + HELD)
    held, may_go = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        held.set()
        assert may_go.wait(10)

    monkeypatch.setattr(stage.player, "move", slow)
    knob = threading.Thread(target=stage.ports.receive, args=(event("cc", 127),), daemon=True)
    knob.start()
    ticked = threading.Thread(target=stage.tick, daemon=True)
    try:
        assert held.wait(10)
        ticked.start()
        ticked.join(10)
        assert not ticked.is_alive() and knob.is_alive()
    finally:
        may_go.set()
        knob.join(10)
    assert stage.ports.sent == [("nano", (0xB0, 1, 64))]
