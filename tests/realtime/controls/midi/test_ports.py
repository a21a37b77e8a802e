"""MIDI ports of a JACK server without hardware."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.midi import ports as ports_module
from stylefader.realtime.controls.midi import system as midi
from stylefader.realtime.controls.midi.port_names import CLIENT
from stylefader.realtime.controls.midi.ports import MidiPorts
from stylefader.realtime.controls.midi.system import port_names
from stylefader.realtime.parameters.tempo import AHEAD, BeatClock
from tests.realtime.controls.midi.hearing import Heard, cc
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
