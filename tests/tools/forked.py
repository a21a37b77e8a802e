"""The program in processes that have imported PyTorch and the training before they begin.

A training process takes 4 s of processor time before its first step, nearly all of it for imports. These are forked
from a server that has done them once for a run of tests. What is of the start itself, such as a signal while libraries
load, is not tested by them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from typing import NoReturn

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["pytest", "torch", "torch._dynamo", "stylefader.tools.cli", "stylefader.training.loop.runs", __name__]
)
"""torch._dynamo is what the first optimizer of a process imports."""
_WAIT_S = 120.0


class Forked:
    """A command under way, much as `subprocess.Popen` has it; use as a context manager.

    Args:
        words: Of the command line, after the program's name.
        environment: Variables that it has beside ours.
    """

    def __init__(self, words: Iterable[object], environment: Mapping[str, str] | None = None) -> None:
        out, err = _Stream(), _Stream()
        arguments = ([str(word) for word in words], {**os.environ, **(environment or {})}, os.getcwd())
        self._streams = {"out": out, "err": err}
        self._process = _CONTEXT.Process(target=_run, args=(*arguments, out.writer, err.writer), daemon=True)
        self._process.start()
        for stream in (out, err):
            stream.begin()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def stdout(self) -> str:
        """What it has written to standard output."""
        return self._streams["out"].text

    @property
    def stderr(self) -> str:
        """What it has written to standard error."""
        return self._streams["err"].text

    def poll(self) -> int | None:
        """The code that it ended with, below 0 for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self) -> int:
        """Wait for its end, and for all that it has written; the code that it ended with."""
        self._process.join(_WAIT_S)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("stylefader", _WAIT_S)
        for stream in self._streams.values():
            stream.reader.join(_WAIT_S)
        return code

    def until(self, there: Callable[[], object]) -> None:
        """Wait until this is so, or the process has ended."""
        end = time.monotonic() + _WAIT_S
        while not there() and self.poll() is None:
            assert time.monotonic() < end, self.stderr
            self._process.join(0.02)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: object) -> None:
        self.send_signal(signal.SIGKILL)
        self.wait()


class _Stream:
    """What a process writes, read as it comes."""

    def __init__(self) -> None:
        self._end, self.writer = _CONTEXT.Pipe(duplex=False)
        self._read = bytearray()
        self.reader = threading.Thread(target=self._follow, name="stream", daemon=True)

    @property
    def text(self) -> str:
        return bytes(self._read).decode(errors="replace")

    def begin(self) -> None:
        """From when the process has its own end."""
        self.writer.close()
        self.reader.start()

    def _follow(self) -> None:
        while came := os.read(self._end.fileno(), 1 << 16):
            self._read += came
        self._end.close()


def _run(words: list[str], variables: dict[str, str], folder: str, out: Connection, err: Connection) -> NoReturn:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    for number, name, end in ((1, "stdout", out), (2, "stderr", err)):
        os.dup2(end.fileno(), number)
        end.close()
        setattr(sys, name, open(number, "w", encoding="utf-8", buffering=1, closefd=False))  # noqa: SIM115
    sys.argv = ["stylefader", *words]
    from stylefader.tools.program import main

    main()
