"""A pseudo-terminal with a program in it, for tests: what it says, keys that are typed, and the terminal's state."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WAIT_S = 60


class Terminal:
    """Runs a program with a terminal of its own, which is its controlling one; use as a context manager."""

    def __init__(self, line: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None) -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = self.state()
        self._said, self._changed = b"", threading.Condition()
        theirs = self._theirs
        self.run = subprocess.Popen(
            line, cwd=cwd, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.run.kill()
        self.run.wait(WAIT_S)
        os.close(self._theirs)
        self._reader.join(WAIT_S)
        os.close(self._ours)

    @property
    def said(self) -> str:
        """All that was written to the terminal."""
        with self._changed:
            return self._said.decode(errors="replace")

    def state(self) -> list[Any]:
        """The terminal's attributes."""
        return termios.tcgetattr(self._theirs)

    @property
    def shows_keys(self) -> bool:
        """Whether keys are echoed and come line by line."""
        return self.state()[3] & (termios.ECHO | termios.ICANON) == termios.ECHO | termios.ICANON

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def until(self, words: str, *, times: int = 1) -> None:
        """Wait until these words were said so often."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._said.count(words.encode()) >= times, WAIT_S)
        assert came, self.said

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # nobody has the other end open
                return
            if not data:
                return
            with self._changed:
                self._said += data
                self._changed.notify_all()
