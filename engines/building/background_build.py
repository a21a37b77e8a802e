"""Engines built in the background, for a live session that plays on another engine meanwhile.

The building is done by a process of its own (`build_worker.py`) that leaves the engine in the cache; a thread
here only waits, loads it from there and warms it up. Converting a network in a thread of the session holds Python's
lock for up to 0.3 s at a time (docs/engines.md), which is frames lost on stage; a process takes no lock, can be
ended at any moment, and takes no session with it when a compiler crashes. Loading lets other threads run.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stylefader.engines.base import Engine, Goal, Precision, Report, quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.followed_worker import FollowedWorker
from stylefader.engines.int8.form import copy_with_form
from stylefader.engines.opening import open_engine
from stylefader.training.closing import Closing
from stylefader.training.errors import EngineError

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

State = Literal["building", "ready", "taken", "failed", "cancelled"]
_JOIN_S = 30.0
_BEHIND = 10
"""The priority of a build that nobody waits for: that of measurements. At 19 it gets one part in seventy of a busy
core, and a build of seconds takes minutes."""


class _MustBuildError(Exception):
    """Signal: the engine is not in the cache."""


class _CancelledError(Exception):
    """Signal: `cancel` was called."""


class EngineBuild(Closing):
    """One engine being built: it starts when made; `take` it between two frames when it is ready.

    The arguments are those of `open_engine`. report: told each stage in words, from the build's own thread.
    state: `building`, then `ready` until the engine is taken; `failed` and `cancelled` are ends as well.
    awaited: nothing plays yet, so the build has the priority of the session instead of a low one.
    stage: the latest words of the build. Made and asked from one thread; `close` twice is harmless.
    """

    def __init__(
        self,
        pack: StylePack | PackFile,
        height: int,
        width: int,
        *,
        backend: str = "auto",
        precision: Precision = "auto",
        goal: Goal = "latency",
        least_db: float = 45.0,
        cache_dir: Path | None = None,
        awaited: bool = False,
        report: Report = quiet,
        masked: bool = False,
    ) -> None:
        self._pack, self._height, self._width = pack, height, width
        self._backend: str = backend
        self._precision: Precision = precision
        self._goal: Goal = goal
        self._least_db = least_db
        self._cache = EngineCache(cache_dir)
        self._awaited = awaited
        self._masked = masked
        self._report = report
        self._lock = threading.Lock()  # over _state, _result, _error and _worker
        self._state: State = "building"
        self._result: tuple[Engine, str] | None = None
        self._error: BaseException | None = None
        self._worker: FollowedWorker | None = None
        self._left = False
        self.stage = "starting"
        self._thread = threading.Thread(target=self._run, name="engine-build", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """How far the build is; from any thread."""
        return self._state

    def take(self) -> tuple[Engine, str] | None:
        """The engine, warmed up, and `open_engine`'s line, once; None while it is being built. Never waits.

        The engine is the caller's from then on, to run and to close. Raises what the build failed with, and
        EngineError where it was cancelled or taken before.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._state in ("cancelled", "taken"):
                raise EngineError(f"this engine's build was {self._state}")
            if self._result is None:
                return None
            self._state = "taken"
            result, self._result = self._result, None
            return result

    def wait(self, timeout_s: float) -> bool:
        """Wait until the engine is ready or the build has ended; whether it did in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def leave(self) -> None:
        """Let the build go on at a lower priority, only for the cache: there is nothing to take.

        An engine that is ready is closed. `resume` undoes this while the build is going on.
        """
        with self._lock:
            self._left = True
            worker = self._worker
            result, self._result = self._result, None
            if self._state == "ready":
                self._state = "cancelled"
        if result is not None:
            result[0].close()
        if worker is not None:
            worker.set_priority(_BEHIND)

    def resume(self) -> bool:
        """Undo leaving the build: True if it is still going on, and its engine can be taken."""
        with self._lock:
            if self._state == "building":
                self._left = False
            return self._state == "building"

    def cancel(self) -> None:
        """End the build and drop its engine; without effect once the engine is taken or the build failed.

        Does not wait: `close` does, until nothing of it runs any more.
        """
        with self._lock:
            if self._state not in ("building", "ready"):
                return
            self._state = "cancelled"
            result, self._result = self._result, None
            worker = self._worker
        if result is not None:
            result[0].close()
        if worker is not None:
            worker.terminate()

    def close(self) -> None:
        """Cancel what is not taken, and wait for the build's thread and process to end."""
        self.cancel()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        opened: tuple[Engine, str] | None = None
        try:
            opened = self._build()
            self._tell("warming up")
            opened[0].warm_up()
            with self._lock:
                if self._state == "building":
                    self._state = "cancelled" if self._left else "ready"
                if self._state == "ready":
                    self._result, opened = opened, None
        except _CancelledError:
            pass
        except BaseException as error:
            with self._lock:
                if self._state == "building":
                    self._state, self._error = "failed", error
        finally:
            if opened is not None:
                opened[0].close()

    def _build(self) -> tuple[Engine, str]:
        def must_build(words: str) -> None:
            raise _MustBuildError

        with suppress(_MustBuildError):
            return self._open(self._cache.folder, must_build)
        problem = self._cache.problem()
        with tempfile.TemporaryDirectory(prefix="stylefader-") as name:
            # Without a cache that can be written, the engine comes over through a folder of its own.
            folder = Path(name) / "engines" if problem else self._cache.folder
            came = self._in_worker(Path(name), folder)
            with self._lock:
                if self._left:
                    self._state = "cancelled"
            self._stop_if_cancelled()
            engine, why = self._open(folder, self._tell, came)
        if problem and engine.account is not None:
            engine.account = replace(engine.account, not_kept=problem)
            why = engine.account.line
        return engine, why

    def _open(self, folder: Path, report: Report, came: str = "") -> tuple[Engine, str]:
        return open_engine(
            self._pack, self._height, self._width, backend=self._backend, precision=self._precision,
            goal=self._goal, least_db=self._least_db, cache_dir=folder, report=report,
            came=came, masked=self._masked,
        )  # fmt: skip

    def _tell(self, words: str) -> None:
        self._stop_if_cancelled()
        self.stage = words
        self._report(words)

    def _stop_if_cancelled(self) -> None:
        if self._state == "cancelled":
            raise _CancelledError

    def _in_worker(self, scratch: Path, cache: Path) -> str:
        """Let a process build the engine into the cache; gives what became of it.

        Raises EngineError, or _CancelledError.
        """
        self._tell("starting a process that builds it")
        pack = copy_with_form(
            self._pack, scratch, self._cache.folder
        )  # the file may change, or may never have been written
        order = {
            "pack": str(pack.file), "height": self._height, "width": self._width, "backend": self._backend,
            "precision": self._precision, "goal": self._goal, "least_db": self._least_db, "cache_dir": str(cache),
            "awaited": self._awaited, "masked": self._masked,
        }  # fmt: skip
        with FollowedWorker("stylefader.engines.building.build_worker", order, scratch) as worker:
            with self._lock:
                self._worker = worker
            self._stop_if_cancelled()  # it may have been before there was a worker to end
            for message in worker.messages():
                if "stage" in message:
                    self._tell(message["stage"])
            self._stop_if_cancelled()
            answer = worker.answer("built the engine")
        if "error" in answer:
            raise EngineError(answer["error"], failure=bool(answer["failure"]))
        return str(answer["came"])
