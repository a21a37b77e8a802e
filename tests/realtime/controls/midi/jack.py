"""A JACK server without sound hardware, and a controller in a process of its own that plays into it."""

from __future__ import annotations

import ctypes
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_WAIT_S = 10
_MOST_RUNS = 4
_PR_SET_PDEATHSIG = 1
_PROBE = "import rtmidi; rtmidi.MidiIn(rtmidi.API_UNIX_JACK, 'probe').delete()"
_CONTROLLER = """
import json, random, sys, time, rtmidi
api = rtmidi.API_UNIX_JACK
out = rtmidi.MidiOut(api, sys.argv[1]); out.open_virtual_port("knobs")
back = rtmidi.MidiIn(api, sys.argv[1]); back.open_virtual_port("lights")
got = []
back.set_callback(lambda event, _: got.append(event[0]))
print("there", flush=True)
for line in sys.stdin:
    messages, pause_s, clock = json.loads(line)
    if clock is not None:
        bpm, ticks, jitter_s = clock
        chance, began = random.Random(1), time.monotonic()
        for number in range(ticks):
            time.sleep(max(0, began + number * 2.5 / bpm + chance.uniform(0, jitter_s) - time.monotonic()))
            out.send_message([0xF8])
    for message in messages:
        out.send_message(message)
        time.sleep(pause_s)
    time.sleep(50 * pause_s)
    print(json.dumps(got), flush=True)
"""


class JackServer:
    """`jackd` with its driver that has no hardware."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._run: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until it answers."""
        import rtmidi

        # Not synchronous (-S): such a server waits for clients that are killed, and takes 5 s longer to end.
        line = ["jackd", "--no-realtime", "-n", self._name, "-d", "dummy", "-p", "128"]
        self._run = subprocess.Popen(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_end_with_parent
        )
        for _ in range(_WAIT_S * 20):
            try:
                # Asked in a process of its own: libjack closes the clients of a server that has gone at the next one.
                subprocess.run([sys.executable, "-c", _PROBE], stderr=subprocess.DEVNULL, check=True)
                return
            except subprocess.CalledProcessError:
                if self._run.poll() is not None:
                    pytest.skip("jackd does not run here")
        raise AssertionError(f"jackd never answered; rtmidi has {rtmidi.get_compiled_api()}")

    def kill(self) -> None:
        """End it at once, as a crash does."""
        assert self._run is not None
        self._run.kill()
        self._run.wait(_WAIT_S)

    def stop(self) -> None:
        """End it in good order, which gives its name back."""
        if self._run is not None:
            self._run.terminate()
            try:
                self._run.wait(_WAIT_S)
            except subprocess.TimeoutExpired:  # jackd waits for clients that do not answer
                self.kill()


def _end_with_parent() -> None:
    """A test run that breaks leaves no server behind, whose name would not be free."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def jack_server() -> Iterator[JackServer]:
    """A server of its own; the test is skipped where there can be none."""
    if shutil.which("jackd") is None:
        pytest.skip("there is no jackd on this system (Debian: jackd2)")
    rtmidi = pytest.importorskip("rtmidi")
    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
        pytest.skip("this python-rtmidi was built without JACK")
    with pytest.MonkeyPatch.context() as patch, _free_name() as name:
        patch.setenv("JACK_DEFAULT_SERVER", name)
        patch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
        server = JackServer(name)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def _free_name() -> Iterator[str]:
    """A name that no other test run has. JACK has room for eight until the machine starts again, so there are few."""
    import fcntl

    for number in range(_MOST_RUNS * _WAIT_S * 20):
        name = f"stylefader-tests-{number % _MOST_RUNS}"
        with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05 if number % _MOST_RUNS == _MOST_RUNS - 1 else 0)
                continue
            yield name
            return
    pytest.skip(f"{_MOST_RUNS} test runs have a JACK server already")


class Controller:
    """A program with a MIDI output `knobs` and an input `lights`, until it is closed."""

    def __init__(self, name: str) -> None:
        self._run = subprocess.Popen(
            [sys.executable, "-c", _CONTROLLER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._run.stdout is not None and self._run.stdout.readline() == "there\n"

    def play(self, *messages: list[int], pause_s: float = 0.001) -> list[list[int]]:
        """Send messages; what has come back so far. rtmidi loses what it is given faster than JACK takes it."""
        return self._ask(messages, pause_s, None)

    def tick(self, *, bpm: float, ticks: int, jitter_s: float) -> None:
        """Send timing clock messages, 24 a quarter note, each late by up to that."""
        self._ask((), 0, [bpm, ticks, jitter_s])

    def _ask(self, *words: object) -> list[list[int]]:
        assert self._run.stdin is not None and self._run.stdout is not None
        self._run.stdin.write(json.dumps(words) + "\n")
        self._run.stdin.flush()
        return json.loads(self._run.stdout.readline())

    def close(self) -> None:
        """Go away at once, as an unplugged controller does."""
        self._run.kill()
        self._run.wait(_WAIT_S)
        for pipe in (self._run.stdin, self._run.stdout):
            assert pipe is not None
            pipe.close()
