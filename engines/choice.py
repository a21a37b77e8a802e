"""Which engine `auto` takes: the fastest whose picture is near enough to the reference, both measured here, once.

Nothing is measured where there is only one engine beside the reference. An engine that was never seen on a device is
so proved or refused by its own picture on the machine of whoever uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines import machine
from engines.base import Precision, Report
from engines.cache import EngineCache
from engines.measured import Measured, Measurements
from engines.measuring import Measuring
from engines.quantized import find_quantized
from engines.registry import REFERENCE, REGISTRY
from training.errors import EngineError

if TYPE_CHECKING:
    from training.pack import StylePack
    from training.pack_file import PackFile

CPU_SIZE = (180, 320)
"""Where engines on a CPU are compared: their time grows with the pixels. Those on a GPU at the size asked for."""
_SECONDS = 0.5
_INT8_DB = 20.0
"""What int8 must hold on the made-up picture here, to prove that it works. What it holds on photographs, which are
much kinder, was measured for each style when it was quantised, and is asked for before."""
_TIMEOUTS_S = {False: 120.0, True: 1200.0}
"""For one engine, on a CPU and on a GPU, whose engines may compile for minutes (and are kept)."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An engine in a precision, as asked for."""

    engine: str
    precision: Precision

    def __str__(self) -> str:
        return self.engine if self.precision == "auto" else f"{self.engine} {self.precision}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """order: what to open, and then what to fall back on. why: the first one. reasons: why not the others.

    unmeasured: what would have to be measured first, where that was not wanted.
    """

    order: tuple[Candidate, ...]
    why: str
    reasons: tuple[str, ...] = ()
    unmeasured: tuple[Candidate, ...] = ()


def quantized_db(pack: StylePack | PackFile) -> float | None:
    """The PSNR that a pack's int8 form holds; None where it has none. Raises EngineError for one that is unusable."""
    found = find_quantized(pack)
    return found.psnr_db if found else None


def why_not_here(name: str) -> str:
    """Why an engine cannot run here, as far as that is seen without importing it; else nothing."""
    entry = REGISTRY[name]
    if entry.gpu and not machine.has_nvidia_driver():
        return "no NVIDIA GPU or driver is here"
    missing = entry.missing()
    return f"is not installed (no module {', '.join(missing)}): {entry.install}" if missing else ""


def candidates(
    pack: StylePack | PackFile, *, precision: Precision, least_db: float
) -> tuple[list[Candidate], list[str]]:
    """What may be opened here, in the registry's order, and why the others may not."""
    found: list[Candidate] = []
    reasons: list[str] = []
    without_gpu = []
    held_db: float | None = None
    try:
        held_db = quantized_db(pack)
    except EngineError as error:
        reasons.append(str(error))
    for name, entry in REGISTRY.items():
        if entry.gpu and not machine.has_nvidia_driver():
            without_gpu.append(name)
            continue
        problem = why_not_here(name)
        if not problem and precision != "auto" and precision not in entry.precisions:
            problem = f"computes in {' or '.join(entry.precisions)}, not {precision}"
        if problem:
            reasons.append(f"{name} {problem}")
            continue
        if precision == "auto" and "int8" in entry.precisions and held_db is not None:
            if held_db >= least_db:
                found.append(Candidate(engine=name, precision="int8"))
            else:
                reasons.append(f"{name} int8 holds {held_db:.1f} dB with this style, less than {least_db:g}")
        found.append(Candidate(engine=name, precision=precision))
    if without_gpu:
        reasons.insert(0, f"no NVIDIA GPU for {', '.join(without_gpu)}")
    return found, reasons


def choose(
    pack: StylePack | PackFile,
    height: int,
    width: int,
    *,
    precision: Precision,
    least_db: float,
    cache: EngineCache,
    report: Report,
    measure: bool = True,
) -> Choice:
    """Find the fastest engine that holds `least_db`, measuring what is not remembered; at the end the reference.

    report: told before measuring, which takes seconds, and what it raises ends this.
    measure: without, the order of the registry stands until all is measured.
    """
    found, reasons = candidates(pack, precision=precision, least_db=least_db)
    reference = [candidate for candidate in found if candidate.engine == REFERENCE]
    others = [candidate for candidate in found if candidate.engine != REFERENCE]
    if len(others) < 2:
        why = "the only one here beside the reference" if others else "the reference, which is all that is here"
        return Choice(order=(*others, *reference), why=why, reasons=tuple(reasons))
    kept = Measurements(cache.folder)
    rows = {c: kept.recall(pack, c.engine, c.precision, **_size(c, height, width)) for c in others}
    unmeasured = [candidate for candidate, row in rows.items() if row is None]
    if unmeasured and not measure:
        return Choice(order=tuple(found), why="", reasons=tuple(reasons), unmeasured=tuple(unmeasured))
    if unmeasured:
        report(f"measuring once which is the fastest here: {', '.join(map(str, unmeasured))}")
        new = measure_all(pack, unmeasured, height, width, cache=cache)
        rows.update(new)
        not_kept = kept.remember(pack, new.values())
        reasons += [not_kept] if not_kept else []
    return _fastest(rows, reference, reasons, least_db)


def _fastest(
    rows: dict[Candidate, Measured | None], reference: list[Candidate], reasons: list[str], least_db: float
) -> Choice:
    usable: list[tuple[float, Candidate, str]] = []
    refused = []
    for candidate, row in rows.items():
        assert row is not None
        if row.problem:
            refused.append(f"{candidate} did not work here when it was measured: {row.problem}")
        elif row.psnr_db < (_INT8_DB if candidate.precision == "int8" else least_db):
            refused.append(f"{candidate} gives {row.psnr_db:.1f} dB here, less than {least_db:g}")
        else:
            usable.append((row.ms_a_megapixel, candidate, row.words))
    usable.sort(key=lambda entry: entry[0])
    if not usable:
        why = f"the reference, since no other engine here holds {least_db:g} dB"
        return Choice(order=tuple(reference), why=why, reasons=(*refused, *reasons))
    against = ", ".join(f"{candidate} {words}" for _, candidate, words in usable[1:])
    why = f"measured here: {usable[0][2]}{' against ' if against else ''}{against}"
    order = (*(candidate for _, candidate, _ in usable), *reference)
    return Choice(order=order, why=why, reasons=(*refused, *reasons))


def measure_all(
    pack: StylePack | PackFile,
    wanted: Iterable[Candidate],
    height: int,
    width: int,
    *,
    cache: EngineCache,
    seconds: float = _SECONDS,
) -> dict[Candidate, Measured]:
    """Measure each where it is compared. An engine on a GPU is built into the cache, and so not in vain."""
    rows = {}
    with ExitStack() as stack:
        at_size: dict[bool, Measuring] = {}
        for candidate in wanted:
            gpu = REGISTRY[candidate.engine].gpu
            if gpu not in at_size:
                sides = _size(candidate, height, width)
                at_size[gpu] = stack.enter_context(Measuring(pack, **sides, timeout_s=_TIMEOUTS_S[gpu]))
            folder = cache.folder if gpu else at_size[gpu].scratch / "engines"
            rows[candidate] = at_size[gpu].measure(
                candidate.engine, candidate.precision, seconds=seconds, cache_dir=folder
            )
    return rows


def _size(candidate: Candidate, height: int, width: int) -> dict[str, int]:
    if not REGISTRY[candidate.engine].gpu:
        height, width = CPU_SIZE
    return {"height": height, "width": width}
