"""MIDI ports around a stand-in for rtmidi: what is slow, too much or refused, which no real system is on demand."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType

import pytest

from stylefader.realtime.controls.midi import connection
from stylefader.realtime.controls.midi import ports as ports_module
from stylefader.realtime.controls.midi.ports import MidiPorts
from tests.realtime.controls.midi.hearing import Heard, cc


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
