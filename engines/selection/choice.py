"""Which engine `auto` takes: the fastest whose picture is near enough to the reference, both measured here, once.

Nothing is measured where there is only one engine beside the reference. Whoever cannot wait (`measure=False`) gets the
engine that is there soonest, and measures behind it (`background_measuring.py`). An engine that was never seen on a
device is so proved or refused by its own picture on the machine of whoever uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stylefader.engines.base import Precision, Report, quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.int8.proof import proved, recall, share
from stylefader.engines.int8.quantized import find_quantized
from stylefader.engines.machine import identity as machine
from stylefader.engines.machine.processor import cpu_precisions
from stylefader.engines.registry import REFERENCE, REGISTRY
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.selection.measuring import Measuring
from stylefader.training.errors import EngineError

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile
    from stylefader.training.packs.pack_header import PackHeader

CPU_SIZE = (180, 320)
"""Where engines on a CPU are compared: their time grows with the pixels. Those on a GPU at the size asked for."""
_SECONDS = 0.5
_INT8_DB = 20.0
"""What int8 must hold on the made-up picture here, to prove that it works. What it holds on photographs, which are
much kinder, was measured for each style when it was quantised, and is asked for before."""
TIMEOUTS_S = {False: 120.0, True: 1200.0}
"""For one engine, on a CPU and on a GPU, whose engines may compile for minutes (and are kept)."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An engine in a precision, as asked for."""

    engine: str
    precision: Precision

    def __str__(self) -> str:
        return f"{self.engine} {own_precision(self.engine) if self.precision == 'auto' else self.precision}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """order: what to open, and then what to fall back on. why: the first one, in a few words or none.

    reasons: how that was found and why not the others, at length. unmeasured: what would have to be measured first,
    where that was not wanted.
    """

    order: tuple[Candidate, ...]
    why: str
    reasons: tuple[str, ...] = ()
    unmeasured: tuple[Candidate, ...] = ()


def own_precision(name: str) -> str:
    """The precision that an engine computes in on this machine where none is asked for."""
    entry = REGISTRY[name]
    return entry.precisions[0] if entry.gpu else cpu_precisions(entry.precisions)[0]


def quantized_db(pack: StylePack | PackFile) -> float | None:
    """The PSNR that a pack's int8 form states; None where it has none. Raises EngineError for one that is unusable."""
    found = find_quantized(pack)
    return found.psnr_db if found else None


def has_int8(pack: StylePack | PackFile) -> bool:
    """Whether there is an int8 form beside a pack that may be tried."""
    try:
        return quantized_db(pack) is not None
    except EngineError:
        return False


def why_not_here(name: str) -> str:
    """Why an engine cannot run here, as far as that is seen without importing it; else nothing."""
    entry = REGISTRY[name]
    if entry.gpu and not machine.has_nvidia_driver():
        return "no NVIDIA GPU or driver is here"
    missing = entry.missing()
    return f"is not installed (no module {', '.join(missing)}): {entry.install}" if missing else ""


def candidates(
    pack: StylePack | PackFile,
    *,
    precision: Precision,
    least_db: float,
    folder: Path,
    report: Report | None = quiet,
) -> tuple[list[Candidate], list[str], bool]:
    """What may be opened here, in the registry's order, and why the others may not.

    folder: of the cache, where it is remembered how a pack's int8 form did; report: told when it is tried now, None
    where it may not be. The third that is returned: whether int8 is a candidate that was not tried yet.
    """
    found: list[Candidate] = []
    reasons: list[str] = []
    without_gpu = []
    held_db, untried, problem = _int8(pack, least_db, folder, report) if precision == "auto" else (None, False, "")
    reasons += [problem] if problem else []
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
        if "int8" in entry.precisions and held_db is not None:
            if held_db >= least_db:
                found.append(Candidate(engine=name, precision="int8"))
            else:
                reasons.append(f"{name} int8 holds {held_db:.1f} dB with this style, less than {least_db:g}")
        found.append(Candidate(engine=name, precision=precision))
    if without_gpu:
        reasons.insert(0, f"no NVIDIA GPU for {', '.join(without_gpu)}")
    return found, reasons, untried


def _int8(
    pack: StylePack | PackFile, least_db: float, folder: Path, report: Report | None
) -> tuple[float | None, bool, str]:
    """What a pack's int8 form holds, whether that is only what it states, and why it is not used."""
    try:
        stated = quantized_db(pack)
    except EngineError as error:
        with suppress(EngineError):
            if report is not None:
                proved(pack, folder, report)  # so that it is said, once
        return None, False, str(error)
    if stated is None or stated < least_db:
        return stated, False, ""
    try:
        proof = recall(pack, folder) if report is None else proved(pack, folder, report)
    except EngineError as error:
        return None, False, str(error)
    if proof is None:
        return stated, True, ""
    return (None, False, f"int8: {proof.problem}") if proof.problem else (proof.psnr_db, False, "")


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
    measure: without, the engine that is there soonest comes first until all is measured; nothing takes long then.
    """
    found, reasons, untried = candidates(
        pack, precision=precision, least_db=least_db, folder=cache.folder, report=report if measure else None
    )
    reference = [candidate for candidate in found if candidate.engine == REFERENCE]
    others = [candidate for candidate in found if candidate.engine != REFERENCE]
    if len(others) < 2:
        why = "" if others else "the only engine here"
        said = ["it is the only engine here beside the reference"] if others else []
        unmeasured = tuple(c for c in others if untried and c.precision == "int8")
        return Choice(order=(*others, *reference), why=why, reasons=(*said, *reasons), unmeasured=unmeasured)
    kept = Measurements(cache.folder)
    rows: dict[Candidate, Measured | None] = {}
    for candidate in others:
        at_height, at_width = size_of(candidate, pack.header, height, width)
        rows[candidate] = kept.recall(pack, candidate.engine, candidate.precision, height=at_height, width=at_width)
    unmeasured = tuple(c for c, row in rows.items() if row is None or (untried and c.precision == "int8"))
    if unmeasured and not measure:
        soonest = sorted(found, key=lambda c: (not REGISTRY[c.engine].soon, c.precision == "int8"))
        not_yet = f"not measured yet: {', '.join(map(str, unmeasured))}"
        return Choice(order=tuple(soonest), why="for now", reasons=(not_yet, *reasons), unmeasured=unmeasured)
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
    usable: list[tuple[float, Candidate]] = []
    refused = []
    for candidate, row in rows.items():
        assert row is not None
        if row.problem:
            refused.append(f"{candidate} did not work here when it was measured: {row.problem}")
        elif row.psnr_db < (_INT8_DB if candidate.precision == "int8" else least_db):
            refused.append(f"{candidate} gives {row.psnr_db:.1f} dB here, less than {least_db:g}")
        else:
            usable.append((row.ms_a_megapixel, candidate))
    usable.sort(key=lambda entry: entry[0])
    if not usable:
        why = f"since no other engine here holds {least_db:g} dB"
        return Choice(order=tuple(reference), why=why, reasons=(*refused, *reasons))
    order = tuple(candidate for _, candidate in usable)
    measured = "measured here: " + ", ".join(f"{c} {row.words}" for c in order if (row := rows[c]))
    return Choice(order=(*order, *reference), why="the fastest here", reasons=(measured, *refused, *reasons))


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
                sides = size_of(candidate, pack.header, height, width)
                at_size[gpu] = stack.enter_context(Measuring(pack, *sides, timeout_s=TIMEOUTS_S[gpu]))
            folder = cache.folder if gpu else at_size[gpu].scratch / "engines"
            if not gpu:
                share(cache.folder, folder)  # a form that was tried is not tried again
            rows[candidate] = at_size[gpu].measure(
                candidate.engine, candidate.precision, seconds=seconds, cache_dir=folder
            )
    return rows


def size_of(candidate: Candidate, header: PackHeader, height: int, width: int) -> tuple[int, int]:
    """The height and width at which a candidate for frames of height and width is measured."""
    if header.size is not None or REGISTRY[candidate.engine].gpu:
        return height, width
    return CPU_SIZE
