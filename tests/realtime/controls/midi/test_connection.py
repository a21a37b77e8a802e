from __future__ import annotations

import sys

import pytest

from stylefader.realtime.controls.midi.connection import Connection
from stylefader.realtime.controls.midi.midi_link import MidiLink, ProcessGone
from stylefader.training.errors import ControlError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the library is in the program itself")


def test_a_process_that_cannot_live_is_started_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rtmidi")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    now = [0]
    connection, pauses = Connection(lambda: None, lambda: now[0]), []
    for _ in range(9):
        with pytest.raises(ControlError, match="the process of the MIDI library ended"):
            connection.open()
        before = now[0]
        while not connection.worth_opening():
            now[0] += 500_000_000
        pauses.append((now[0] - before) / 1e9)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_what_fails_over_there_is_an_error_here_and_a_closed_link_says_so() -> None:
    pytest.importorskip("rtmidi")
    link = MidiLink()
    with pytest.raises(OSError, match="99"):
        link.ask(99, "get_ports")
    link.close()
    link.close()
    with pytest.raises(ProcessGone):
        link.ask(99, "get_ports")
