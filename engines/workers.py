"""Starting and ending the processes that build and measure engines."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

_KILL_S = 3.0
"""How long a worker that was asked to end may take, before it is killed."""


def worker_environment() -> dict[str, str]:
    """The environment in which a worker imports this very copy of stylefader, wherever it came from."""
    home = str(Path(__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))}


def end_worker(worker: subprocess.Popen[str], *, with_children: bool = False) -> None:
    """Make sure that the process is gone, and close its pipes.

    with_children: and those that it has left; for a worker that has a session of its own.
    """
    try:
        if worker.poll() is None:
            worker.terminate()
        worker.wait(_KILL_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait(_KILL_S)
    finally:
        if with_children and hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(worker.pid, signal.SIGKILL)
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
