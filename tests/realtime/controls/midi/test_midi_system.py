"""MIDI systems that are not there, come late, end, and come back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from stylefader.realtime.controls.midi import ports as ports_module
from stylefader.realtime.controls.midi import system as midi
from stylefader.realtime.controls.midi.port_names import Numbering
from stylefader.realtime.controls.midi.ports import MidiPorts
from stylefader.realtime.controls.midi.system import port_names
from stylefader.training.errors import ControlError
from tests.realtime.controls.midi.hearing import Heard, cc
from tests.realtime.controls.midi.jack import Controller, jack_server


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


def test_without_rtmidi_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    with pytest.raises(ControlError, match="pip install python-rtmidi"):
        midi.midi_apis()
