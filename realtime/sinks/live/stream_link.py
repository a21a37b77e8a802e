"""Our end of `stream_process.py`: a process that sends, is written to like a file, and is ended if it hangs."""

from __future__ import annotations

import atexit
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread

from stylefader.engines.subprocesses import worker_command, worker_environment

# Seconds until a connection or a write counts as hanging.
_PATIENCE_S = 10.0
_GONE_S = 5.0
"""How long a process that was killed may take to be gone."""


class SendingProcess:
    """Packets as NUT through `write`; where a watched step takes too long, the process is killed and the step fails.

    arguments: what `stream_process.py` takes.
    """

    def __init__(self, arguments: list[str]) -> None:
        self._process = subprocess.Popen(
            worker_command("stylefader.realtime.sinks.live.stream_process", *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=worker_environment(),
        )
        # Where the session leaves a hanging stream behind and ends, its process goes too.
        atexit.register(self._process.kill)
        self._changed = Condition()
        self._patience = _PATIENCE_S
        self._until: float | None = None
        self._hung: float | None = None
        self._over = False
        Thread(target=self._guard, name="stream guard", daemon=True).start()

    # -- as a file -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> int:
        """All of `data` to the process; FFmpeg calls this. Raises OSError if the process has ended."""
        assert self._process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[self._process.stdin.write(view) :]
        return len(data)

    # -- steps -----------------------------------------------------------------------------------------------------

    @contextmanager
    def watched(self, patience_s: float | None = None) -> Iterator[None]:
        """What happens inside takes at most so long, else the process is killed, which breaks its pipes."""
        with self._changed:
            self._patience = _PATIENCE_S if patience_s is None else patience_s
            self._until = time.monotonic() + self._patience
        try:
            yield
        finally:
            with self._changed:
                self._until = None

    def wait_for_open(self) -> None:
        """Wait until the other end has been reached. Raises OSError where it has not."""
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"open\n":
            raise BrokenPipeError("no connection")

    def finish(self) -> None:
        """Nothing more comes: wait until everything has been sent. Raises OSError where it has not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            # The guard kills it before, where this is watched.
            code = self._process.wait(self._patience + _GONE_S)
        except subprocess.TimeoutExpired as error:
            raise BrokenPipeError("the end was not sent") from error
        if code and self._hung is None:
            raise BrokenPipeError("the end was not sent")

    def why(self) -> str | None:
        """Why it failed, where that is known; waits for a process that is about to say it."""
        if self._hung is not None:
            return f"no answer for {self._hung:g} s"
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        if self._process.poll() is None or self._process.stderr is None or self._process.stderr.closed:
            return None
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else None

    def kill(self) -> None:
        """End the process, even if it hangs. Never raises; harmless twice."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):  # a system that hangs in its network keeps it
            self._process.wait(_GONE_S)
        atexit.unregister(self._process.kill)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _guard(self) -> None:
        with self._changed:
            while not self._over:
                if self._until is not None and time.monotonic() > self._until:
                    self._hung, self._over = self._patience, True
                    self._process.kill()
                    return
                self._changed.wait(0.25)
