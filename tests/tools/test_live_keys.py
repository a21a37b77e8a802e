"""A session without a window, played in a terminal; and by keys in a window, as far as the terminal cannot show it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.controls.mapping.mapping import read_mapping
from tests.paths import ROOT
from tests.realtime.controls.midi.jack import Controller
from tests.tools.live import until, words
from tests.tools.program import PROGRAM

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals like these", allow_module_level=True)

from tests.tools.terminal import WAIT_S, Terminal

NO_WINDOW = ("--no-window", "--sink", "null", "--stats", "n.jsonl", "--overwrite")


def in_terminal(stage: Path, *more: str) -> Terminal:
    """A session in a terminal, from when its engine plays."""
    (stage / "n.jsonl").unlink(missing_ok=True)
    terminal = Terminal([str(PROGRAM), *words("testcard", *NO_WINDOW, *more)], cwd=stage)
    terminal.until("Random: 96x64")
    until(lambda: not terminal.shows_keys)
    return terminal


def last(stage: Path) -> dict[str, Any]:
    path = stage / "n.jsonl"
    rows = path.read_text().splitlines() if path.exists() else []
    return json.loads(rows[-1]) if rows else {"alpha": None, "notes": None, "bypass": None}


def test_keys_do_what_they_say(stage: Path) -> None:
    for take in stage.glob("take-*.csv"):
        take.unlink()
    with in_terminal(stage) as terminal:
        terminal.type(b"\x1b[A\x1bOAs=")
        until(lambda: last(stage)["alpha"] == [0.2, 0.15, 0.15])
        terminal.type(b"rcd\x1b[B\x1b[5~")
        until(lambda: last(stage)["alpha"] == [0.44, 0.38, 0.39])
        assert last(stage)["notes"] == ["rec take-1.csv", "fine steps"]
        terminal.type(b"b")
        terminal.until("[bypass, rec take-1.csv, fine steps] small openvino")
        terminal.type(b"h")
        terminal.until("begin a take, end it")
        terminal.type(b"re")
        terminal.until("wrote take-1.csv")
        until(lambda: last(stage)["notes"] == ["fine steps"] and last(stage)["alpha"][1] == 0.39)
        assert last(stage)["bypass"]
        terminal.type(b"q")
        assert terminal.run.wait(WAIT_S) == 0
        assert terminal.state() == terminal.before
    assert read_csv(stage / "take-1.csv").keyframes[-1].values[:3] == pytest.approx((0.44, 0.38, 0.39), abs=1e-3)
    # No line is written behind another one, and none is wider than the terminal.
    lines = terminal.said.replace("\r\x1b[K", "\n").replace("\r\n", "\n").split("\n")
    assert all(len(line) < 80 for line in lines if line.startswith(("small ", "[")))
    (wrote,) = [line for line in lines if "wrote take-1.csv" in line]
    assert wrote.startswith("wrote take-1.csv: ") and wrote.endswith("rows")


def _ctrl_c_twice(terminal: Terminal) -> None:
    terminal.type(b"\x03\x03")


@pytest.mark.parametrize(
    ("end", "codes"),
    [
        (lambda terminal: terminal.type(b"q"), {0}),
        (lambda terminal: terminal.type(b"\x03"), {0}),
        (_ctrl_c_twice, {0, 130}),
        (lambda terminal: terminal.run.send_signal(signal.SIGTERM), {0}),
        (lambda terminal: terminal.run.send_signal(signal.SIGHUP), {0}),
        (lambda terminal: terminal.type(b"\x1c"), {-signal.SIGQUIT}),
    ],
    ids=["q", "Ctrl-C", "Ctrl-C twice", "SIGTERM", "SIGHUP", "Ctrl-backslash"],
)
def test_the_terminal_is_as_it_was_however_it_ends(
    stage: Path, end: Callable[[Terminal], None], codes: set[int]
) -> None:
    with in_terminal(stage) as terminal:
        end(terminal)
        assert terminal.run.wait(WAIT_S) in codes
        assert terminal.state() == terminal.before


def test_stopped_and_brought_back_by_a_shell(stage: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash on this system")
    (stage / "n.jsonl").unlink(missing_ok=True)
    env = {**os.environ, "PS1": "ready> "}
    with Terminal(["bash", "--norc", "--noediting", "-i"], cwd=stage, env=env) as terminal:
        line = " ".join([str(PROGRAM), *words("testcard", *NO_WINDOW)])
        terminal.until("ready> ")
        terminal.type(line.encode() + b"\n")
        terminal.until("Random: 96x64")
        until(lambda: not terminal.shows_keys)
        terminal.type(b"\x1a")
        terminal.until("Stopped")
        assert terminal.shows_keys
        terminal.type(b"echo all is $((20 + 22))\n")
        terminal.until("all is 42")
        terminal.type(b"fg\n")
        until(lambda: not terminal.shows_keys)
        terminal.type(b"+")
        until(lambda: last(stage)["alpha"] == [0.05] * 3)
        terminal.type(b"q")
        until(lambda: terminal.shows_keys)
        terminal.type(b"echo ended with $?\n")
        terminal.until("ended with 0")


SCRIPT = """
import os, sys
from stylefader.realtime.controls.keyboard.terminal_keys import open_terminal_keys
keys = open_terminal_keys()
assert keys is not None
{}
"""


@pytest.mark.parametrize(
    ("body", "code"), [("raise ZeroDivisionError", 1), ("sys.exit(3)", 3), ("os.kill(os.getpid(), 3)", -3)]
)
def test_a_program_that_forgets_the_terminal_leaves_it_in_order(tmp_path: Path, body: str, code: int) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    text = SCRIPT.format(f"print('set', flush=True)\nsys.stdin.buffer.raw.read(1)\n{body}")
    with Terminal([sys.executable, "-c", text], cwd=tmp_path, env=env) as terminal:
        terminal.until("set")
        assert not terminal.shows_keys
        terminal.type(b"x")
        assert terminal.run.wait(WAIT_S) == code
        assert terminal.state() == terminal.before


def test_stopping_leaves_the_terminal_in_order(tmp_path: Path) -> None:
    """By a parent that, unlike a shell, sees to nothing itself."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    plays = SCRIPT.format("import time\nprint('set', flush=True)\nwhile keys.poll() != ['q']: time.sleep(0.01)")
    front = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
        f"run = subprocess.Popen([sys.executable, '-c', {plays!r}], process_group=0)\n"
        "os.tcsetpgrp(0, run.pid)\n"
        "assert os.WIFSTOPPED(os.waitpid(run.pid, os.WUNTRACED)[1])\n"
        "print('stopped', flush=True)\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
        "os.kill(run.pid, signal.SIGCONT)\n"
        "print('ended', os.waitpid(run.pid, 0)[1], flush=True)"
    )
    with Terminal([sys.executable, "-c", front], cwd=tmp_path, env=env) as terminal:
        until(lambda: not terminal.shows_keys)
        terminal.type(b"\x1a")
        terminal.until("stopped")
        assert terminal.state() == terminal.before
        (tmp_path / "go").touch()
        until(lambda: not terminal.shows_keys)
        terminal.type(b"q")
        terminal.until("ended 0")
        assert terminal.state() == terminal.before


def test_in_the_background_it_neither_reads_nor_stops(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    back = SCRIPT.format("assert keys.poll() == []\nkeys.restore()\nprint('went on', flush=True)")
    front = (
        "import subprocess, sys\n"
        f"run = subprocess.Popen([sys.executable, '-c', {back!r}], process_group=0)\n"
        "print('ended', run.wait(), flush=True)"
    )
    with Terminal([sys.executable, "-c", front], cwd=tmp_path, env=env) as terminal:
        terminal.type(b"q")
        terminal.until("went on")
        terminal.until("ended 0")
        assert terminal.state() == terminal.before


def test_without_a_terminal_there_are_no_keys(tmp_path: Path) -> None:
    code = (
        "from stylefader.realtime.controls.keyboard.terminal_keys import open_terminal_keys; "
        "print(open_terminal_keys())"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, input="q", env=env, capture_output=True, text=True, timeout=WAIT_S, check=True)
    assert done.stdout == "None\n"
    closed = ["sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, code]
    done = subprocess.run(closed, env=env, capture_output=True, text=True, timeout=WAIT_S, check=True)
    assert done.stdout == "None\n"


def test_keys_of_a_mapping_file_also_after_an_edit(stage: Path) -> None:
    (stage / "keys.toml").write_text('[keys]\n"alpha1 up" = "w"\n')
    with in_terminal(stage, "--map", "keys.toml") as terminal:
        terminal.type(b"we")
        until(lambda: last(stage)["alpha"] == [0, 0.05, 0])
        (stage / "keys.toml").write_text('[keys]\n"alpha1 up" = "w"\nquit = "w"\n')
        terminal.until("keys.toml, line 3: 'w' is already the key of 'alpha1 up'")
        (stage / "keys.toml").write_text('[keys]\nquit = "é"\n')
        terminal.until("keys.toml: 0 mappings, keys of 1 actions")
        terminal.type("qé".encode())
        assert terminal.run.wait(WAIT_S) == 0


def test_a_control_is_learned_while_it_plays(stage: Path, nano: Controller) -> None:
    (stage / "controls.toml").unlink(missing_ok=True)
    with in_terminal(stage) as terminal:
        terminal.type(b"l")
        terminal.until("MIDI: nano:knobs")
        terminal.type(b"2")
        terminal.until("learning alpha2: move a control")
        nano.play(*([0xB0, 70, raw] for raw in range(0, 128, 5)), [0xB0, 71, 3])
        terminal.until("controls.toml: alpha2 is cc 70 channel 1 of nano:knobs")

        def played() -> bool:
            nano.play([0xB0, 70, 0], [0xB0, 70, 127])  # again and again, since JACK may lose some
            return last(stage)["alpha"] == [0, 0, 1]

        until(played)
        terminal.type(b"q")
        assert terminal.run.wait(WAIT_S) == 0
    (entry,) = read_mapping(stage / "controls.toml").maps
    assert (entry.target, entry.port, entry.number) == ("alpha2", "nano:knobs", 70)
