"""Our end of `midi_process.py`: looks like rtmidi, and calls it in a process of its own.

A thread, `midi-process`, starts the process, hands on what comes from it, and takes its end. A message is handed on in
that thread, with the time at which the process had it.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from stylefader.engines.subprocesses import worker_command, worker_environment
from stylefader.realtime.controls.midi.wire import Answer, Call, Frame, Frames, line

_ANSWER_S = 20.0
"""A call that takes longer hangs: the process is ended."""
_END_S = 2.0
_READ = 1 << 16
_PIPE = 1 << 20
_MOST_TRACE = 4000
_F_SETPIPE_SZ = 1031
Take = Callable[[tuple[list[int], float], Any], None]


class ProcessGone(Exception):
    """The MIDI library's process has ended."""


class MidiLink:
    """A process with rtmidi in it, from the beginning on. `MidiIn` and `MidiOut` stand for rtmidi's.

    Calls raise ProcessGone when the process has ended. ended: None while it runs, then why it ended.
    on_end: told once when it has ended by itself, from the thread of this object. trace: what a crash left to read.
    """

    def __init__(self, on_end: Callable[[], None] = lambda: None) -> None:
        self.ended: str | None = None
        self.trace = ""
        self._on_end = on_end
        self._calls, self._clients = itertools.count(1), itertools.count(1)
        self._changed = threading.Condition()  # over `_answers`, and `ended` when it changes
        self._waits: set[int] = set()
        self._answers: dict[int, Answer] = {}
        self._takers: dict[int, Take] = {}
        self._failures: dict[int, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="midi-process", daemon=True)
        self._thread.start()
        self._begun.wait()

    @property
    def pid(self) -> int:
        """Number of the process; 0 where it could not be started."""
        return self._process.pid if self._process is not None else 0

    def MidiIn(self, api: int, name: str, most_queued: int = 1024) -> Client:  # noqa: N802  # rtmidi's name
        """A client that hears."""
        return Client(self, "MidiIn", api, name, most_queued)

    def MidiOut(self, api: int, name: str) -> Client:  # noqa: N802  # rtmidi's name
        """A client that sends."""
        return Client(self, "MidiOut", api, name)

    def drain(self, client: Client) -> None:
        """Throw away what an input has queued whose callback was called off."""
        client.drain()

    def close(self) -> None:
        """End the process; harmless twice. Clients that are left do nothing from here on."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
        if threading.current_thread() is not self._thread:
            self._thread.join(_END_S)

    # -- calls ------------------------------------------------------------------------------------------------------

    def new_client(self) -> int:
        """A number that no client had before."""
        return next(self._clients)

    def ask(self, client: int, method: str, *words: Any) -> Any:
        """Call a method over there, and give what it gives. Raises OSError for what it raises, and ProcessGone."""
        call = Call(next(self._calls), client, method, list(words))
        with self._changed:
            self._waits.add(call.number)
        try:
            self._write(line(call))
            assert self._process is not None
            with self._changed:
                if not self._changed.wait_for(lambda: call.number in self._answers or self.ended, _ANSWER_S):
                    self._process.kill()
                    raise ProcessGone(f"{method} was not answered in {_ANSWER_S:g} s")
                answer = self._answers.pop(call.number, None)
        finally:
            with self._changed:
                self._waits.discard(call.number)
        if answer is None:
            raise ProcessGone(self.ended)
        if answer.error is not None:
            raise OSError(answer.error)
        return answer.value

    def send(self, client: int, message: list[int]) -> None:
        """Send without waiting. Raises OSError for the failure of one before."""
        failure = self._failures.pop(client, None)
        if failure is not None:
            raise OSError(failure)
        with suppress(ProcessGone):  # which is said by whoever starts it again
            self._write(line(Call(0, client, "send_message", [message])))

    def take_by(self, client: int, take: Take | None) -> None:
        """Who gets the messages of a client from now on; None: nobody."""
        if take is None:
            self._takers.pop(client, None)
        else:
            self._takers[client] = take

    def _write(self, data: bytes) -> None:
        """Whole lines or nothing: the pipe never makes a session wait. Raises ProcessGone, OSError if it is full."""
        if self.ended is not None or self._process is None:
            raise ProcessGone(self.ended)
        assert self._process.stdin is not None and len(data) <= 4096
        try:
            os.write(self._process.stdin.fileno(), data)
        except BlockingIOError as error:
            raise OSError("the MIDI system does not take it") from error
        except (OSError, ValueError) as error:  # ended a moment ago
            raise ProcessGone("the process of the MIDI library has ended") from error

    # -- what comes -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        """All its life in one thread: Linux ends the process when the thread that started it does."""
        with tempfile.TemporaryFile() as errors:
            try:
                self._process = _start(errors)
            except OSError as error:
                self._end(f"cannot be started: {error}")
                self._begun.set()
                return
            self._begun.set()
            assert self._process.stdin is not None and self._process.stdout is not None
            frames, out = Frames(), self._process.stdout.fileno()
            while data := os.read(out, _READ):
                for each in frames.feed(data):
                    self._hand_on(each)
            code = self._process.wait()
            errors.seek(0)
            self.trace = errors.read(_MOST_TRACE).decode(errors="replace").strip()
            self._end(_words_of(code))
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    pipe.close()

    def _hand_on(self, each: Frame) -> None:
        if each.client:
            take = self._takers.get(each.client)
            if take is not None:
                take((list(each.data), each.passed_s), each.at_ns)
            return
        answer = Answer(*json.loads(each.data))
        if not answer.number:
            self._failures[answer.client] = answer.error or ""
            return
        with self._changed:
            if answer.number in self._waits:
                self._answers[answer.number] = answer
                self._changed.notify_all()

    def _end(self, why: str) -> None:
        with self._changed:
            self.ended = why
            self._changed.notify_all()
        if not self._closed:
            self._on_end()


class Client:
    """One client of rtmidi, over there. What only closes does nothing when the process has ended."""

    def __init__(self, link: MidiLink, kind: str, *words: Any) -> None:
        self._link, self._number = link, link.new_client()
        link.ask(self._number, kind, *words)

    def get_ports(self) -> list[str]:
        """Names of the system's ports."""
        return list(self._link.ask(self._number, "get_ports"))

    def open_port(self, number: int, name: str) -> None:
        """Connect to one of them. name: what our end is called."""
        self._link.ask(self._number, "open_port", number, name)

    def ignore_types(self, sysex: bool = True, timing: bool = True, active_sense: bool = True) -> None:
        """Which messages are left out."""
        self._link.ask(self._number, "ignore_types", sysex, timing, active_sense)

    def set_callback(self, take: Take) -> None:
        """Have `take` called with every message, its bytes and the seconds passed, and the time at which it came."""
        self._link.take_by(self._number, take)
        self._link.ask(self._number, "set_callback")

    def send_message(self, message: list[int]) -> None:
        """Send; a failure is raised by the next one."""
        self._link.send(self._number, message)

    def drain(self) -> None:
        """Throw away what is queued since its callback was called off."""
        self._close("drain")

    def cancel_callback(self) -> None:
        """Have it called no more."""
        self._link.take_by(self._number, None)
        self._close("cancel_callback")

    def close_port(self) -> None:
        """Disconnect."""
        self._close("close_port")

    def delete(self) -> None:
        """Let it go."""
        self._link.take_by(self._number, None)
        self._close("delete")

    def _close(self, method: str) -> None:
        with suppress(ProcessGone, OSError):
            self._link.ask(self._number, method)


def _start(errors: IO[bytes]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        worker_command("stylefader.realtime.controls.midi.midi_process"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0, env=worker_environment(),
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    os.set_blocking(process.stdin.fileno(), False)
    with suppress(ImportError, OSError):  # room for 30,000 messages while this program does not come to read
        import fcntl

        fcntl.fcntl(process.stdout.fileno(), _F_SETPIPE_SZ, _PIPE)
    return process


def _words_of(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
