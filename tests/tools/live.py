"""Live sessions for tests: the words that begin one on the stage, and a session in a process of its own."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools.program import PROGRAM

WAIT_S = 60
NO_DISPLAY = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}


def words(source: str, *more: str) -> list[str]:
    """`live` with the small style at 96x64, whose engine is in the stage's cache."""
    return [
        "live", "--style", "small.safetensors", "--source", source, "--size", "96x64", "--engine", "openvino",
        "--cache-dir", "c", *more,
    ]  # fmt: skip


@contextmanager
def playing(source: str, *more: str, cwd: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A session in a process of its own, from when its engine plays."""
    line = [str(PROGRAM), *words(source, *more)]
    with subprocess.Popen(line, cwd=cwd, env=env, stderr=subprocess.PIPE, text=True) as run:
        try:
            assert run.stderr is not None
            limit = threading.Timer(WAIT_S, run.kill)  # whatever happens, the lines below come to an end
            limit.start()
            told = []
            for said in run.stderr:
                told.append(said)
                if said.startswith("Random:"):
                    break
            assert told and told[-1].startswith("Random:"), told
            limit.cancel()
            yield run
        finally:
            limit.cancel()
            run.kill()
            run.wait(WAIT_S)


class Lines:
    """A program under way, with the lines that it writes to either stream; use as a context manager."""

    def __init__(self, line: list[str]) -> None:
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self._came: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="lines", daemon=True)
        self._reader.start()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def until(self, wanted: Callable[[str], bool], again: Callable[[], object] = lambda: None) -> str:
        """The next line that is wanted; `again` is called until it has come. Lines before it are gone then."""
        before = []
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            again()
            while True:
                try:
                    line = self._came.get(timeout=0.1)
                except queue.Empty:
                    break
                assert line is not None, f"it ended after {before}"
                before.append(line)
                if wanted(line):
                    return line
        raise AssertionError(f"it never came; {before} did")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._came.put(line.rstrip("\n"))
        self._came.put(None)


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(WAIT_S * 20):
        if true():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came")
