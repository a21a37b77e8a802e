"""A JACK server without sound hardware, and a controller in a process of its own that plays into it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_WAIT_S = 10
_CONTROLLER = """
import json, sys, time, rtmidi
api = rtmidi.API_UNIX_JACK
out = rtmidi.MidiOut(api, sys.argv[1]); out.open_virtual_port("knobs")
back = rtmidi.MidiIn(api, sys.argv[1]); back.open_virtual_port("lights")
got = []
back.set_callback(lambda event, _: got.append(event[0]))
print("there", flush=True)
for line in sys.stdin:
    for message in json.loads(line):
        out.send_message(message)
        time.sleep(0.001)  # rtmidi loses what it is given faster than JACK takes it
    time.sleep(0.05)
    print(json.dumps(got), flush=True)
"""


@contextmanager
def jack_server() -> Iterator[None]:
    """A server of its own; the test is skipped where there can be none."""
    if shutil.which("jackd") is None:
        pytest.skip("there is no jackd on this system (Debian: jackd2)")
    rtmidi = pytest.importorskip("rtmidi")
    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
        pytest.skip("this python-rtmidi was built without JACK")
    name = "stylefader-tests"  # always the same: JACK has room for eight names until the machine starts again
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", name)
        patch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
        line = ["jackd", "--no-realtime", "-n", name, "-d", "dummy", "-p", "128"]
        with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                for _ in range(_WAIT_S * 20):
                    try:
                        rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "probe").delete()
                        break
                    except OSError:
                        if server.poll() is not None:
                            pytest.skip("jackd does not run here")
                        try:
                            server.wait(0.05)
                        except subprocess.TimeoutExpired:
                            continue
                yield
            finally:
                server.terminate()


class Controller:
    """A program with a MIDI output `knobs` and an input `lights`, until it is closed."""

    def __init__(self, name: str) -> None:
        self._run = subprocess.Popen(
            [sys.executable, "-c", _CONTROLLER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._run.stdout is not None and self._run.stdout.readline() == "there\n"

    def play(self, *messages: list[int]) -> list[list[int]]:
        """Send messages; what has come back so far."""
        assert self._run.stdin is not None and self._run.stdout is not None
        self._run.stdin.write(json.dumps(messages) + "\n")
        self._run.stdin.flush()
        return json.loads(self._run.stdout.readline())

    def close(self) -> None:
        """Go away at once, as an unplugged controller does."""
        self._run.kill()
        self._run.wait(_WAIT_S)
        for pipe in (self._run.stdin, self._run.stdout):
            assert pipe is not None
            pipe.close()
