"""`open_engine`: an engine by name, or with `auto` the one that `engines.selection.choice` takes here."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from stylefader.engines.account import EngineAccount
from stylefader.engines.base import Engine, Goal, Precision, Report, quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.inputs import frame_size
from stylefader.engines.int8.quantized import find_quantized
from stylefader.engines.registry import REGISTRY
from stylefader.engines.selection.choice import choose, why_refused
from stylefader.engines.selection.measuring import measure_and_keep, prove
from stylefader.training.errors import EngineError

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile


def open_engine(
    pack: StylePack | PackFile,
    height: int | None = None,
    width: int | None = None,
    *,
    backend: str = "auto",
    precision: Precision = "auto",
    goal: Goal = "latency",
    least_db: float = 45.0,
    cache_dir: Path | None = None,
    report: Report = quiet,
    came: str = "",
    masked: bool = False,
) -> tuple[Engine, str]:
    """Open an engine for frames of one size.

    Args:
        pack: A `PackFile` reads its weights only if the engine is not in the cache, and then needs no torch.
        height: Of the frames, in pixels; None for a pack that has a size of its own.
        width: Likewise.
        backend: A name in the registry, or `auto` for the fastest one that was measured here, else the first that
            works. An engine on a GPU that is not known here is tested before, once, and so is an int8 form. Nothing is
            measured.
        precision: `auto` is the engine's own choice; with backend `auto` it may be int8, if the pack has that form.
        goal: `throughput` for a render, where several frames may be under way at once (`Engine.slots`).
        least_db: The least PSNR to the reference, in dB, of an engine that backend `auto` may choose.
        cache_dir: Where built engines and measurements are kept; None is the user's cache folder. If it cannot be
            written, nothing is kept, and the line says so.
        report: Called with a few words before something that takes long.
        came: Where the engine came from, if the caller has just had it built into the cache.
        masked: With a mask, by which the inside and the outside have strengths of their own: another graph, built and
            kept beside the plain one. What was measured of that counts for it.

    Returns:
        The engine, and a short line that names it and where it came from. `Engine.reasons` has the reasons in detail.

    Raises:
        EngineError: The pack does not have that size, or the engine is unknown, not installed (with the command that
            installs it) or cannot run here. With `auto`: the reasons of all engines.
    """
    height, width = frame_size(pack.header, height, width)
    check_engine_words(backend, precision)
    cache = EngineCache(cache_dir)
    if backend != "auto":
        has_form = precision == "int8" and "int8" in REGISTRY[backend].precisions and find_quantized(pack)
        if has_form and (problem := prove(pack, backend, "int8", folder=cache.folder, report=report).problem):
            raise EngineError(f"engine {backend} does not use int8 with {pack.header.name}: {problem}")
        engine = _open(backend, pack, height, width, precision, goal, cache, report, masked)
        return engine, _account(engine, "as asked", came).line
    choice = choose(pack, height, width, precision=precision, least_db=least_db, folder=cache.folder)
    reasons = list(choice.reasons)
    for candidate in choice.order:
        name = candidate.engine
        try:
            if candidate in choice.unproved:
                proof = prove(pack, name, candidate.precision, folder=cache.folder, report=report)
                least = 0.0 if precision == "int8" else least_db
                if problem := why_refused(candidate, proof, choice.stated_db, least):
                    reasons.append(problem)
                    continue
            engine = _open(name, pack, height, width, candidate.precision, goal, cache, report, masked)
        except EngineError as error:
            reasons.append(f"{candidate} {str(error).removeprefix(f'engine {name} ')}")
            continue
        engine.reasons = tuple(reasons)
        why = choice.why if candidate == choice.order[0] else "the next that works here"
        return engine, _account(engine, why, came).line
    raise EngineError("no engine works here: " + "; ".join(reasons))


def measure_missing(
    pack: StylePack | PackFile,
    height: int,
    width: int,
    *,
    precision: Precision = "auto",
    least_db: float = 45.0,
    cache_dir: Path | None = None,
) -> None:
    """Measure every engine that `auto` could take and that is not known yet, on request: it may take minutes.

    The arguments are those of `open_engine`.
    """
    folder = EngineCache(cache_dir).folder
    for candidate in choose(pack, height, width, precision=precision, least_db=least_db, folder=folder).unmeasured:
        measure_and_keep(pack, candidate.engine, candidate.precision, height, width, folder=folder)


def _account(engine: Engine, why: str, came: str) -> EngineAccount:
    """The account of an engine that was just opened; the engine has it from then on."""
    engine.account = EngineAccount(
        engine=engine.name, precision=engine.precision, why=why, reasons=engine.reasons,
        came=came or (engine.outcome.words if engine.outcome else ""),
    )  # fmt: skip
    return engine.account


def check_engine_words(backend: str, precision: str) -> None:
    """Raise EngineError for an engine or a precision that there is not, naming those that there are."""
    if precision not in get_args(Precision):
        raise EngineError(f"no precision named {precision!r}: there are {', '.join(get_args(Precision))}")
    if backend != "auto" and backend not in REGISTRY:
        raise EngineError(f"no engine named {backend!r}: there are auto, {', '.join(REGISTRY)}")


def _open(
    name: str,
    pack: StylePack | PackFile,
    height: int,
    width: int,
    precision: Precision,
    goal: Goal,
    cache: EngineCache,
    report: Report,
    masked: bool,
) -> Engine:
    entry = REGISTRY[name]
    try:
        module = importlib.import_module(entry.module)
    except ImportError as error:
        raise EngineError(f"engine {name} is not installed ({error}): {entry.install}") from error
    kind: Any = getattr(module, entry.class_name)
    engine: Engine = kind(
        pack, height, width, precision=precision, goal=goal, cache=cache, report=report, masked=masked
    )  # fmt: skip
    return engine
