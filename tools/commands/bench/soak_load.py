"""What a long session is loaded with from outside: MIDI messages from another program, and a receiver of its stream."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading

from stylefader.realtime.controls.osc.packet import message_bytes

KNOB = "soak-knob"
_TS_PACKET, _SYNC = 188, 0x47
_WAIT_S = 20
_PLAYER = f"""
import json, sys, threading, time, rtmidi
api, rate = int(sys.argv[1]), float(sys.argv[2])
port = rtmidi.MidiOut(api, {KNOB!r})
port.open_virtual_port("out")
print("there", flush=True)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
began, sent = time.monotonic(), 0
while not over.is_set():
    place = sent % 400
    raw = round((place if place < 200 else 400 - place) * 16383 / 200)
    port.send_message([0xE0, raw & 0x7F, raw >> 7])
    sent += 1
    over.wait(max(0.0, began + sent / rate - time.monotonic()))
print(json.dumps({{"sent": sent, "seconds": time.monotonic() - began}}), flush=True)
"""
MAPPING = f"""\
[[map]]
port = "{KNOB}"
kind = "pitchbend"
target = "alpha"
pickup = false
"""
"""For the session: the knob moves all blocks."""


class Player:
    """A program with one MIDI output that sweeps up and down; sent, seconds: known after `close`."""

    def __init__(self, rate: float) -> None:
        from stylefader.realtime.controls.midi.system import open_system

        inputs, outputs, api = open_system()
        inputs.delete()
        outputs.delete()
        self.sent, self.seconds = 0, 0.0
        line = [sys.executable, "-P", "-c", _PLAYER, str(api), str(rate)]
        self._run = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._run.stdout is not None
        self._run.stdout.readline()  # a program that cannot do it ends, which ends this as well

    @property
    def plays(self) -> bool:
        """Whether the program still runs."""
        return self._run.poll() is None

    def close(self) -> None:
        """Let it end, and learn what it has sent; harmless twice."""
        if self._run.stdin is None or self._run.stdin.closed:
            return
        try:
            out, _ = self._run.communicate(timeout=_WAIT_S)
            if out.strip():
                told = json.loads(out)
                self.sent, self.seconds = told["sent"], told["seconds"]
        except (subprocess.TimeoutExpired, ValueError):
            pass  # what it sent is not known, so it counts as nothing
        finally:
            self._run.kill()
            self._run.wait(_WAIT_S)


class Receiver:
    """Takes a stream of MPEG-TS over UDP on this machine. packets: how many came; bad: those without a sync byte."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.address = "udp://{}:{}".format(*self._socket.getsockname()[:2])
        self.packets = self.bad = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._take, name="soak-receiver", daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while not self._stop.is_set():
            try:
                data = self._socket.recv(65536)
            except OSError:  # nothing came for a while, or it is being closed
                continue
            self.packets += len(data) // _TS_PACKET
            self.bad += sum(byte != _SYNC for byte in data[::_TS_PACKET])

    def close(self) -> None:
        """End the thread and close the socket."""
        self._stop.set()
        self._thread.join(2)
        self._socket.close()


def free_udp_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class StyleSender:
    """Asks a session for styles by OSC, one after the other."""

    def __init__(self, port: int, styles: list[str]) -> None:
        self._socket, self._to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", port)
        self._styles = styles
        self.asked: list[str] = []

    def next(self) -> str:
        """Ask for the next style; its name."""
        style = self._styles[(len(self.asked) + 1) % len(self._styles)]
        self._socket.sendto(message_bytes("/stylefader/style", style), self._to)
        self.asked.append(style)
        return style

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
