"""Measures engines, each in a process of its own (`engines.selection.measuring_worker`).

So that start-up and memory are those of one engine alone, and one that crashes or hangs gives a row with the reason
and takes nothing with it. The reference picture is made once, by a process as well, and handed over as a file.
"""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from stylefader.engines.registry import REFERENCE, REGISTRY
from stylefader.engines.selection.measured import Measured
from stylefader.engines.subprocesses import end_worker, start_worker
from stylefader.training.packs.pack_file import PackFile

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack

_TIMEOUT_S = 1200.0
"""Opening with everything compiled may take minutes on a GPU."""


class Measuring:
    """Measures engines for one pack at one size, one after another; `with` keeps its folder of pictures.

    timeout_s: for one engine, beside the seconds that it is timed. behind: the workers leave the processor to others.
    """

    def __init__(
        self,
        pack: StylePack | PackFile,
        height: int,
        width: int,
        *,
        timeout_s: float = _TIMEOUT_S,
        behind: bool = False,
    ) -> None:
        self._pack, self.height, self.width = pack, height, width
        self._timeout_s, self._behind = timeout_s, behind
        self._scratch = tempfile.TemporaryDirectory(prefix="stylefader-", ignore_cleanup_errors=True)
        self._file: Path | None = None
        self._lock = threading.Lock()  # over the two below
        self._stopped = False
        self._worker: subprocess.Popen[str] | None = None
        self._no_reference: str | None = None
        """Why there is no reference picture; empty where there is one, None before it was made."""

    def measure(
        self, engine: str, precision: str = "auto", *, seconds: float = 1.0, cache_dir: Path | None = None
    ) -> Measured:
        """Measure one engine: start-up, `seconds` of calls with alpha changing, memory, and its picture.

        cache_dir: open it through this cache, once; without, through an empty one and then once more.
        Whatever goes wrong in the process is the row's `problem`.
        """
        row = Measured(engine=engine, asked=precision, precision=precision, height=self.height, width=self.width)
        if self._no_reference is None:
            self._no_reference = self._run({"seconds": 0}, REFERENCE, "f32").get("error", "")
        if self._no_reference:
            return replace(row, problem=f"there is no reference picture: {self._no_reference}")
        order = {"seconds": seconds, "cache_dir": None if cache_dir is None else str(cache_dir)}
        answer = self._run(order, engine, precision)
        if "error" in answer:
            return replace(row, problem=answer["error"])
        return Measured(**{**asdict(row), **answer["measured"]})

    @property
    def scratch(self) -> Path:
        """The folder that goes with `close`."""
        return Path(self._scratch.name)

    def stop(self) -> None:
        """From another thread: end the worker that runs, and start no more; what was measured then has a problem."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                with suppress(OSError):
                    self._worker.kill()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called: what is measured from then on says nothing of the engine."""
        return self._stopped

    def close(self) -> None:
        """Remove the pictures; harmless twice."""
        self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pack_file(self) -> Path:
        """The pack's own file where that is what it was read from, else a copy; so its other forms are found too."""
        if self._file is None:
            self._file = self._pack.file
            if not isinstance(self._pack, PackFile) and not _is_in(self._pack, self._pack.file):
                from stylefader.training.packs.pack import save_pack

                self._file = self.scratch / "pack.safetensors"
                save_pack(replace(self._pack, file=self._file))
        return self._file.absolute()

    def _run(self, order: dict[str, Any], engine: str, precision: str) -> dict[str, Any]:
        """Have a worker do it: `{"measured": ...}`, or `{"error": words}`, also where it did not get that far."""
        entry = REGISTRY[engine]
        order = {
            **order, "engine": engine, "precision": precision, "module": entry.module, "class_name": entry.class_name,
            "pack": str(self._pack_file()), "height": self.height, "width": self.width, "scratch": self._scratch.name,
            "answer": str(self.scratch / "answer"), "behind": self._behind,
        }  # fmt: skip
        timeout = self._timeout_s + float(order["seconds"])
        with (self.scratch / "words.txt").open("w+", errors="replace") as words:
            with self._lock:
                if self._stopped:
                    return {"error": "measuring was stopped"}
                worker = start_worker(
                    "stylefader.engines.selection.measuring_worker", json.dumps(order), stdout=words, stderr=words
                )
                self._worker = worker
            try:
                worker.wait(timeout)
            except subprocess.TimeoutExpired:
                return {"error": f"no answer within {timeout:.0f} s"}
            finally:
                with self._lock:
                    self._worker = None
                end_worker(worker, with_children=True)
            answer = Path(order["answer"])
            with suppress(OSError, ValueError):  # none, or cut off
                try:
                    return dict(json.loads(answer.read_text()))
                finally:
                    answer.unlink()
            words.seek(0)
            last = words.read().strip().splitlines()[-1:]
            return {"error": ": ".join([f"its process ended with {_ending(worker.returncode)}", *last])}


def _ending(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _is_in(pack: StylePack, file: Path) -> bool:
    try:
        return PackFile(file).weights_hash() == pack.weights_hash()
    except Exception:  # not there any more, or another file by now
        return False
