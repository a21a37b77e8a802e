"""The process of the MIDI library is killed, floods, outlives nobody: with a real JACK."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.midi.connection import Connection
from stylefader.realtime.controls.midi.midi_link import MidiLink, ProcessGone
from stylefader.realtime.controls.midi.ports import MidiPorts
from stylefader.realtime.controls.midi.wire import Frames, frame
from tests.realtime.controls.midi.jack import Controller, jack_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the library is in the program itself")
_PARENT = """
import sys
from stylefader.realtime.controls.midi.midi_link import MidiLink
link = MidiLink()
print(link.pid, flush=True)
sys.stdin.readline()
"""


def until(true: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
    for _ in range(1500):
        if true():
            return
        step()
        threading.Event().wait(0.02)
    raise AssertionError("it was never so")


def is_there(pid: int) -> bool:
    """Whether the process runs; a dead one that its parent has yet to take counts too."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.fixture(scope="module")
def _jack() -> Iterator[None]:
    with jack_server():
        yield


@pytest.mark.usefixtures("_jack")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_is_said_once_and_the_controller_plays_again(number: signal.Signals) -> None:
    events, said, gone = list[ControlEvent](), list[str](), list[str]()
    with closing(Controller("pads")) as pads:
        ports = MidiPorts(events.append, inputs=["pads"], gone=gone.append, say=said.append)
        ports.start()
        try:
            until(lambda: events, lambda: pads.play([0xB0, 70, 1]))
            library = ports._connection.library
            assert isinstance(library, MidiLink)
            os.kill(library.pid, number)
            until(lambda: ports._connection.library not in (library, None) and ports.playing)
            assert not is_there(library.pid), "no zombie"
            assert gone == ["pads:knobs"], "what was held is let go"
            until(lambda: events[-1].raw == 2, lambda: pads.play([0xB0, 70, 2]))
            words = f"MIDI: the process of the MIDI library ended ({number.name}); it is started again"
            assert said == ["MIDI: pads:knobs", words, "MIDI: pads:knobs"]
            assert ports.why_not is None
        finally:
            ports.close()
    assert ports.error is None


@pytest.mark.usefixtures("_jack")
def test_a_flood_comes_whole_and_in_order() -> None:
    raws: list[int] = []
    with closing(Controller("flood")) as flood:
        ports = MidiPorts(lambda event: raws.append(event.raw), inputs=["flood"])
        ports.start()
        try:
            for _ in range(100):
                flood.play(*([0xE0, raw & 0x7F, raw >> 7] for raw in range(100)), pause_s=0)
            until(lambda: raws and raws[-1] == 16383, lambda: flood.play([0xE0, 0x7F, 0x7F]))
        finally:
            ports.close()
    assert ports.error is None
    assert all(earlier != later or later == 0 for earlier, later in itertools.pairwise(raws)), "nothing comes twice"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_process_ends_with_its_session(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_there(pid)
        parent.send_signal(number)
        until(lambda: not is_there(pid))


def test_ctrl_c_is_not_for_the_process() -> None:
    link = MidiLink()
    try:
        with pytest.raises(OSError, match=r"\S"):
            link.ask(99, "get_ports")  # it answers, so its signals are set
        os.kill(link.pid, signal.SIGINT)
        with pytest.raises(OSError, match=r"\S"):
            link.ask(99, "get_ports")
        assert link.ended is None
    finally:
        link.close()
    link.close()
    with pytest.raises(ProcessGone):
        link.ask(99, "get_ports")


def test_a_process_that_cannot_live_is_started_later_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    now = [0]
    connection, pauses = Connection(lambda: None, lambda: now[0]), []
    for _ in range(9):
        with pytest.raises(Exception, match="the process of the MIDI library ended"):
            connection.open()
        before = now[0]
        while not connection.worth_opening():
            now[0] += 500_000_000
        pauses.append((now[0] - before) / 1e9)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_session_does_not_wait_for_the_process() -> None:
    """What a patient session does at its start comes from another thread."""
    ports = MidiPorts(lambda event: None, patient=True)
    try:
        assert ports._connection.library is None, "nothing is started before `start`"
        ports.start(wait=False)
    finally:
        ports.close()


def test_frames_are_found_wherever_the_bytes_are_cut() -> None:
    data = b"".join(frame(number, time.monotonic_ns(), 0.5, bytes(number)) for number in range(5))
    for size in (1, 7, 24, 1000):
        frames = Frames()
        found = [each for start in range(0, len(data), size) for each in frames.feed(data[start : start + size])]
        assert [(each.client, each.data) for each in found] == [(number, bytes(number)) for number in range(5)]
