"""`stylefader sound`: files and inputs measured, on real PortAudio where a JACK server without hardware can run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stylefader.tools.cli import app
from stylefader.tools.commands.sound import suggested
from tests.realtime.controls.midi.jack import jack_server
from tests.realtime.sound.fake_system import FakeSystem
from tests.realtime.sound.waves import clip_with_sound, silence, tone
from tests.tools.program import stylefader, stylefader_process

_PLAYER = """
import sys, numpy, sounddevice
at = 0
def give(out, count, times, status):
    global at
    out[:] = (0.1 * numpy.sin(2 * numpy.pi * 60 * numpy.arange(at, at + count) / 48000))[:, None]
    at += count
with sounddevice.OutputStream(samplerate=48000, channels=2, dtype="float32", callback=give):
    print("there", flush=True)
    sys.stdin.readline()
"""


def said(*line: str) -> str:
    done = CliRunner().invoke(app, ["sound", *line], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_file_second_by_second(tmp_path: Path) -> None:
    wave = np.concatenate([silence(1), tone(60, -20, 1), tone(1000, -30, 0.5)])
    path = clip_with_sound(tmp_path / "c.mkv", wave, frames=60)
    document = json.loads(said("monitor", str(path), "--json"))
    rows = document["levels"]
    assert [row["time_s"] for row in rows] == [1, 2, 3]
    # Windows reach a little over a second's edge.
    assert rows[0]["mid"] < -45 and rows[1]["low"] == pytest.approx(-20, abs=0.5)
    assert rows[2]["mid"] == pytest.approx(-30, abs=0.5)
    assert document["fits"]["low"]["ceiling"] == -20
    words = said("monitor", str(path))
    assert words.splitlines()[0].split() == ["s", "low", "mid", "high", "all"]
    assert 'band = "low": floor = ' in words
    assert len(json.loads(said("monitor", str(path), "--json", "--seconds", "2"))["levels"]) == 2


def test_what_fits() -> None:
    levels = np.full((100, 4), -120.0)
    levels[:, 0] = np.linspace(-40, -10, 100)
    levels[90:, 1] = -15
    levels[:, 2] = -30
    fits = suggested(levels)
    assert fits["low"] == {"floor": pytest.approx(-33, abs=1), "ceiling": pytest.approx(-10, abs=1)}
    assert fits["mid"] == {"floor": -45, "ceiling": -15}, "30 dB at most"
    assert fits["high"] == {"floor": -33, "ceiling": -30}, "3 dB at least"
    assert "all" not in fits, "it was silent"


def test_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    system = FakeSystem(("Microphone", 1, 44100), ("Speakers", 0, 48000), ("Mixer", 8, 48000))
    monkeypatch.setattr("stylefader.realtime.sound.devices.sound_system", lambda: system)
    words = said("inputs")
    assert "0  Microphone  Fake, 1 channel, 44100 Hz  default" in words and "2  Mixer  Fake, 8 channels" in words
    section = json.loads(said("inputs", "--json"))
    assert [entry["number"] for entry in section["inputs"]] == [0, 2] and section["problem"] is None
    system.devices.clear()
    system._initialize()
    assert "none" in said("inputs")


def test_a_file_without_sound(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("la la")
    done = stylefader("sound", "monitor", "notes.txt", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: notes.txt is not a video that FFmpeg can read")


def test_a_tone_through_portaudio(tmp_path: Path) -> None:
    """Another program plays 60 Hz at -20 dB into JACK, and its output is an input here."""
    sounddevice = "import sounddevice; print([api['name'] for api in sounddevice.query_hostapis()])"
    with jack_server():
        there = subprocess.run([sys.executable, "-c", sounddevice], capture_output=True, text=True, check=False)
        if "JACK" not in there.stdout:
            pytest.skip("no sounddevice with a PortAudio for JACK here (Debian: libportaudio2)")
        line = [sys.executable, "-c", _PLAYER]
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as player:
            assert player.stdin is not None and player.stdout is not None
            assert player.stdout.readline() == "there\n"
            done = stylefader_process("sound", "monitor", "PortAudio", "--seconds", "4", "--json", cwd=tmp_path)
            player.stdin.write("\n")
            player.stdin.close()
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["levels"]
    # A loaded machine drops blocks of it, which shows as clicks in other bands; the tone stays what it is.
    assert float(np.median([row["low"] for row in rows])) == pytest.approx(-20, abs=0.5)
