"""Starting and ending the processes that build, measure and prove engines; the worker's own side as well.

A worker never imports code from the current folder of the session. It ends when its session ends, even by a crash: its
standard input is a pipe that is closed when the session ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import stylefader

_KILL_S = 3.0
"""How long a worker that was asked to end may take, before it is killed."""


def worker_command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules as a process of its own.

    `-P`, since `-m` alone puts the current folder before all others: a module there that is named `numpy` would be run.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def worker_environment() -> dict[str, str]:
    """The environment in which a worker imports this very copy of stylefader, wherever it came from.

    Neither the worker nor its children import from the current folder: empty and relative entries of PYTHONPATH, which
    mean that folder, are left out.
    """
    home = str(Path(stylefader.__file__).parents[1])
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(part)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, *others]), "PYTHONSAFEPATH": "1"}


def start_worker(module: str, order: str, *, stdout: int | IO[Any], stderr: IO[Any]) -> subprocess.Popen[str]:
    """Start a worker that takes its order as its one argument, in a session of its own: Ctrl-C is not for it."""
    return subprocess.Popen(
        worker_command(module, order), stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, text=True,
        encoding="utf-8", env=worker_environment(), start_new_session=True,
    )  # fmt: skip


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


def how_it_ended(worker: subprocess.Popen[str], said: IO[str]) -> str:
    """The exit code or the signal that a worker ended with, and its last words where it said any.

    said: the file that its words went into, open for reading too.
    """
    code, last = worker.returncode, last_words(said)
    ending = f"exit code {code}" if code >= 0 else f"signal {-code}"
    with suppress(ValueError):
        ending = signal.Signals(-code).name if code < 0 else ending
    return f"{ending}: {last}" if last else ending


def last_words(said: IO[str]) -> str:
    """The last line that a worker wrote into a file; empty where it said nothing."""
    said.seek(0)
    return next(iter(said.read().strip().splitlines()[-1:]), "")


def end_with_the_session(scratch: Path, *, first: Callable[[], None] = lambda: None) -> None:
    """For the worker: from now on end when standard input does, and remove `scratch`, which the session cannot.

    first: called before, in the thread that waits; for what a clean end takes.
    """

    def wait() -> None:
        while os.read(0, 1):  # not by sys.stdin, whose lock would be held in whatever libraries fork
            pass
        first()
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=wait, name="end-with-the-session", daemon=True).start()


def unwind_at_sigterm() -> None:
    """For the worker: SIGTERM unwinds its main thread, so that nothing half written stays; it ends with 143.

    A second one changes nothing: it would break off the unwinding, and kill the process where Python, which is about to
    end, has taken its handlers back.
    """

    def unwind(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, unwind)


def messages_to_the_session() -> Callable[..., None]:
    """For the worker: what sends its keywords as a message, a line of JSON on standard output.

    Whatever libraries print goes to standard error from now on.
    """
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**message: Any) -> None:
        lines.write(json.dumps(message) + "\n")
        lines.flush()

    return tell
