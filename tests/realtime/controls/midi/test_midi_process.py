from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mido import Message

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.midi.ports import MidiPorts
from stylefader.realtime.controls.midi.wire import Frames, frame
from tests.realtime.controls.midi.jack import Controller, jack_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the library is in the program itself")

LISTENS = """
import sys
from stylefader.realtime.controls.midi.ports import MidiPorts
ports = MidiPorts(lambda event: None, inputs=["pads"])
ports.start()
print("there", flush=True)
sys.stdin.readline()
"""


def libraries_of(parent: int) -> list[int]:
    """The processes of MIDI libraries that a program has started, zombies among them."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int((place / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            line = (place / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if is_child and (b"midi_process" in line or not line):
            found.append(int(place.name))
    return found


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(true: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
    for _ in range(1000):
        if true():
            return
        step()
        threading.Event().wait(0.02)
    raise AssertionError("it never came")


@pytest.fixture(scope="module", autouse=True)
def _jack() -> Iterator[None]:
    with jack_server():
        yield


@pytest.fixture
def pads() -> Iterator[Controller]:
    made = Controller("pads")
    yield made
    made.close()


@pytest.mark.parametrize("crash", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_of_the_library_is_said_once_and_the_controller_plays_on(pads: Controller, crash: int) -> None:
    events: list[ControlEvent] = []
    said: list[str] = []
    gone: list[str] = []
    ports = MidiPorts(events.append, inputs=["pads"], outputs=["pads"], gone=gone.append, say=said.append)
    ports.start()
    try:
        until(lambda: any(event.raw == 1 for event in events), lambda: pads.play([0xB0, 70, 1]))
        (process,) = libraries_of(os.getpid())
        os.kill(process, crash)
        until(lambda: any(event.raw == 2 for event in events), lambda: pads.play([0xB0, 70, 2]))
        light = Message("control_change", control=1, value=77)
        until(lambda: [0xB0, 1, 77] in pads.play(), lambda: ports.send("pads", light))
        (again,) = libraries_of(os.getpid())
        name = signal.Signals(crash).name
        words = f"MIDI: the process of the MIDI library ended ({name}); it is started again"
        assert again != process and said == ["MIDI: pads:knobs", words, "MIDI: pads:knobs"]
        assert gone == ["pads:knobs"] and ports.error is None
    finally:
        ports.close()
    assert libraries_of(os.getpid()) == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_the_process_ends_with_its_session(end: int) -> None:
    line = [sys.executable, "-c", LISTENS]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as session:
        assert session.stdout is not None and session.stdout.readline() == b"there\n"
        (process,) = libraries_of(session.pid)
        session.send_signal(end)
        session.wait(10)
        until(lambda: not runs(process))


def test_ctrl_c_in_the_terminal_is_for_the_session(pads: Controller) -> None:
    events: list[ControlEvent] = []
    ports = MidiPorts(events.append, inputs=["pads"])
    ports.start()
    try:
        until(lambda: bool(events), lambda: pads.play([0xB0, 70, 1]))
        (process,) = libraries_of(os.getpid())
        os.kill(process, signal.SIGINT)
        until(lambda: any(event.raw == 2 for event in events), lambda: pads.play([0xB0, 70, 2]))
        assert libraries_of(os.getpid()) == [process]
    finally:
        ports.close()


def test_a_patient_session_starts_no_process_before_it_is_started() -> None:
    ports = MidiPorts(lambda event: None, inputs=["pads"], patient=True)
    assert libraries_of(os.getpid()) == []
    ports.close()


def test_the_last_of_10_000_messages_arrives(pads: Controller) -> None:
    events: list[ControlEvent] = []
    ports = MidiPorts(events.append, inputs=["pads"])
    ports.start()
    try:
        until(lambda: bool(events), lambda: pads.play([0xB0, 70, 1]))
        pads.play(*([0xB0, 70, number % 100] for number in range(10_000)), pause_s=0.0001)
        pads.play([0xB0, 70, 101])
        until(lambda: events[-1].raw == 101)
        assert len(events) > 100
    finally:
        ports.close()


@pytest.mark.parametrize("size", [1, 7, 24, 1000])
def test_frames_come_whole_whatever_a_pipe_cuts(size: int) -> None:
    sent = [(number % 5 + 1, number, number / 8, bytes([0xB0, 70, number])[: number % 3 + 1]) for number in range(100)]
    data, frames = b"".join(frame(*each) for each in sent), Frames()
    came = [each for place in range(0, len(data), size) for each in frames.feed(data[place : place + size])]
    assert [tuple(each) for each in came] == sent
