"""The process of a session's MIDI library: rtmidi is called here, so that its crash ends this process alone.

Stands behind `midi_link.py`. Seen: RtMidi's JACK callback copied an event out of a buffer that the server was already
filling again, and died there (SIGSEGV). A process can be started again.

Arguments: none. Standard input: calls (`wire.py`), one a line; this process ends when it does. Standard output: frames.
Standard error: the traceback of a crash.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from stylefader.realtime.controls.midi.system import drain, keep_callback, quiet
from stylefader.realtime.controls.midi.wire import LONGEST, Answer, Call, frame

_PR_SET_PDEATHSIG = 1
_SYSEX = 0xF0


class Clients:
    """rtmidi's clients by number. `call` may be used by two threads at once.

    write: takes the bytes of a frame.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        import rtmidi

        self._rtmidi, self._write = rtmidi, write
        self._clients: dict[int, Any] = {}
        self._held: dict[int, object] = {}

    def call(self, call: Call) -> None:
        """Do it, and write the answer."""
        value, error = None, None
        try:
            value = self._do(call)
        except Exception as failure:  # rtmidi's own are of many kinds
            error = f"{failure}" or type(failure).__name__
        if call.number or error is not None:
            answer = Answer(call.number, call.client, value, error)
            self._write(frame(0, time.monotonic_ns(), 0.0, json.dumps(answer).encode()))

    def _do(self, call: Call) -> Any:
        if call.method in ("MidiIn", "MidiOut"):
            self._clients[call.client] = getattr(self._rtmidi, call.method)(*call.words)
            return None
        client = self._clients[call.client]
        if call.method == "set_callback":
            self._held[call.client] = keep_callback(client, self._taker(call.client))
            return None
        if call.method == "drain":
            drain(client)
            return None
        if call.method == "delete":
            del self._clients[call.client]
        value = getattr(client, call.method)(*call.words)
        return value if call.method == "get_ports" else None

    def _taker(self, number: int) -> Callable[[tuple[list[int], float], object], None]:
        def came(event: tuple[list[int], float], _: object) -> None:
            data, passed_s = event
            if 0 < len(data) <= LONGEST and data[0] != _SYSEX:
                self._write(frame(number, time.monotonic_ns(), passed_s, bytes(data)))

        return came


def main() -> None:
    """Do what comes on standard input until it ends."""
    for name in ("SIGINT", "SIGHUP"):  # Ctrl-C is for the session, which then ends this one
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if sys.platform == "linux":  # where this process hangs when its input ends; else it would stay
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    faulthandler.enable()
    told = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no frame
    quiet()
    lock = threading.Lock()

    def write(data: bytes) -> None:
        with lock:
            view = memoryview(data)
            while view:
                view = view[os.write(told, view) :]

    clients, slow = Clients(write), queue.SimpleQueue[Call]()

    def work() -> None:
        while True:
            clients.call(slow.get())

    # Opening may take long: what is sent to other ports does not wait for it.
    threading.Thread(target=work, name="midi-calls", daemon=True).start()
    for text in sys.stdin.buffer:
        call = Call(*json.loads(text))
        if call.method == "send_message":
            clients.call(call)
        else:
            slow.put(call)
    os._exit(0)  # rtmidi's own end may wait for its threads


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the session has gone
        os._exit(0)
