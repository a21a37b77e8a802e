"""MIDI ports: those whose names fit, as many as there are, whenever they are plugged in.

The MIDI system's own threads only leave messages in a queue; one thread of ours decodes them, hands events on, and
once a second sees which ports came and went. A controller that floods loses its oldest messages, never the last.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from realtime.controls.decoder import WAIT_NS, Decoder
from realtime.controls.events import ControlEvent
from training.errors import ControlError

CLIENT = "stylefader"
_SCAN_S = 0.5
_BOUND = 4096
_HOW = (
    "on Linux: sudo modprobe snd-seq, or start JACK (jackd2, for tests without sound: jackd -d dummy); "
    "macOS and Windows have one built in"
)


def midi_apis() -> list[tuple[str, int]]:
    """The kinds of MIDI system that can be asked for, by name and rtmidi's number. Raises ControlError."""
    try:
        import rtmidi
    except ImportError as error:
        raise ControlError("MIDI needs python-rtmidi: pip install python-rtmidi") from error
    return [(rtmidi.get_api_name(api), api) for api in rtmidi.get_compiled_api()]


def _system() -> tuple[Any, Any, int]:
    """A client that lists inputs, one that lists outputs, and the system they are of: the first that answers."""
    import rtmidi

    reasons = []
    for name, api in midi_apis():
        try:
            return rtmidi.MidiIn(api, CLIENT), rtmidi.MidiOut(api, CLIENT), api
        except (OSError, RuntimeError, SystemError) as error:  # rtmidi's SystemError is an OSError
            reasons.append(f"{name}: {error}")
    raise ControlError(f"there is no MIDI system here ({'; '.join(reasons) or 'none is compiled in'}): {_HOW}")


def port_names() -> tuple[list[str], list[str]]:
    """Names of inputs and of outputs. Raises ControlError where there is no MIDI system."""
    inputs, outputs, _ = _system()
    try:
        return _names(inputs), _names(outputs)
    finally:
        inputs.delete()
        outputs.delete()


def _names(client: Any) -> list[str]:
    """All ports but our own; two of one name have a number after it."""
    names: list[str] = []
    for name in client.get_ports():
        if not name.startswith(f"{CLIENT}:"):
            again = sum(1 for other in names if other == name or other.startswith(f"{name} #"))
            names.append(f"{name} #{again + 1}" if again else name)
    return names


class MidiPorts:
    """Opens every input with one of `inputs` in its name (all where there are none), outputs likewise (none).

    receive: told every event, from this object's thread. Made, running after `start`, over after `close`.
    """

    def __init__(
        self,
        receive: Callable[[ControlEvent], None],
        *,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._receive, self._say, self._now_ns = receive, say, now_ns
        self._wanted, self._wanted_outputs = tuple(inputs), tuple(outputs)
        self._in, self._out, self._api = _system()
        self._queue: deque[tuple[Decoder, Sequence[int], int]] = deque(maxlen=_BOUND)
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._open: dict[str, tuple[Any, Decoder]] = {}
        self._lock = threading.Lock()  # over the outputs
        self._outputs: dict[str, Any] = {}
        self._refused: set[str] = set()
        self.outputs_opened = 0
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="controls-midi", daemon=True)

    @property
    def playing(self) -> list[str]:
        """Names of the inputs that are open."""
        return list(self._open)

    def start(self) -> None:
        """Open what is there, and begin to listen."""
        self._scan()
        missing = [part for part in self._wanted if not any(_fits(name, (part,)) for name in self._open)]
        if missing or not self._open:
            there = ", ".join(_names(self._in)) or "none"
            self._say(f"MIDI: waiting for {', '.join(map(repr, missing)) or 'a port'}; ports: {there}")
        self._thread.start()

    def want(self, *, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Other ports from now on."""
        self._wanted, self._wanted_outputs = tuple(inputs), tuple(outputs)

    def send(self, part: str, message: Sequence[int]) -> None:
        """Send to every open output with that part in its name."""
        with self._lock:
            for name, port in self._outputs.items():
                if _fits(name, (part,)):
                    try:
                        port.send_message(message)
                    except (OSError, RuntimeError, ValueError) as error:
                        self._once(f"MIDI: cannot send to {name}: {error}")

    def close(self) -> None:
        """Close all ports; harmless twice."""
        self._stop.set()
        self._ready.set()
        if self._thread.ident is not None:
            self._thread.join(2)
        for name in list(self._open):
            self._close_input(name)
        with self._lock:
            for port in self._outputs.values():
                _delete(port)
            self._outputs.clear()
            if self._in is not None:
                self._in.delete()
                self._out.delete()
                self._in = None

    def _run(self) -> None:
        try:
            scanned = self._now_ns()
            while not self._stop.is_set():
                waits = any(decoder.waits for _, decoder in list(self._open.values()))
                self._ready.wait(WAIT_NS / 1e9 if waits else _SCAN_S)
                self._ready.clear()
                self._empty()
                if self._now_ns() - scanned >= _SCAN_S * 1e9:
                    self._scan()
                    scanned = self._now_ns()
        except BaseException as error:
            self.error = error

    def _empty(self) -> None:
        """Hand everything on that came, and what waited long enough."""
        while self._queue:
            decoder, message, at_ns = self._queue.popleft()
            for event in decoder.feed(message, at_ns):
                self._receive(event)
        for _, decoder in self._open.values():
            for event in decoder.due(self._now_ns()):
                self._receive(event)

    def _scan(self) -> None:
        """Close what has gone, open what has come."""
        names = _names(self._in)
        for name in [name for name in self._open if name not in names or not _fits(name, self._wanted or ("",))]:
            self._close_input(name)
            self._say(f"MIDI: {name} has gone" if name not in names else f"MIDI: {name} is not mapped any more")
        for name in names:
            if name not in self._open and _fits(name, self._wanted or ("",)):
                self._open_input(name)
        there = _names(self._out)
        with self._lock:
            for name in [name for name in self._outputs if name not in there]:
                _delete(self._outputs.pop(name))
            for name in there:
                if name not in self._outputs and _fits(name, self._wanted_outputs):
                    self._open_output(name)

    def _open_input(self, name: str) -> None:
        import rtmidi

        decoder = Decoder(name)

        def came(event: tuple[Sequence[int], float], _: object) -> None:
            self._queue.append((decoder, event[0], self._now_ns()))
            self._ready.set()

        port = None
        try:
            port = rtmidi.MidiIn(self._api, CLIENT)
            port.set_callback(came)
            port.open_port(_names_index(port, name), "in")
        except (OSError, RuntimeError, ValueError, TypeError) as error:  # in use, or gone again
            _delete(port)
            self._once(f"MIDI: cannot open {name}: {error}; tried again")
            return
        self._open[name] = (port, decoder)
        self._refused.clear()
        self._say(f"MIDI: {name}")

    def _open_output(self, name: str) -> None:
        import rtmidi

        port = None
        try:
            port = rtmidi.MidiOut(self._api, CLIENT)
            port.open_port(_names_index(port, name), "out")
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            _delete(port)
            self._once(f"MIDI: cannot open the output {name}: {error}; tried again")
            return
        self._outputs[name] = port
        self.outputs_opened += 1

    def _close_input(self, name: str) -> None:
        port, _ = self._open.pop(name)
        port.cancel_callback()
        _delete(port)

    def _once(self, words: str) -> None:
        if words not in self._refused:
            self._refused.add(words)
            self._say(words)


def _names_index(client: Any, name: str) -> int:
    """The number that a client knows a port by. Raises ValueError where it is not there."""
    ours = [place for place, other in enumerate(client.get_ports()) if not other.startswith(f"{CLIENT}:")]
    return ours[_names(client).index(name)]


def _fits(name: str, parts: Sequence[str]) -> bool:
    return any(part.lower() in name.lower() for part in parts)


def _delete(port: Any) -> None:
    if port is not None:
        port.close_port()
        port.delete()
