"""`stylefader bench engine`: every engine and precision of this machine beside the machine's own limit."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, print_table, say
from stylefader.tools.parsing import Size, parse_size

if TYPE_CHECKING:
    from stylefader.engines.selection.measured import Measured
    from stylefader.engines.selection.roofline import Limits, Work
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

SIZES = ("640x360", "1280x720", "1920x1080", "3840x2160")


def command(
    style: Annotated[
        list[str] | None, typer.Option(help="A style, PALETTE/STYLE or a pack file; may be given again.")
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(metavar="WxH", help="A size; may be given again. [default: 640x360 to 4K]")
    ] = None,
    engine: Annotated[list[str] | None, typer.Option(help="An engine; may be given again. [default: all]")] = None,
    precision: Annotated[list[str] | None, typer.Option(help="A precision; may be given again.")] = None,
    against: Annotated[
        str | None, typer.Option(help="The style whose torch row is speedup 1. [default: the first --style]")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long each is timed.")] = 5.0,
    turns: Annotated[int, typer.Option(min=1, max=100, help="How often all are timed, in turns.")] = 1,
    cache_dir: Annotated[
        Path | None, typer.Option(help="Where measurements are remembered. [default: the user's cache folder]")
    ] = None,
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Time every engine and precision here, and compare its picture with the reference and its time with the floor.

    Each runs in a process of its own: start-up without and with the cache, calls with alpha changing, peak memory,
    and PSNR to the `torch` engine's picture, the worse of two. The floor is what the frame's multiply-adds take at
    the matrix rate, or its bytes at the bandwidth, whichever is longer; both rates are measured on the spot with all
    cores. Speedup is against `torch` in f32 at the same size. What is found is remembered for `--engine auto`.

    A palette plays mixtures of its styles, PALETTE/STYLE a single network. With --turns a row is the turn of the median
    time, so that styles are compared under the same load.
    """
    from stylefader.engines.cache.store import EngineCache
    from stylefader.engines.selection.measured import Measurements

    sizes: list[Size] = [parse_size(text) for text in size or SIZES]
    packs = [_pack(name) for name in style or ["great_wave"]]
    standard = _pack(against) if against else packs[0]
    _check_words(engine, precision)
    from stylefader.engines.selection.roofline import (  # PyTorch, only once the words have proved to be good
        frame_work,
        measure_cpu_limits,
    )

    kept = Measurements(EngineCache(cache_dir).folder)
    say("measuring this machine's matrix rate and bandwidth")
    limits = measure_cpu_limits()
    for name, rate in limits.multiply_adds.items():
        say(f"  {name}: {rate / 1e9:.0f} thousand million multiply-adds a second")
    say(f"  copying: {limits.bandwidth / 1e9:.1f} GB/s")
    rows: list[dict[str, Any]] = []
    not_kept = ""
    asked = [(pack, height, width) for pack in packs for width, height in sizes]
    measured = [[_measure(*one, engine, precision, seconds) for one in asked] for _ in range(turns)]
    for number, (pack, height, width) in enumerate(asked):
        found = _middle([turn[number] for turn in measured])
        work = frame_work(pack.network(), height, width)
        rows += [_row(pack, one, limits, work) for one in found]
        not_kept = kept.remember(pack, [one for one in found if not one.problem]) or not_kept
    if not_kept:
        say(not_kept)
    _add_speedup(rows, standard.header.name)
    _print_table(rows)
    if json:
        print_json(
            {
                "cores": os.cpu_count(),
                "multiply_adds_per_s": {name: round(rate) for name, rate in limits.multiply_adds.items()},
                "bandwidth_bytes_per_s": round(limits.bandwidth),
                "against": standard.header.name,
                "engines": rows,
            }
        )


def _pack(word: str) -> StylePack | PackFile:
    """A pack; of `PALETTE/STYLE` the single network of that style."""
    from stylefader.training.packs.library import find_pack, split_style
    from stylefader.training.packs.pack_file import PackFile

    if split_style(word).style is None:
        return PackFile(find_pack(word))
    from stylefader.training.packs.one_style import load_one_style

    return load_one_style(word)


def _middle(turns: list[list[Measured]]) -> list[Measured]:
    """Of each engine and precision the turn whose time is the median, or a problem where every turn has one."""
    found: dict[tuple[str, str], list[Measured]] = {}
    for row in (row for turn in turns for row in turn):
        found.setdefault((row.engine, row.precision), []).append(row)
    kept = {key: [row for row in rows if not row.problem] or rows for key, rows in found.items()}
    return [sorted(rows, key=lambda row: row.median_ms)[(len(rows) - 1) // 2] for rows in kept.values()]


def _check_words(names: list[str] | None, precisions: list[str] | None) -> None:
    from typing import get_args

    from stylefader.engines import REGISTRY, Precision
    from stylefader.training.errors import EngineError

    for name in names or []:
        if name not in REGISTRY:
            raise EngineError(f"no engine named {name!r}: there are {', '.join(REGISTRY)}")
    for precision in precisions or []:
        if precision not in get_args(Precision):
            raise EngineError(f"no precision named {precision!r}: there are {', '.join(get_args(Precision))}")


def _measure(
    pack: StylePack | PackFile,
    height: int,
    width: int,
    names: list[str] | None,
    precisions: list[str] | None,
    seconds: float,
) -> list[Measured]:
    """Each engine in its own precision and then in the others that it knows; the reasons of those that cannot run."""
    from stylefader.engines import REGISTRY
    from stylefader.engines.machine.processor import cpu_precisions
    from stylefader.engines.selection.choice import has_int8, why_not_here
    from stylefader.engines.selection.measured import Measured
    from stylefader.engines.selection.measuring import Measuring

    rows: list[Measured] = []
    with Measuring(pack, height, width) as measuring:
        for name in names or list(REGISTRY):
            problem = why_not_here(name)
            done: set[str] = set()
            known = REGISTRY[name].precisions
            known = known if problem or REGISTRY[name].gpu else cpu_precisions(known)
            for precision in precisions or (["auto"] if problem else ["auto", *known]):
                if precision in done or (precision == "int8" and not precisions and not has_int8(pack)):
                    continue
                if problem:
                    row = Measured(
                        engine=name, asked=precision, precision=precision, height=height, width=width, problem=problem
                    )
                elif precision != "auto" and precision not in REGISTRY[name].precisions:
                    continue
                else:
                    row = measuring.measure(name, precision, seconds=seconds)
                done.add(row.precision)
                rows.append(row)
                said = row.problem or f"{row.median_ms:.1f} ms, {row.psnr_db:.1f} dB"
                say(f"{pack.header.name} {name} {row.precision} at {width}x{height}: {said}")
    return rows


def _row(pack: StylePack | PackFile, one: Measured, limits: Limits, work: Work) -> dict[str, Any]:
    from stylefader.engines import REGISTRY

    row: dict[str, Any] = {
        "style": pack.header.name, "architecture": pack.header.architecture, "width": pack.header.width,
        "engine": one.engine, "precision": one.precision,
        "size": f"{one.width}x{one.height}",
    }  # fmt: skip
    if one.problem:
        return {**row, "problem": one.problem}
    # The rates are those of the processor.
    floor = None if REGISTRY[one.engine].gpu else limits.floor_s(work, one.precision)
    facts = asdict(one)
    return {
        **row, "device": one.device, "median_ms": round(one.median_ms, 3), "p99_ms": round(one.p99_ms, 3),
        "fps": round(one.fps, 2), "calls": one.calls, "psnr_db": round(one.psnr_db, 2),
        "floor_ms": None if floor is None else round(1000 * floor, 3),
        "floor_share": None if floor is None else round(1000 * floor / one.median_ms, 3),
        **{name: None if facts[name] is None else round(facts[name], 3)
           for name in ("import_s", "open_s", "open_cached_s")},
        "memory_mib": _mib(one.peak_bytes), "memory_growth_mib": _mib(one.growth_bytes),
    }  # fmt: skip


def _mib(count: int | None) -> float | None:
    return None if count is None else round(count / 2**20, 1)


def _add_speedup(rows: list[dict[str, Any]], standard: str) -> None:
    """How many times as fast as PyTorch runs `standard` in f32 at this size, where this run has that row."""
    base = {
        row["size"]: row["median_ms"]
        for row in rows
        if (row["style"], row["engine"], row["precision"]) == (standard, "torch", "f32") and "problem" not in row
    }
    for row in rows:
        if "problem" not in row:
            row["speedup"] = round(base[row["size"]] / row["median_ms"], 2) if row["size"] in base else None


def _print_table(rows: list[dict[str, Any]]) -> None:
    columns = ("style", "engine", "precision", "size", "median_ms", "p99_ms", "fps", "psnr_db", "floor_ms",
               "floor_share", "open_s", "open_cached_s", "memory_mib", "speedup")  # fmt: skip
    cells = [
        ["" if row[column] is None else str(row[column]) for column in columns] for row in rows if "problem" not in row
    ]
    print_table(columns, cells, words=True, width=180)
