"""Which engine `auto` takes: the fastest of those that were measured here, else the first that works here.

Nothing here takes long: what is not known is measured on request, or behind a live session
(`background_measuring.py`). An int8 form, and an engine on a GPU, is taken only after its picture was proved on the
machine of whoever uses it; `open_engine` does that, in seconds, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stylefader.engines.base import Precision
from stylefader.engines.int8.form import find_quantized
from stylefader.engines.machine import identity as machine
from stylefader.engines.machine.processor import cpu_precisions
from stylefader.engines.registry import REFERENCE, REGISTRY
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.selection.measuring import size_of
from stylefader.training.errors import EngineError

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

_INT8_DB = 20.0
"""What a measured int8 must hold on the made-up picture, to show that it works. What it holds on photographs, which
are much kinder, was measured for each style when it was quantised, and is asked for before."""
_LEAVE_DB = 8.0
"""How much less than on photographs a form may hold on the made-up picture of its proof."""


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

    reasons: how that was found and why not the others, at length. unmeasured: what could be measured to know more;
    unproved: what must be proved before it is used. stated_db: what the int8 form states, where there is one of use.
    """

    order: tuple[Candidate, ...]
    why: str
    reasons: tuple[str, ...] = ()
    unmeasured: tuple[Candidate, ...] = ()
    unproved: tuple[Candidate, ...] = ()
    stated_db: float | None = None


def own_precision(name: str) -> str:
    """The precision that an engine computes in on this machine where none is asked for."""
    entry = REGISTRY[name]
    return entry.precisions[0] if entry.gpu else cpu_precisions(entry.precisions)[0]


def quantized_db(pack: StylePack | PackFile, folder: Path | None = None) -> float | None:
    """The PSNR that a pack's int8 form states; None where it has none. Raises EngineError for one that is unusable."""
    found = find_quantized(pack, folder)
    return found.psnr_db if found else None


def has_int8(pack: StylePack | PackFile, folder: Path | None = None) -> bool:
    """Whether there is an int8 form of a pack that may be tried, beside it or made here in the cache folder."""
    try:
        return quantized_db(pack, folder) is not None
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
    pack: StylePack | PackFile, precision: Precision = "auto", *, folder: Path | None = None
) -> tuple[list[Candidate], list[str], float | None]:
    """What can run here, in the registry's order, and int8 before an engine's own precision.

    Returns:
        The candidates; why the others cannot run; what the pack's int8 form states, None where there is none of use.
    """
    found: list[Candidate] = []
    reasons: list[str] = []
    without_gpu = []
    stated_db = None
    try:
        stated_db = quantized_db(pack, folder)
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
        if precision == "auto" and stated_db is not None and "int8" in entry.precisions:
            found.append(Candidate(engine=name, precision="int8"))
        found.append(Candidate(engine=name, precision=precision))
    if without_gpu:
        reasons.insert(0, f"no NVIDIA GPU for {', '.join(without_gpu)}")
    return found, reasons, stated_db


def choose(
    pack: StylePack | PackFile, height: int, width: int, *, precision: Precision, least_db: float, folder: Path
) -> Choice:
    """Find what to open among what works here and holds `least_db`; at the end the reference. Never takes long.

    Args:
        pack: The style.
        height: Of the frames, in pixels.
        width: Likewise.
        precision: As `open_engine` takes it; int8 is a candidate of `auto`.
        least_db: The least PSNR to the reference.
        folder: Of the cache, where it is remembered what was measured and proved.
    """
    found, reasons, stated_db = candidates(pack, precision, folder=folder)
    kept = Measurements(folder)
    if precision == "int8":
        least_db = 0.0  # it was asked for, so it need only work
    fast: list[tuple[float, Candidate, Measured]] = []
    unknown: list[Candidate] = []
    unproved: list[Candidate] = []
    refused: list[str] = []
    for candidate in found:
        if candidate.engine == REFERENCE:
            continue
        at_height, at_width = size_of(candidate.engine, pack.header, height, width)
        row = kept.recall(pack, candidate.engine, candidate.precision, height=at_height, width=at_width)
        # What int8 holds depends on the form, so it is asked of its proof.
        int8 = candidate.precision == "int8" and stated_db is not None
        needs_proof = int8 or (row is None and REGISTRY[candidate.engine].gpu)
        proof = kept.proof(pack, candidate.engine, candidate.precision) if needs_proof else None
        if problem := why_refused(candidate, proof, stated_db, least_db) or _failed(candidate, row, least_db):
            refused.append(problem)
            continue
        if needs_proof and proof is None:
            unproved.append(candidate)
        if row is None or (int8 and proof is None):
            unknown.append(candidate)
        else:
            fast.append((row.ms_a_megapixel, candidate, row))
    fast.sort(key=lambda one: one[0])
    # Where nothing is known: what is there in seconds before what compiles for minutes, and int8 after the reference.
    unknown.sort(key=lambda one: (not REGISTRY[one.engine].soon, one.precision == "int8"))
    soon = [one for one in unknown if REGISTRY[one.engine].soon and one.precision != "int8"]
    late = [one for one in unknown if one not in soon]
    order = [*(one for _, one, _ in fast), *soon, *(one for one in found if one.engine == REFERENCE), *late]
    said = list(refused)
    if fast:
        why = "the fastest of those measured here" if unknown else "the fastest here"
        said.insert(0, "measured here: " + ", ".join(f"{one} {row.words}" for _, one, row in fast))
    elif len(unknown) == 1:
        why = ""  # without a choice there is nothing to measure
        said.insert(0, "it is the only engine here beside the reference")
        unknown = [one for one in unproved if one.precision == "int8"]
    elif unknown:
        why = "for now"
    else:
        why = f"since no other engine here holds {least_db:g} dB" if refused else "the only engine here"
    if unknown:
        said.insert(0, f"not measured yet: {', '.join(map(str, unknown))}: stylefader devices --measure")
    return Choice(
        order=tuple(order), why=why, reasons=(*said, *reasons), unmeasured=tuple(unknown), unproved=tuple(unproved),
        stated_db=stated_db,
    )  # fmt: skip


def why_refused(candidate: Candidate, proof: Measured | None, stated_db: float | None, least_db: float) -> str:
    """What its proof, and what an int8 form states, say against a candidate, in words; else nothing."""
    if proof and proof.problem:
        return f"{candidate} does not work here: {proof.problem}"
    held_db = [proof.psnr_db] if proof else []
    if candidate.precision == "int8" and stated_db is not None:
        held_db = [stated_db, *(one + _LEAVE_DB for one in held_db)]
    if not held_db or min(held_db) >= least_db:
        return ""
    return f"{candidate} holds {min(held_db):.1f} dB with this style, less than {least_db:g}"


def _failed(candidate: Candidate, row: Measured | None, least_db: float) -> str:
    """What a measurement says against a candidate."""
    if row is None:
        return ""
    if row.problem:
        return f"{candidate} did not work here when it was measured: {row.problem}"
    if row.psnr_db < (_INT8_DB if candidate.precision == "int8" else least_db):
        return f"{candidate} gives {row.psnr_db:.1f} dB here, less than {least_db:g}"
    return ""
