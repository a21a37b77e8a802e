"""Measures and proves engines, each in a process of its own (`engines.selection.measuring_worker`).

So that start-up and memory are those of one engine alone, and one that crashes, hangs or eats the memory gives a row
with the reason and takes nothing with it. What is run is a copy of the pack, which nobody changes meanwhile.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.engines.base import Report, quiet
from stylefader.engines.int8.form import copy_with_form
from stylefader.engines.registry import REFERENCE, REGISTRY
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.subprocesses import end_worker, how_it_ended, start_worker
from stylefader.training.closing import Closing

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile
    from stylefader.training.packs.pack_header import PackHeader

CPU_SIZE = (180, 320)
"""Where engines on a CPU are compared: their time grows with the pixels. Those on a GPU at the size asked for."""
TIMEOUTS_S = {False: 120.0, True: 1200.0}
"""For one engine, on a CPU and on a GPU, whose engines may compile for minutes (and are kept)."""
_PATIENCE = 5
"""How many times as long it may take behind a session that needs the whole processor, where a worker gets little of it.

What is said against an engine is kept, so it must not be that there was no time.
"""
SECONDS = 0.5
_PROOF_SIZE = (96, 160)
_PROOF_MEMORY = 8 << 30
_POLL_S = 0.05


class Measuring(Closing):
    """Measures engines for one pack at one size, one after another; `with` keeps its folder of pictures.

    timeout_s: for one engine, beside the seconds that it is timed. behind: the workers leave the processor to others,
    and get more time.
    folder: of the cache, in which an int8 form may be that was made here.
    stop: once it is set, the worker that runs is ended and no more is started; rows then say nothing of the engine.
    """

    def __init__(
        self, pack: StylePack | PackFile, height: int, width: int, *, timeout_s: float = TIMEOUTS_S[True],
        behind: bool = False, stop: threading.Event | None = None, folder: Path | None = None,
    ) -> None:  # fmt: skip
        self.height, self.width = height, width
        self._timeout_s, self._behind = timeout_s, behind
        self._stop = stop or threading.Event()
        self._scratch = tempfile.TemporaryDirectory(prefix="stylefader-", ignore_cleanup_errors=True)
        self.scratch = Path(self._scratch.name)
        try:
            self.pack = copy_with_form(pack, self.scratch, folder)
        except BaseException:
            self.close()
            raise
        self._no_reference: str | None = None
        """Why there is no reference picture; empty where there is one, None before it was made."""

    def measure(
        self, engine: str, precision: str = "auto", *, seconds: float = 1.0, cache_dir: Path | None = None
    ) -> Measured:
        """Measure one engine: start-up, `seconds` of calls with alpha changing, memory, and its picture.

        cache_dir: open it through this cache, once; without, through an empty one and then once more.
        Whatever goes wrong in the process is the row's `problem`.
        """
        if self._no_reference is None:
            order: dict[str, Any] = {"reference": self._named(REFERENCE, "f32"), "shares": [0.7]}
            self._no_reference = self._run(order).get("error", "")
        if self._no_reference:
            return self._answered(engine, precision, {"error": f"there is no reference picture: {self._no_reference}"})
        order = {"engine": self._named(engine, precision), "shares": [0.7], "seconds": seconds}
        return self._answered(engine, precision, self._run({**order, "cache_dir": cache_dir and str(cache_dir)}))

    def prove(self, engine: str, precision: str) -> Measured:
        """Only compare its picture, in seconds: with the reference's, an int8 form's with f32's of the same engine."""
        shares = [0.0, 1.0] if precision == "int8" else [0.7]
        reference = self._named(engine if precision == "int8" else REFERENCE, "f32")
        memory = None if REGISTRY[engine].gpu else _PROOF_MEMORY  # a driver reserves more than it takes
        order = {"engine": self._named(engine, precision), "reference": reference, "shares": shares, "memory": memory}
        return self._answered(engine, precision, self._run(order))

    def close(self) -> None:
        """Remove the pictures; harmless twice."""
        self._scratch.cleanup()

    def _named(self, engine: str, precision: str) -> dict[str, str]:
        entry = REGISTRY[engine]  # the worker's own may be another
        return {"module": entry.module, "class_name": entry.class_name, "precision": precision}

    def _answered(self, engine: str, precision: str, answer: dict[str, Any]) -> Measured:
        row = Measured(engine=engine, asked=precision, precision=precision, height=self.height, width=self.width)
        if "error" in answer:
            return replace(row, problem=answer["error"])
        return Measured(**{**asdict(row), **answer, "under_load": self._behind})

    def _run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have a worker do it: the fields of a row, or `{"error": words}`, also where it did not get that far."""
        answer = self.scratch / "answer"
        timeout = self._timeout_s + order.get("seconds", 0.0)
        order = {
            "engine": None, "reference": None, "seconds": 0.0, "cache_dir": None, "memory": None, **order,
            "pack": str(self.pack.file), "height": self.height, "width": self.width, "scratch": str(self.scratch),
            "answer": str(answer), "behind": self._behind, "timeout_s": timeout,
        }  # fmt: skip
        if self._stop.is_set():
            return {"error": "measuring was stopped"}
        with (self.scratch / "words.txt").open("w+", errors="replace") as words:
            worker = start_worker(
                "stylefader.engines.selection.measuring_worker", json.dumps(order), stdout=words, stderr=words
            )
            try:
                most = timeout * (_PATIENCE if self._behind else 1)
                until = time.monotonic() + most
                while worker.poll() is None and not self._stop.wait(_POLL_S):
                    if time.monotonic() > until:
                        return {"error": f"no answer within {most:.0f} s"}
            finally:
                end_worker(worker, with_children=True)
            with suppress(OSError, ValueError):  # none, or cut off
                try:
                    return dict(json.loads(answer.read_text()))
                finally:
                    answer.unlink()
            return {"error": f"its process ended with {how_it_ended(worker, words)}"}


def measure_and_keep(
    pack: StylePack | PackFile, engine: str, precision: str, height: int, width: int, *, folder: Path,
    again: bool = False, behind: bool = False, stop: threading.Event | None = None, report: Report = quiet,
) -> Measured:  # fmt: skip
    """Measure an engine where `auto` compares it, and keep the row. int8 is proved before.

    folder: of the cache. An engine on a GPU is built into it, and so not in vain.
    again: also prove anew what was proved. report: told before a proof. The others as in `Measuring`.
    """
    gpu = REGISTRY[engine].gpu
    sides = size_of(engine, pack.header, height, width)
    if precision == "int8":
        proof = prove(pack, engine, precision, folder=folder, again=again, behind=behind, stop=stop, report=report)
        if proof.problem:
            return proof
    with Measuring(pack, *sides, timeout_s=TIMEOUTS_S[gpu], behind=behind, stop=stop, folder=folder) as measuring:
        cache_dir = folder if gpu else measuring.scratch / "engines"
        row = measuring.measure(engine, precision, seconds=SECONDS, cache_dir=cache_dir)
        if stop is None or not stop.is_set():
            Measurements(folder).remember(pack, [row])
    return row


def prove(
    pack: StylePack | PackFile, engine: str, precision: str, *, folder: Path, again: bool = False,
    behind: bool = False, stop: threading.Event | None = None, report: Report = quiet,
) -> Measured:  # fmt: skip
    """What is remembered of an engine's proof; else it is proved now, which takes some seconds, and remembered.

    An int8 form states itself which weights it was made from and how near its pictures come; whoever wrote it could
    state anything. So it is bound to the pack by what we compute: its pictures beside those of the pack's own weights.

    Args:
        pack: An int8 form is proved for it alone, any other engine for all packs.
        engine: Its name.
        precision: Its precision, or `auto`.
        folder: Of the cache.
        again: Prove anew.
        behind: As in `Measuring`.
        stop: Likewise.
        report: Told before, and when it fails.

    Raises:
        EngineError: int8, and there is no form that can be read.
    """
    known = Measurements(folder).proof(pack, engine, precision)
    if known is not None and not again:
        return known
    named = engine if precision == "auto" else f"{engine} {precision}"
    report(f"trying {named} with {pack.header.name} once")
    sides = pack.header.size or _PROOF_SIZE
    with Measuring(
        pack, *sides, timeout_s=TIMEOUTS_S[REGISTRY[engine].gpu], behind=behind, stop=stop, folder=folder
    ) as measuring:
        row = measuring.prove(engine, precision)
        if stop is None or not stop.is_set():
            Measurements(folder).remember(measuring.pack, [row], proof=True)  # of the very bytes that were tried
    if row.problem:
        report(f"{named} is not used with {pack.header.name}: {row.problem}")
    return row


def size_of(engine: str, header: PackHeader, height: int, width: int) -> tuple[int, int]:
    """The height and width at which an engine for frames of height and width is measured."""
    return (height, width) if header.size is not None or REGISTRY[engine].gpu else CPU_SIZE
