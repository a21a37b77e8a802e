"""A MIDI system for measurements: the one that is there, or a JACK server without sound for so long."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TRIES, _TRY_S = 100, 0.1
_END_S = 5


@contextmanager
def midi_system(name: str = "stylefader-bench") -> Iterator[str]:
    """Gives what it is, in words. name: of a server that has to be started. Raises ControlError where there is none."""
    from stylefader.realtime.controls.midi.system import port_names
    from stylefader.training.errors import ControlError

    try:
        port_names()
    except ControlError:
        if shutil.which("jackd") is None:
            raise
    else:
        yield "the MIDI system of this machine"
        return
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_AUDIO_RESERVATION")}
    os.environ |= {"JACK_DEFAULT_SERVER": name, "JACK_NO_AUDIO_RESERVATION": "1"}
    # -S: a client that is late gets its events late. Else the server goes on without it, and writes new events into the
    # buffer that the client still reads.
    line = ["jackd", "-S", "--no-realtime", "-n", name, "-d", "dummy", "-p", "128"]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(_TRIES):
                time.sleep(_TRY_S)
                try:
                    port_names()
                    break
                except ControlError:
                    continue
            else:
                raise ControlError("jackd was started, and does not answer", failure=True)
            yield "a JACK server without sound"
        finally:
            server.terminate()
            try:
                server.wait(_END_S)
            except subprocess.TimeoutExpired:  # jackd waits for clients that do not answer
                server.kill()
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value
