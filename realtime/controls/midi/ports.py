"""MIDI ports: opens all whose names fit, whenever they are plugged in.

Messages are decoded and routed in the MIDI library's thread (`MidiInput`). One thread of ours sees twice a second which
ports came and went, and whether the MIDI system itself or the library's process did (`connection.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mido import Message
from mido.ports import BaseOutput

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.midi.backend import BACKEND, NOT_OPENED, Input
from stylefader.realtime.controls.midi.connection import Connection
from stylefader.realtime.controls.midi.decoder import WAIT_NS
from stylefader.realtime.controls.midi.midi_input import MOST_A_SECOND, MidiInput, TakesTime
from stylefader.realtime.controls.midi.midi_link import ProcessGone
from stylefader.realtime.controls.midi.outputs import MidiOutputs
from stylefader.realtime.controls.midi.port_names import Numbering, fits, opens
from stylefader.realtime.controls.midi.system import midi_apis, names
from stylefader.training.errors import ControlError

_MOST_SAID = 100
_MOST_INPUTS = 64
_SCAN_S = 0.5
_FLUSH_S = WAIT_NS / 2e9
_ENDS_S, _LOOKS = 0.005, 10
_CLOSE_S = 2


@dataclass(frozen=True)
class _Input:
    """An open input, and what makes events of its messages."""

    port: Input
    decoded: MidiInput


class MidiPorts:
    """Opens every input with one of `inputs` in its name (all where there are none), outputs likewise (none).

    Never our own ports, and those of other stylefaders only where a part names them: else two of them would listen to
    each other, and each to itself. `answer` opens the output of a device that an input is of.

    receive: told every event, from the MIDI system's threads and this object's. gone: told the name of an input that is
    not heard any more, from this object's. clock: told the ticks of MIDI clocks. patient: without a MIDI system wait
    for one, and do not raise ControlError. Made, running after `start`, over after `close`.
    """

    def __init__(
        self,
        receive: Callable[[ControlEvent], None],
        *,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        gone: Callable[[str], None] = lambda name: None,
        clock: TakesTime | None = None,
        patient: bool = False,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._receive, self._gone, self._clock, self._say, self._now_ns = receive, gone, clock, say, now_ns
        self._wanted, self._wanted_outputs = tuple(inputs), tuple(outputs)
        self._ready, self._stop = threading.Event(), threading.Event()
        self._begun = False  # whether the ports were looked at once
        self._sleeps = True  # this object's thread, so that it must be woken to flush
        self._open: dict[str, _Input] = {}
        self._numbering = Numbering()
        self._outputs = MidiOutputs(self._new_output, self._once)
        self._said_lock = threading.Lock()
        self._refused: set[str] = set()
        self._connection = Connection(self._look_soon, now_ns)
        self._lost = False  # the library's process has ended, which nobody has looked at yet
        self.error: BaseException | None = None
        self.why_not: str | None = None  # why there is no MIDI system
        midi_apis()  # without rtmidi there is nothing to wait for
        if not patient:
            self._connection.open()
        self._thread = threading.Thread(target=self._run, name="controls-midi", daemon=True)

    @property
    def playing(self) -> list[str]:
        """Names of the inputs that are open."""
        return list(self._open)

    @property
    def outputs_opened(self) -> int:
        """How many outputs were opened so far, and have had time to begin."""
        return self._outputs.opened

    def start(self, *, wait: bool = True) -> None:
        """Open what is there, and begin to listen. wait: return when that is done, else at once."""
        if wait:
            self._begin()
        self._begun = wait
        self._thread.start()

    def _begin(self) -> None:
        try:
            if not self._connection.is_open:
                self._connection.open()
            self._scan()
            self._say_what_is_missing()
        except (ProcessGone, OSError):  # the library's own error comes as OSError: the next look tries again
            self._look_soon()
        except ControlError as error:
            self.why_not = str(error)
            self._say(f"without MIDI: {error}")

    def want(self, *, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Other ports from now on."""
        self._wanted, self._wanted_outputs = tuple(inputs), tuple(outputs)

    def send(self, part: str, message: Message) -> None:
        """Send to every open output with that part in its name."""
        self._outputs.send(part, message)

    def answer(self, port: str, message: Message) -> None:
        """Send to the device of that input alone. Its output is opened first, soon; until then nothing is sent."""
        self._outputs.answer(port, message)

    def close(self) -> None:
        """Close all ports; harmless twice."""
        self._stop.set()
        self._ready.set()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_S)
        if self._thread.is_alive():  # the MIDI system does not answer: what it is at must not be closed
            for entry in list(self._open.values()):
                entry.decoded.close()
            self._connection.abort()
            return
        self._disconnect()

    def _run(self) -> None:
        try:
            if not self._begun:
                self._begin()
            scanned = self._now_ns()
            while not self._stop.is_set():
                busy = any(entry.decoded.busy for entry in list(self._open.values()))
                # Set before the inputs are looked at: what comes in between wakes us at once.
                self._sleeps = not busy
                if self._sleeps and any(entry.decoded.busy for entry in list(self._open.values())):
                    self._sleeps = False
                self._ready.wait(_SCAN_S if self._sleeps else _FLUSH_S)
                self._ready.clear()
                for entry in list(self._open.values()):
                    entry.decoded.flush()
                if self._lost or self._now_ns() - scanned >= _SCAN_S * 1e9:
                    self._lost = False
                    self._say_who_floods()
                    self._look()
                    scanned = self._now_ns()
        except BaseException as error:
            self.error = error

    def _wake(self) -> None:
        if self._sleeps:
            self._sleeps = False
            self._ready.set()

    def _look_soon(self) -> None:
        self._lost = True
        self._ready.set()

    def _fail(self, error: BaseException) -> None:
        """Report what a message raised; the next one is handled as usual."""
        self._once(f"MIDI: {type(error).__name__}: {error}")

    # -- the MIDI system --------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Check the MIDI system, then its ports."""
        if self._connection.is_open:
            self._check()
        if not self._connection.is_open:
            if not self._connection.worth_opening():
                return
            restarts = self._connection.restarts
            try:
                self._connection.open()
            except ControlError:
                return
            self.why_not = None
            if not restarts:
                self._say("MIDI: there is a MIDI system now")
        try:
            self._scan()
        except (ProcessGone, OSError):  # the library's own error comes as OSError: the next look tries again
            self._check()

    def _check(self) -> None:
        """Let everything go where the system, or the library's process, has gone."""
        why = self._connection.lost()
        if why is not None:
            self._disconnect()
            self.why_not = why.partition(";")[0]
            self._say(f"MIDI: {why}")

    def _disconnect(self) -> None:
        """Close everything, in the order that is safe while messages come."""
        entries, self._open = list(self._open.values()), {}
        self._end(entries)
        self._outputs.close()
        self._connection.close()

    def _end(self, entries: Sequence[_Input]) -> None:
        """Close inputs.

        rtmidi waits for its thread, or cancels it, while it holds Python's lock: a callback that just then wants the
        lock would stop the whole program. So callbacks are called off first, and given time to end without us.
        """
        stands = self._connection.lost() is None
        for entry in entries:
            entry.decoded.close()
            if stands:
                entry.port.call_off()
        for _ in range(_LOOKS if entries and stands else 0):
            time.sleep(_ENDS_S)
            for entry in entries:
                entry.port.drain()
        for entry in entries:
            entry.port.close()
            if not self._stop.is_set():  # at the end of a session everything stays as it stands
                self._gone(entry.decoded.name)

    # -- ports ------------------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        """Close ports that are gone, open new ones."""
        there = names(self._connection.inputs, self._numbering)
        wanted = self._wanted or ("",)
        gone = [name for name in self._open if name not in there or not opens(name, wanted)]
        if gone:
            self._end([self._open.pop(name) for name in gone])
        for name in gone:
            self._say(f"MIDI: {name} has gone" if name not in there else f"MIDI: {name} is not mapped any more")
        for name in there:
            if name in self._open or not opens(name, wanted):
                continue
            if len(self._open) >= _MOST_INPUTS:
                self._once(f"MIDI: {_MOST_INPUTS} inputs are open; name those to hear, by port or --midi")
                break
            self._open_input(name)
        self._outputs.scan(self._connection.outputs, self._wanted_outputs, self._open)

    def _open_input(self, name: str) -> None:
        decoded = MidiInput(
            name, self._receive, clock=self._clock, now_ns=self._now_ns, wake=self._wake, failed=self._fail
        )  # fmt: skip
        try:
            port = BACKEND.open_input(
                name, callback=decoded.take, library=self._connection.library, api=self._connection.api,
                numbering=self._numbering, free=self._connection.free, timing=self._clock is not None,
            )  # fmt: skip
        except NOT_OPENED as error:  # in use, or gone again
            self._once(f"MIDI: cannot open {name}: {error}; tried again")
            return
        self._open[name] = _Input(port, decoded)
        with self._said_lock:
            self._refused = {words for words in self._refused if name not in words}
        self._say(f"MIDI: {name}")

    def _new_output(self, name: str, numbering: Numbering) -> BaseOutput | None:
        """An open output, None if it cannot be opened. May take long; `send` does not wait for it."""
        try:
            return BACKEND.open_output(
                name, library=self._connection.library, api=self._connection.api, numbering=numbering,
                free=self._connection.free,
            )  # fmt: skip
        except NOT_OPENED as error:
            self._once(f"MIDI: cannot open the output {name}: {error}; tried again")
            return None

    def _say_what_is_missing(self) -> None:
        missing = [part for part in self._wanted if not any(fits(name, part) for name in self._open)]
        if missing or not self._open:
            there = ", ".join(names(self._connection.inputs, self._numbering)) or "none"
            self._say(f"MIDI: waiting for {', '.join(map(repr, missing)) or 'a port'}; ports: {there}")

    def _say_who_floods(self) -> None:
        for name, entry in self._open.items():
            if entry.decoded.coalesced:
                self._once(
                    f"MIDI: {name} sends more than {MOST_A_SECOND} messages a second: "
                    "of each of its controls only the newest counts"
                )

    def _once(self, words: str) -> None:
        with self._said_lock:
            if words in self._refused or len(self._refused) >= _MOST_SAID:
                return
            self._refused.add(words)
        self._say(words)
