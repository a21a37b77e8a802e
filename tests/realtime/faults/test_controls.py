"""The MIDI system goes, or a panel floods the session with OSC or MIDI: the picture goes on, the last value counts."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mido import Message
from pythonosc.osc_message_builder import build_msg

from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.log_limiter import MOST
from stylefader.realtime.controls.midi import connection
from stylefader.realtime.controls.midi import ports as midi_module
from stylefader.realtime.controls.midi.midi_input import MOST_A_SECOND, MidiInput
from tests.realtime.controls.midi.jack import Controller, jack_server
from tests.realtime.controls.midi.test_midi_process import libraries_of
from tests.realtime.controls.player import ALL
from tests.realtime.faults.stage import Flow, Stage, promise, shift

MAPPING = '[[map]]\nport = "{}"\nkind = "cc"\nnumber = 7\ntarget = "alpha"\npickup = false\n'


@pytest.fixture
def controller() -> Iterator[Callable[[str], Controller]]:
    made: list[Controller] = []

    def make(name: str) -> Controller:
        made.append(Controller(name))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_midi_system_that_goes_and_comes_back(tmp_path: Path, controller: Callable[[str], Controller]) -> None:
    assert promise("MIDI system gone") == midi_module._SCAN_S
    if not Path("/proc/net/unix").exists():
        pytest.skip("only Linux shows which sockets there are")
    mapping = tmp_path / "map.toml"
    mapping.write_text(MAPPING.format("desk"))
    with jack_server() as server, Stage(tmp_path, Flow) as stage:
        stage.play(alpha=0.0)
        controls = Controls(stage.live, ControlOptions(mapping=mapping), sizes={"alpha": 3}, say=stage.said.append)
        with closing(controls):
            controls.start()

            def plays(value: int) -> None:
                """Until it came: a busy machine's JACK may lose a message."""
                desk = controller("desk")
                stage.until(lambda: controls.midi is not None and len(controls.midi.playing) == 1)

                def sent() -> bool:
                    controls.tick()
                    desk.play([0xB0, 7, value])
                    return shift(stage.watcher.last) == round(100 * value / 127)

                stage.until(sent)
                desk.close()

            plays(127)
            server.kill()
            stage.until(lambda: stage.said[-1] == "MIDI: the MIDI system has gone; waiting for it")
            assert all(shift(frame) == 100 for frame in stage.frames(20)), "it goes on, at the alpha that stood"
            server.start()
            stage.until(lambda: any("there is a MIDI system now" in words for words in stage.said[-3:]))
            plays(64)
            controls.tick()
        assert stage.live.capture.counts.losses == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the library is in the program itself")
def test_a_midi_library_that_crashes(tmp_path: Path, controller: Callable[[str], Controller]) -> None:
    """The picture goes on at the alpha that stood, and the controller plays again."""
    assert promise("MIDI library crashes") == connection._FIRST_NS / 1e9
    mapping = tmp_path / "map.toml"
    mapping.write_text(MAPPING.format("desk"))
    with jack_server(), Stage(tmp_path, Flow) as stage:
        stage.play(alpha=0.0)
        controls = Controls(stage.live, ControlOptions(mapping=mapping), sizes={"alpha": 3}, say=stage.said.append)
        with closing(controls):
            controls.start()
            desk = controller("desk")

            def plays(value: int) -> None:
                def sent() -> bool:
                    controls.tick()
                    desk.play([0xB0, 7, value])
                    return shift(stage.watcher.last) == round(100 * value / 127)

                stage.until(sent)

            plays(127)
            (process,) = libraries_of(os.getpid())
            os.kill(process, signal.SIGSEGV)
            stage.until(lambda: any("MIDI library ended (SIGSEGV); it is started again" in it for it in stage.said))
            assert all(shift(frame) == 100 for frame in stage.frames(20)), "it goes on, at the alpha that stood"
            plays(64)
            assert sum("MIDI library ended" in words for words in stage.said) == 1
        assert stage.live.capture.counts.losses == 0


def test_an_osc_flood(tmp_path: Path) -> None:
    """Good messages, bad ones and rubbish, as fast as a socket takes them."""
    with (
        Stage(tmp_path, Flow) as stage,
        closing(Controls(stage.live, ControlOptions(osc="0"), sizes={"alpha": 3}, say=stage.said.append)) as controls,
    ):
        stage.play(alpha=0.0)
        controls.start()
        assert controls.osc is not None
        before, said = stage.watcher.count, len(stage.said)
        address = controls.osc.address
        bad = [
            build_msg("/stylefader/alpha/77", [0.5]).dgram,
            build_msg("/stylefader/style", ["none of these"]).dgram,
            build_msg("/somebody/else", [1]).dgram,
            b"\x00\xffrubbish",
            b"",
        ]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as panel:
            for number in range(4000):
                panel.sendto(build_msg("/stylefader/alpha", [number % 100 / 100]).dgram, address)
                panel.sendto(bad[number % len(bad)], address)
                kind = build_msg(f"/stylefader/alpha/{number + 50}", [0.1]).dgram  # each in other words
                panel.sendto(kind, address)

            def last() -> bool:  # UDP may lose one where a busy machine does not empty its socket
                controls.tick()
                panel.sendto(build_msg("/stylefader/alpha", [0.75]).dgram, address)
                return shift(stage.watcher.last) == 75

            stage.until(last)
        shown = stage.watcher.since(before)
        missing = sum(b.index - a.index - 1 for a, b in itertools.pairwise(shown))
        newer = stage.live.snapshot().drops.newer
        assert missing <= newer and len(shown) > 5, "what is left out was left out for a newer one"
        assert promise("OSC or MIDI flood") == MOST + 1
        limiter = [words for words in stage.said[said:] if "OSC" in words or "/" in words]
        kinds = 4  # alpha, style, other addresses, packets that cannot be read
        assert 0 < len(limiter) <= kinds * promise("OSC or MIDI flood")
        assert stage.live.capture.counts.losses == 0 and controls.osc.error is None


def test_a_midi_flood(tmp_path: Path) -> None:
    """A port that sends more than a cable can carry: alpha is that of the last message."""
    with Stage(tmp_path, Flow) as stage:
        stage.play(alpha=0.0)

        def receive(event) -> None:  # type: ignore[no-untyped-def]
            stage.live.move(ALL, event.raw / 127, event.at_ns, "midi")

        clock = [0]
        panel = MidiInput(
            "panel",
            receive,
            clock=None,
            now_ns=lambda: clock[0],
            wake=lambda: None,
            failed=stage.said.append,  # type: ignore[arg-type]
        )
        before = stage.watcher.count
        for number in range(5 * MOST_A_SECOND):
            clock[0] += 10_000  # a hundred thousand a second
            panel.take(Message("control_change", control=7, value=number % 127))
        panel.take(Message("control_change", control=7, value=127))
        assert panel.coalesced > 0
        clock[0] += 1_000_000_000
        panel.flush()
        stage.until(lambda: shift(stage.watcher.last) == 100)
        assert stage.watcher.since(before) and stage.said.count("MIDI") == 0
        panel.close()
