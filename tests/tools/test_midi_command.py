"""`stylefader midi`, and sessions that are played by MIDI and OSC."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from pythonosc.osc_message_builder import build_msg

from stylefader.realtime.controls.mapping.mapping import read_mapping
from stylefader.realtime.media.timecode import parse_time
from tests.realtime.controls.midi.jack import Controller
from tests.tools.live import WAIT_S, Lines, playing, until, words
from tests.tools.program import PROGRAM, stylefader


@pytest.mark.usefixtures("nano")
def test_ports(tmp_path: Path) -> None:
    done = stylefader("midi", "ports", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["inputs"] == ["nano:knobs"]


def test_monitor(nano: Controller) -> None:
    command = [str(PROGRAM), "midi", "monitor", "--midi", "nano"]
    with Lines(command) as run:
        run.until(lambda line: line.startswith("MIDI: nano:knobs"))
        heard = run.until(lambda line: line.startswith("nano:knobs  cc"), lambda: nano.play([0xB1, 70, 99]))
        assert heard == "nano:knobs  cc 70 channel 2  99"

        def tick() -> None:  # again and again, since JACK may lose some, and a busy machine's controller is late
            nano.tick(bpm=140, ticks=30, jitter_s=0)

        run.until(lambda line: bool(found := re.fullmatch(r"nano:knobs  clock (\d+\.\d) bpm", line))
                  and 130 < float(found[1]) < 150, tick)  # fmt: skip
        run.until(lambda line: line == "nano:knobs  clock stopped", lambda: nano.play([0xFC]))
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(WAIT_S) == 130


def test_monitor_prints_its_json_at_the_documented_end(nano: Controller, tmp_path: Path) -> None:
    line = [str(PROGRAM), "midi", "monitor", "--midi", "nano", "--json"]
    with subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert any(said.startswith("MIDI: nano:knobs") for said in run.stderr), "it listens"
        for _ in range(20):  # JACK may lose some
            nano.play([0xB1, 70, 99])
        run.send_signal(signal.SIGINT)
        found, _ = run.communicate(timeout=WAIT_S)
    assert run.returncode == 0
    assert {event["raw"] for event in json.loads(found)} == {99}


def test_learn(nano: Controller, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("# mine\n")
    line = [str(PROGRAM), "midi", "learn", "alpha0", "--map", str(path), "--seconds", "1.5"]
    with Lines(line) as run:
        run.until(lambda line: line.startswith("MIDI: nano:knobs"))
        while run.process.poll() is None:  # for as long as it listens
            nano.play(*([0xB0, 70, raw] for raw in range(0, 128, 5)), [0xB0, 71, 3])
        assert run.process.wait(WAIT_S) == 0
    (entry,) = read_mapping(path).maps
    assert (entry.port, entry.kind, entry.number, entry.channel) == ("nano:knobs", "cc", 70, 1)
    assert path.read_text().startswith("# mine\n")


@pytest.mark.usefixtures("jack")
def test_what_cannot_be_learned(tmp_path: Path) -> None:
    done = stylefader("midi", "learn", "apha", "--map", "c.toml", cwd=tmp_path)
    assert done.returncode == 2 and "error: 'apha' cannot be learned: there is alpha, alpha0" in done.stderr
    for more, message in (
        (("alpha", "--map", "nix/a.toml"), "there is no folder nix"),
        (("bypass", "--map", "c.toml", "--to", "3"), "--to has no effect with bypass"),
        (("style", "--map", "c.toml", "--to", "verse"), "--to is a style's or a scene's number"),
    ):
        done = stylefader("midi", "learn", *more, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.startswith(f"error: {message}"), done.stderr
    done = stylefader("midi", "learn", "alpha", "--map", "c.toml", "--seconds", "0.5", cwd=tmp_path)
    assert done.returncode == 1 and "nothing was moved" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "c.toml").exists()


def test_a_session_played_by_midi_and_osc(stage: Path, nano: Controller) -> None:
    (stage / "c.toml").write_text('[[map]]\nkind="cc"\nnumber=1\ntarget="alpha0"\npickup=false\nfeedback=true\n')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    more = ("--no-window", "--sink", "null", "--stats", "played.jsonl", "--map", "c.toml", "--osc", str(address[1]))

    def alpha() -> list[float]:
        rows = (stage / "played.jsonl").read_text().splitlines()
        return json.loads(rows[-1])["alpha"] if rows else []

    with playing("testcard", *more, cwd=stage) as run, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        until(lambda: nano.play([0xB0, 1, 127]) is not None and alpha() == [1, 0, 0])  # once more if it came too early
        client.sendto(build_msg("/stylefader/alpha/2", 0.25).dgram, address)
        until(lambda: alpha() == [1, 0, 0.25])
        client.sendto(build_msg("/stylefader/alpha/0", 0.0).dgram, address)
        until(lambda: nano.play()[-1:] == [[0xB0, 1, 0]])
        run.send_signal(signal.SIGTERM)
        assert run.wait(WAIT_S) == 0


def test_a_source_is_muted_and_alpha_takes_its_time(stage: Path, nano: Controller) -> None:
    (stage / "c.toml").write_text('[[map]]\nport="nano"\nkind="cc"\nnumber=70\ntarget="alpha0"\npickup=false\n')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    more = ("--no-window", "--sink", "null", "--stats", "n.jsonl", "--map", "c.toml", "--osc", str(address[1]))
    slow = ("--mute", "midi", "--mute", "lfo", "--slew", "0.5", "--record-automation", "slow.csv")

    def alpha() -> list[float]:
        rows = (stage / "n.jsonl").read_text().splitlines()
        return json.loads(rows[-1])["alpha"] if rows else []

    with (
        playing("testcard", *more, *slow, cwd=stage) as run,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        for raw in (100, 127):
            nano.play([0xB0, 70, raw])
        client.sendto(build_msg("/stylefader/alpha/2", 1.0).dgram, address)
        until(lambda: alpha() == [0, 0, 1])  # MIDI was heard before
        client.sendto(build_msg("/stylefader/mute/midi", 0).dgram, address)
        until(lambda: nano.play([0xB0, 70, 127]) is not None and alpha() == [1, 0, 1])
        run.send_signal(signal.SIGTERM)
        assert run.wait(WAIT_S) == 0
    rows = [row.split(",") for row in (stage / "slow.csv").read_text().splitlines() if row[:1].isdigit()]
    way = [(parse_time(row[0]), float(row[3])) for row in rows]
    began, came = (next(time for time, alpha in way if alpha > least) for least in (0, 0.3))
    assert came - began > 0.3  # 0.6 s, and a tenth of that without a limit


def test_without_a_midi_system_live_goes_on(stage: Path) -> None:
    if Path("/dev/snd/seq").exists():
        pytest.skip("this machine has a MIDI system")
    (stage / "c.toml").write_text('[[map]]\nkind="cc"\nnumber=1\ntarget="alpha0"\n')
    line = [str(PROGRAM), *words("testcard", "--no-window", "--sink", "null", "--map", "c.toml", "--seconds", "1")]
    env = {**os.environ, "JACK_DEFAULT_SERVER": "there-is-none"}
    done = subprocess.run(line, cwd=stage, env=env, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "without MIDI: there is no MIDI system here" in done.stderr and "modprobe snd-seq" in done.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--map", "none.toml"], "no mapping file at none.toml"),
        (["--osc", "nine"], "'nine' is no address for OSC"),
        (["--mute", "radio"], "there is no source 'radio' to mute; there are keys, midi, osc, scene, lfo, sound"),
        (["--slew", "0"], "Invalid value for '--slew'"),
        (["--osc", "999.1.1.1:9000"], "OSC cannot listen at 999.1.1.1:9000"),
    ],
)
def test_bad_words_are_refused_in_one_line(stage: Path, more: list[str], message: str) -> None:
    line = ("live", "--style", "small.safetensors", "--source", "testcard", "--no-window", "--sink", "null")
    done = stylefader(*line, *more, cwd=stage)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.strip().splitlines()[-1]
