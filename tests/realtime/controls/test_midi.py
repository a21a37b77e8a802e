from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from realtime.controls import midi
from realtime.controls.events import ControlEvent
from realtime.controls.midi import MidiPorts, port_names
from tests.realtime.controls.jack import Controller, jack_server
from training.errors import ControlError


@pytest.fixture(scope="module")
def _jack() -> Iterator[None]:
    with jack_server():
        yield


@pytest.fixture
def controllers() -> Iterator[Callable[[str], Controller]]:
    made = []

    def make(name: str) -> Controller:
        made.append(Controller(name))
        return made[-1]

    yield make
    for controller in made:
        controller.close()


class Heard:
    """Events as they come, and words."""

    def __init__(self) -> None:
        self.events: list[ControlEvent] = []
        self.said: list[str] = []

    def until(self, true: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
        for _ in range(1000):
            if true():
                return
            step()
            threading.Event().wait(0.02)
        raise AssertionError(f"it never came: {self.said} {self.events[-3:]}")

    def raws(self, kind: str) -> list[int]:
        return [event.raw for event in self.events if event.kind == kind]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.mark.usefixtures("_jack")
class TestPorts:
    def test_a_controller_plays_goes_away_and_comes_back(
        self, heard: Heard, controllers: Callable[[str], Controller]
    ) -> None:
        first = controllers("nano-pads")
        controllers("other")
        ports = MidiPorts(heard.events.append, inputs=["NANO"], say=heard.said.append)
        ports.start()
        try:
            assert ports.playing == ["nano-pads:knobs"]
            first.play([0xB0, 1, 7], [0x90, 36, 9])
            heard.until(lambda: heard.raws("note") == [9])
            assert heard.raws("cc") == [7] and heard.events[0].port == "nano-pads:knobs"
            first.close()
            heard.until(lambda: ports.playing == [] and heard.said[-1] == "MIDI: nano-pads:knobs has gone")
            second = controllers("nano-pads")
            heard.until(lambda: ports.playing == ["nano-pads:knobs"])
            second.play([0xB0, 1, 8])
            heard.until(lambda: heard.raws("cc") == [7, 8])
        finally:
            ports.close()
            ports.close()
        assert ports.error is None

    def test_several_at_once_and_the_last_of_a_burst_arrives(
        self, heard: Heard, controllers: Callable[[str], Controller]
    ) -> None:
        pair = [controllers("one"), controllers("two")]
        ports = MidiPorts(heard.events.append, inputs=["one:", "two:"], say=heard.said.append)
        ports.start()
        try:
            # A slow JACK may lose some of a burst on the controller's side, and has taken the rest by the next call.
            for number, controller in enumerate(pair):
                controller.play(*([0xB0, 70 + number, raw % 100] for raw in range(300)))
                controller.play([0xB0, 70 + number, 127])
            last = {70: -1, 71: -1}

            def all_there() -> bool:
                last.update({event.number: event.raw for event in list(heard.events)})
                return last == {70: 127, 71: 127}

            heard.until(all_there)
            assert {event.port for event in heard.events} == {"one:knobs", "two:knobs"}
        finally:
            ports.close()

    def test_14_bits_over_a_real_port(self, heard: Heard, controllers: Callable[[str], Controller]) -> None:
        controller = controllers("fine")
        ports = MidiPorts(heard.events.append, inputs=["fine"])
        ports.start()
        try:
            controller.play([0xB0, 1, 64], [0xB0, 33, 3], [0xB0, 2, 127])
            heard.until(lambda: len(heard.raws("cc14")) == 2)
            assert heard.raws("cc14") == [64 << 7 | 3, 16383]
        finally:
            ports.close()

    def test_a_port_that_is_not_there_yet_is_waited_for(
        self, heard: Heard, controllers: Callable[[str], Controller]
    ) -> None:
        ports = MidiPorts(heard.events.append, inputs=["late"], say=heard.said.append)
        ports.start()
        try:
            assert heard.said == ["MIDI: waiting for 'late'; ports: none"]
            controllers("late-fader")
            heard.until(lambda: ports.playing == ["late-fader:knobs"])
            ports.want(inputs=["else"], outputs=[])
            heard.until(lambda: ports.playing == [])
        finally:
            ports.close()

    def test_feedback_reaches_the_controller(self, heard: Heard, controllers: Callable[[str], Controller]) -> None:
        controller = controllers("motor")
        ports = MidiPorts(heard.events.append, inputs=["motor"], outputs=["motor"])
        ports.start()
        try:
            assert ports.outputs_opened == 1
            ports.send("elsewhere", (0xB0, 1, 1))
            ports.send("motor", (0xB0, 1, 77))
            heard.until(lambda: controller.play() == [[0xB0, 1, 77]])
        finally:
            ports.close()

    def test_names(self, controllers: Callable[[str], Controller]) -> None:
        controllers("pads")
        (knobs,), (lights,) = port_names()
        assert knobs == "pads:knobs" and lights.startswith("pads") and lights.endswith(":lights")


def test_without_a_midi_system_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rtmidi = pytest.importorskip("rtmidi")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")
    apis = [(name, api) for name, api in midi.midi_apis() if api in (rtmidi.API_UNIX_JACK,)]
    monkeypatch.setattr(midi, "midi_apis", lambda: apis)
    with pytest.raises(ControlError, match=r"there is no MIDI system here .*sudo modprobe snd-seq, or start JACK"):
        port_names()


def test_without_rtmidi_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    with pytest.raises(ControlError, match="pip install python-rtmidi"):
        midi.midi_apis()
