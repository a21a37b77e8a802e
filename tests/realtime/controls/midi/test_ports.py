from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mido import Message

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.midi import connection
from stylefader.realtime.controls.midi import ports as ports_module
from stylefader.realtime.controls.midi import system as midi
from stylefader.realtime.controls.midi.port_names import CLIENT, Numbering
from stylefader.realtime.controls.midi.ports import MidiPorts
from stylefader.realtime.controls.midi.system import port_names
from stylefader.realtime.parameters.tempo import AHEAD, BeatClock
from stylefader.training.errors import ControlError
from tests.realtime.controls.midi.jack import Controller, jack_server

CLOSES = """
import faulthandler, threading, time
from stylefader.realtime.controls.midi.ports import MidiPorts
faulthandler.dump_traceback_later(30, exit=True)
def count():
    number = 0
    while True:
        number += 1
for _ in range(2):
    threading.Thread(target=count, daemon=True).start()
for _ in range(4):
    came = threading.Event()
    ports = MidiPorts(lambda event: came.set(), inputs=["flood"])
    ports.start()
    assert came.wait(10)
    ports.close()
print("ended", flush=True)
"""


PLAYS = """
import sys
from mido import Message
from stylefader.realtime.controls.midi.ports import MidiPorts
light = Message("control_change", control=71, value=1)
ports = MidiPorts(lambda event: ports.answer(event.port, light))
ports.start()
print(ports.playing, flush=True)
sys.stdin.readline()
print(ports.playing, flush=True)
ports.close()
"""


def cc(control: int, value: int) -> Message:
    return Message("control_change", control=control, value=value)


def own_ports() -> tuple[int, int]:
    """How many outputs and inputs of this program the MIDI system has."""
    client_in, client_out, _ = midi.open_system()
    there = client_in.get_ports(), client_out.get_ports()
    for client in (client_in, client_out):
        client.delete()
    outputs, inputs = ([name for name in names if name.startswith(CLIENT)] for names in there)
    return len(outputs), len(inputs)


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
        gone: list[str] = []
        ports = MidiPorts(heard.events.append, inputs=["NANO"], gone=gone.append, say=heard.said.append)
        ports.start()
        try:
            assert ports.playing == ["nano-pads:knobs"]
            first.play([0xB0, 1, 7], [0x90, 36, 9])
            heard.until(lambda: heard.raws("note") == [9])
            assert heard.raws("cc") == [7] and heard.events[0].port == "nano-pads:knobs"
            first.close()
            heard.until(lambda: ports.playing == [] and heard.said[-1] == "MIDI: nano-pads:knobs has gone")
            assert gone == ["nano-pads:knobs"]
            second = controllers("nano-pads")
            heard.until(lambda: ports.playing == ["nano-pads:knobs"])
            second.play([0xB0, 1, 8])
            heard.until(lambda: heard.raws("cc") == [7, 8])
        finally:
            ports.close()
            ports.close()
        assert gone == ["nano-pads:knobs"], "the end of a session lets nothing go"
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
            heard.until(lambda: ports.outputs_opened == 1)

            def send() -> None:  # again and again: a busy machine's JACK loses some
                ports.send("elsewhere", cc(1, 1))
                ports.send("motor", cc(1, 77))

            heard.until(lambda: [0xB0, 1, 77] in controller.play(), send)
            assert [0xB0, 1, 1] not in controller.play()
        finally:
            ports.close()

    def test_what_an_event_raises_is_said_once_and_the_next_is_heard(
        self, controllers: Callable[[str], Controller], heard: Heard
    ) -> None:
        def broken(event: ControlEvent) -> None:
            heard.events.append(event)
            raise ZeroDivisionError("by this event")

        ports = MidiPorts(broken, inputs=["pads"], say=heard.said.append)
        controller = controllers("pads")
        ports.start()
        try:
            heard.until(lambda: len(heard.events) >= 3, lambda: controller.play([0xB0, 70, 1]))
            assert heard.said.count("MIDI: ZeroDivisionError: by this event") == 1 and ports.error is None
        finally:
            ports.close()

    def test_closing_while_messages_come_ends(self, controllers: Callable[[str], Controller]) -> None:
        """In a program of its own: rtmidi waits for its thread while it holds Python's lock, for ever if need be."""
        controller = controllers("flood")
        line = [sys.executable, "-c", CLOSES]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as run:
            try:
                while run.poll() is None:
                    controller.play(*([0xB0, 70, raw] for raw in range(20)), pause_s=0)
                assert run.stdout is not None and run.stdout.read() == "ended\n"
            finally:
                run.kill()

    def test_a_midi_clock_of_another_program(self, controllers: Callable[[str], Controller]) -> None:
        clock, heard = BeatClock(), Heard()
        controller = controllers("drums")
        ports = MidiPorts(heard.events.append, inputs=["drums"], clock=clock)
        ports.start()
        try:
            controller.play([0xF2, 16, 0])
            heard.until(lambda: clock.beat(0) == 4)
            beats = 0

            def tick() -> None:  # until a busy machine lets the other program keep its time
                nonlocal beats
                beats += 4
                controller.tick(bpm=133, ticks=4 * 24, jitter_s=0.004)

            heard.until(lambda: abs(clock.bpm / 133 - 1) < 0.005, tick)
            assert clock.running and clock.source == "drums:knobs"
            controller.play([0xFC])
            heard.until(lambda: not clock.running)
            assert 4 + 0.8 * beats < clock.beat(time.monotonic_ns()) < 4 + beats + AHEAD  # JACK may lose a tick
            controller.play([0xFA])
            heard.until(lambda: clock.running)
            assert clock.beat(time.monotonic_ns()) == 0
        finally:
            ports.close()
        assert ports.error is None and heard.events == []

    def test_neither_own_ports_nor_those_of_other_stylefaders_are_opened(
        self, heard: Heard, controllers: Callable[[str], Controller], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ports_module, "_SCAN_S", 0.02)
        pads, other = controllers("pads"), controllers("stylefader-1")
        ports = MidiPorts(heard.events.append, outputs=["pads"], say=heard.said.append)
        scans, scan = [0], ports._outputs.scan

        def counted(*words: Any) -> None:
            scan(*words)
            scans[0] += 1

        monkeypatch.setattr(ports._outputs, "scan", counted)
        ports.start()
        try:
            heard.until(lambda: ports.outputs_opened == 1)
            heard.until(lambda: scans[0] >= 20)
            assert ports.playing == ["pads:knobs"] and list(ports._outputs._ports) == ["pads-01:lights"]
            assert own_ports() == (1, 1), "one output of ours is to be seen, and one input"
            ports.want(inputs=["stylefader", "pads"], outputs=["pads"])
            heard.until(lambda: ports.playing == ["pads:knobs", "stylefader-1:knobs"])
            seen = scans[0]
            heard.until(lambda: scans[0] >= seen + 20)
            assert own_ports() == (1, 2) and heard.events == []
            other.play([0xB0, 70, 5])
            pads.play([0xB0, 70, 6])
            heard.until(lambda: {5, 6} <= set(heard.raws("cc")))
        finally:
            ports.close()

    def test_two_programs_of_ours_do_not_listen_to_each_other(
        self, heard: Heard, controllers: Callable[[str], Controller], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ports_module, "_SCAN_S", 0.02)
        pads = controllers("pads")
        line = [sys.executable, "-c", PLAYS]
        ports = MidiPorts(heard.events.append, say=heard.said.append)
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
            try:
                assert run.stdout is not None and run.stdout.readline() == "['pads:knobs']\n"
                ports.start()
                answered = threading.Event()

                def played() -> bool:
                    pads.play([0xB0, 70, 5])
                    ports.answer("pads:knobs", cc(70, 77))
                    return [0xB0, 70, 77] in pads.play()

                heard.until(played, lambda: answered.wait(0.02))
                assert ports.playing == ["pads:knobs"] and own_ports() == (1, 1)
                print("more", file=run.stdin, flush=True)
                assert run.stdout.readline() == "['pads:knobs']\n"
            finally:
                run.kill()
                ports.close()

    def test_a_device_is_answered_and_no_other(self, heard: Heard, controllers: Callable[[str], Controller]) -> None:
        one, two = controllers("one"), controllers("two")
        ports = MidiPorts(heard.events.append, say=heard.said.append)
        ports.start()
        try:
            assert ports.playing == ["one:knobs", "two:knobs"]
            heard.until(lambda: [0xB0, 1, 77] in two.play(), lambda: ports.answer("two:knobs", cc(1, 77)))
            assert one.play() == [] and list(ports._outputs._ports) == ["two-01:lights"]
            two.close()
            heard.until(lambda: ports._outputs._ports == {})
            two = controllers("two")
            heard.until(lambda: ports.outputs_opened == 2)  # so that everything is told to it again
        finally:
            ports.close()
        assert ports.error is None and not any("no feedback" in words for words in heard.said)

    def test_two_controllers_of_one_name(self, heard: Heard, controllers: Callable[[str], Controller]) -> None:
        first, second = controllers("nano"), controllers("nano")
        ports = MidiPorts(heard.events.append, inputs=["nano #2"], say=heard.said.append)
        ports.start()
        try:
            assert ports.playing == ["nano-02:knobs #2"], "JACK's own number and ours"
            first.play([0xB0, 70, 1])
            second.play([0xB0, 70, 2])
            heard.until(lambda: heard.raws("cc") == [2])
            ports.want(inputs=["nano #1", "nano #2"], outputs=[])
            heard.until(lambda: len(ports.playing) == 2)
            first.play([0xB0, 70, 3])
            heard.until(lambda: heard.raws("cc") == [2, 3])
            assert [event.port for event in heard.events] == ["nano-02:knobs #2", "nano:knobs"]
            first.close()
            heard.until(lambda: ports.playing == ["nano-02:knobs #2"])
            second.play([0xB0, 70, 4])
            heard.until(lambda: heard.raws("cc") == [2, 3, 4])
            assert heard.events[-1].port == "nano-02:knobs #2", "it keeps its number"
        finally:
            ports.close()

    def test_names(self, controllers: Callable[[str], Controller]) -> None:
        controllers("pads")
        (knobs,), (lights,) = port_names()
        assert knobs == "pads:knobs" and lights.startswith("pads") and lights.endswith(":lights")


def test_a_midi_system_that_comes_late_goes_and_comes_back(
    heard: Heard, controllers: Callable[[str], Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    rtmidi = pytest.importorskip("rtmidi")
    if not Path("/proc/net/unix").exists():
        pytest.skip("only Linux shows which sockets there are")
    monkeypatch.setattr(midi, "midi_apis", lambda: [("jack", rtmidi.API_UNIX_JACK)])
    with jack_server() as server:
        server.kill()
        with pytest.raises(ControlError, match="there is no MIDI system here"):
            MidiPorts(heard.events.append)
        gone: list[str] = []
        ports = MidiPorts(
            heard.events.append,
            inputs=["pads"],
            outputs=["pads"],
            gone=gone.append,
            patient=True,
            say=heard.said.append,
        )

        def plays(controller: Controller, number: int) -> None:
            heard.until(lambda: ports.playing == ["pads:knobs"] and ports.outputs_opened == number + 1)
            heard.until(lambda: number in heard.raws("cc"), lambda: controller.play([0xB0, 70, number]))
            heard.until(lambda: [0xB0, 1, 77] in controller.play(), lambda: ports.send("pads", cc(1, 77)))

        ports.start()
        try:
            assert len(heard.said) == 1 and heard.said[0].startswith("without MIDI: there is no MIDI system here")
            ports.send("pads", cc(1, 1))
            for number in range(3):
                server.start()
                heard.until(lambda: heard.said[-1].startswith("MIDI: there is a MIDI system now"))
                plays(controllers("pads"), number)
                server.kill() if number else server.stop()
                heard.until(lambda: heard.said[-1] == "MIDI: the MIDI system has gone; waiting for it")
                heard.until(lambda: ports.playing == [] and gone == ["pads:knobs"] * (number + 1))  # noqa: B023
        finally:
            ports.close()
        assert ports.error is None


def test_a_server_that_ends_while_a_port_is_opened(
    heard: Heard, controllers: Callable[[str], Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """libjack then closes the clients of before by itself, and must be asked for that no more."""
    with jack_server() as server:
        pads = controllers("pads")
        ports = MidiPorts(heard.events.append, inputs=["pads", "more"], say=heard.said.append)
        ports.start()
        try:
            heard.until(lambda: ports.playing == ["pads:knobs"])
            real = ports_module.names

            def ends(client: object, numbering: Numbering) -> list[str]:
                found = real(client, numbering)
                if any(name.startswith("more") for name in found):
                    server.kill()
                return found

            monkeypatch.setattr(ports_module, "names", ends)
            controllers("more")
            heard.until(lambda: heard.said[-1] == "MIDI: the MIDI system has gone; waiting for it")
            monkeypatch.setattr(ports_module, "names", real)
            pads.close()
            server.start()
            pads = controllers("pads")
            heard.until(lambda: ports.playing == ["pads:knobs"])
            heard.until(lambda: heard.raws("cc") != [], lambda: pads.play([0xB0, 70, 1]))
        finally:
            ports.close()
        assert ports.error is None


def test_without_a_midi_system_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rtmidi = pytest.importorskip("rtmidi")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")
    apis = [(name, api) for name, api in midi.midi_apis() if api in (rtmidi.API_UNIX_JACK,)]
    monkeypatch.setattr(midi, "midi_apis", lambda: apis)
    with pytest.raises(ControlError, match=r"there is no MIDI system here .*sudo modprobe snd-seq, or start JACK"):
        port_names()


def test_libraries_of_midi_systems_write_nothing_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rtmidi")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")
    with suppress(ControlError):  # a machine with ALSA has a MIDI system all the same
        port_names()
    assert "".join(capfd.readouterr()) == ""


class FakeMidi(ModuleType):
    """In place of rtmidi: ports by name, of which an output waits until it may be opened."""

    API_UNIX_JACK = -1

    def __init__(self) -> None:
        super().__init__("rtmidi")
        self.ports, self.sent = {"in": ["pads"], "out": ["quick"]}, list[object]()
        self.callbacks: list[Callable[[object, object], None]] = []
        self.opens, self.may_open = threading.Event(), threading.Event()
        self.MidiIn, self.MidiOut = partial(FakePort, self, "in"), partial(FakePort, self, "out")

    def get_compiled_api(self) -> list[int]:
        return [7]

    def get_api_name(self, api: int) -> str:
        return "fake"


class FakePort:
    def __init__(self, midi: FakeMidi, way: str, api: int, client: str, queue: int = 0) -> None:
        self.midi, self.way, self.name = midi, way, ""

    def get_ports(self) -> list[str]:
        return list(self.midi.ports[self.way])

    def open_port(self, number: int, name: str) -> None:
        self.name = self.get_ports()[number]
        if self.name == "slow":
            self.midi.opens.set()
            assert self.midi.may_open.wait(10)

    def send_message(self, message: object) -> None:
        self.midi.sent.append((self.name, message))

    def set_callback(self, take: Callable[[object, object], None]) -> None:
        self.midi.callbacks.append(take)

    def get_message(self) -> None: ...
    def cancel_callback(self) -> None: ...
    def ignore_types(self, timing: bool) -> None: ...
    def close_port(self) -> None: ...
    def delete(self) -> None: ...


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMidi]:
    made = FakeMidi()
    monkeypatch.setitem(sys.modules, "rtmidi", made)
    monkeypatch.setattr(connection, "jack_servers", frozenset)
    monkeypatch.setattr(connection, "open_library", lambda on_end: connection.OwnLibrary())
    monkeypatch.setattr(ports_module, "_SCAN_S", 0.01)
    yield made
    made.may_open.set()


def test_feedback_does_not_wait_for_an_output_that_opens_slowly(fake: FakeMidi, heard: Heard) -> None:
    ports = MidiPorts(heard.events.append, outputs=["quick", "slow"])
    ports.start()
    try:
        fake.ports["out"].append("slow")
        assert fake.opens.wait(10)
        sender = threading.Thread(target=ports.send, args=("quick", cc(1, 1)), daemon=True)
        sender.start()
        sender.join(10)
        assert fake.sent == [("quick", [0xB0, 1, 1])]
    finally:
        fake.may_open.set()
        ports.close()
    assert ports.error is None


def test_a_midi_system_that_does_not_answer_is_not_closed_while_it_is_asked(
    fake: FakeMidi, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports_module, "_CLOSE_S", 0.05)
    deleted: list[str] = []
    monkeypatch.setattr(FakePort, "delete", lambda port: deleted.append(port.name))
    ports = MidiPorts(heard.events.append, outputs=["slow"])
    ports.start()
    fake.ports["out"].append("slow")
    assert fake.opens.wait(10)
    ports.close()
    assert deleted == []
    fake.may_open.set()
    ports._thread.join(10)
    ports.close()
    assert len(deleted) == 4, "two clients, an input, an output"


def test_a_device_without_an_output_of_its_own_is_said_once(fake: FakeMidi, heard: Heard) -> None:
    fake.ports["out"] = ["synth"]
    ports = MidiPorts(heard.events.append, say=heard.said.append)
    ports.start()
    words = "MIDI: no feedback to pads: which output is its own cannot be told; give its mapping a port"
    try:
        heard.until(lambda: words in heard.said, lambda: ports.answer("pads", cc(1, 1)))
        fake.ports["out"].append("pads")
        heard.until(lambda: ports.outputs_opened == 1)
        ports.answer("pads", cc(1, 2))
        assert fake.sent == [("pads", [0xB0, 1, 2])] and heard.said.count(words) == 1
    finally:
        ports.close()
    assert ports.error is None


def test_a_machine_with_very_many_inputs_opens_some(fake: FakeMidi, heard: Heard) -> None:
    fake.ports["in"] = [f"pads {number}" for number in range(80)]
    ports = MidiPorts(heard.events.append, say=heard.said.append)
    ports.start()
    ports.close()
    assert len([words for words in heard.said if words.startswith("MIDI: pads")]) == 64
    assert heard.said[-1] == "MIDI: 64 inputs are open; name those to hear, by port or --midi"


def test_a_flood_is_said_once_and_stops_neither_scans_nor_closing(fake: FakeMidi, heard: Heard) -> None:
    ports = MidiPorts(heard.events.append, say=heard.said.append)
    ports.start()
    floods = threading.Event()
    floods.set()

    def flood() -> None:
        decoded = ports._open["pads"].decoded
        while floods.is_set():
            decoded.take(cc(70, 1))

    player = threading.Thread(target=flood, daemon=True)
    player.start()
    words = "MIDI: pads sends more than 2000 messages a second: of each of its controls only the newest counts"
    try:
        heard.until(lambda: words in heard.said)
        fake.ports["in"].append("keys")
        heard.until(lambda: ports.playing == ["pads", "keys"])
        ports.close()
        assert not ports._thread.is_alive()
    finally:
        floods.clear()
        player.join(10)
        ports.close()
    assert ports.error is None and heard.said.count(words) == 1


def test_bytes_that_are_no_message_do_not_reach_rtmidi_as_an_error(fake: FakeMidi, heard: Heard) -> None:
    ports = MidiPorts(heard.events.append, say=heard.said.append)
    ports.start()
    try:
        (came,) = fake.callbacks
        for data in ([], [0xF2, 3], [0xE0], [0xF9], [0xB0, 1, 200], [1, 2, 3], [0xF0] * 9, [0xB0, 70, 5]):
            came((data, 0.0), None)
        assert heard.raws("cc") == [5] and not any("Error" in words for words in heard.said)
    finally:
        ports.close()
    assert ports.error is None


def test_an_input_that_cannot_be_opened_is_let_go_and_tried_again(
    fake: FakeMidi, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted, real = list[FakePort](), FakePort.open_port

    def refused(port: FakePort, number: int, name: str) -> None:
        raise OSError("in use")

    monkeypatch.setattr(FakePort, "open_port", refused)
    monkeypatch.setattr(FakePort, "delete", lambda port: deleted.append(port))
    ports = MidiPorts(heard.events.append, say=heard.said.append)
    ports.start()
    try:
        assert heard.said[0] == "MIDI: cannot open pads: in use; tried again"
        assert [port.way for port in deleted] == ["in"]
        monkeypatch.setattr(FakePort, "open_port", real)
        heard.until(lambda: ports.playing == ["pads"])
    finally:
        ports.close()
    assert ports.error is None


def test_without_rtmidi_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    with pytest.raises(ControlError, match="pip install python-rtmidi"):
        midi.midi_apis()
