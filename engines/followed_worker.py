"""A worker process whose messages one thread follows, while any other may end it.

So engines are built and paintings are learnt behind a session. A message is a line of JSON; the last one is the answer:
it has `done`, or `error` and `failure`. The worker's own side is in `subprocesses.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from stylefader.engines.subprocesses import end_worker, how_it_ended, start_worker

_END_S = 3.0
"""How long a worker may take to end by itself once its output has ended without an answer."""


class FollowedWorker:
    """One worker: it starts when made; `with` ends it.

    Args:
        module: The worker's module.
        order: What it is to do, as JSON can hold it; the worker also gets `scratch`.
        scratch: A folder for what libraries print; the worker removes it where the session cannot.
    """

    def __init__(self, module: str, order: Mapping[str, Any], scratch: Path) -> None:
        self._last: dict[str, Any] = {}
        self._words = (scratch / "words.txt").open("w+", encoding="utf-8", errors="replace")
        try:
            self._process = start_worker(
                module, json.dumps({**order, "scratch": str(scratch)}), stdout=subprocess.PIPE, stderr=self._words
            )
        except BaseException:
            self._words.close()
            raise

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def messages(self) -> Iterator[dict[str, Any]]:
        """Each message as it comes, until the worker's output ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):  # else it was cut off by the end of the process
                self._last = json.loads(line)
                yield self._last
        if not self._has_answered:
            with suppress(subprocess.TimeoutExpired):  # asking it to end now would hide how it ended
                self._process.wait(_END_S)

    def answer(self, what: str) -> dict[str, Any]:
        """End the worker; its last message, or an error that says how the process ended.

        what: it does, for that error, as in `the process that {what} ended with SIGKILL`.
        """
        end_worker(self._process)
        if self._has_answered:
            return self._last
        ended = how_it_ended(self._process, self._words)
        return {"error": f"the process that {what} ended with {ended}", "failure": True}

    @property
    def _has_answered(self) -> bool:
        return "done" in self._last or "error" in self._last

    def terminate(self) -> None:
        """Ask it to end, from any thread; its messages then end. Harmless where it has ended."""
        with suppress(OSError):
            self._process.terminate()

    def set_priority(self, nice: int) -> None:
        """Set its priority, from any thread, where the system has such a thing and lets us."""
        if hasattr(os, "setpriority") and not self.has_ended:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, nice)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        end_worker(self._process)
        self._words.close()
