"""`stylefader devices`: what of this machine stylefader can use, section by section: engines, cameras, MIDI, sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.commands.devices_live import (
    cameras_section,
    midi_section,
    print_sections,
    sound_section,
    virtual_cameras_section,
)
from stylefader.tools.console.messages import Cell, out, print_json, print_table, say
from stylefader.tools.parsing import parse_size

if TYPE_CHECKING:
    from stylefader.engines.cache.store import EngineCache
    from stylefader.engines.selection.choice import Choice
    from stylefader.engines.selection.measured import Measured
    from stylefader.training.packs.pack_file import PackFile


def command(
    style: Annotated[str, typer.Option(help="The style that engines are measured with.")] = "great_wave",
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Frame size.")] = "640x360",
    least_db: Annotated[
        float, typer.Option(min=0, max=99, help="The least PSNR to the reference that auto may choose.")
    ] = 45.0,
    measure: Annotated[bool, typer.Option("--measure", help="Measure every engine now, also those known.")] = False,
    cache_dir: Annotated[
        Path | None, typer.Option(help="Where measurements are remembered. [default: the user's cache folder]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the engines (which can run here, what was measured, which auto takes and why), cameras, MIDI and sound."""
    from stylefader.engines.cache.store import EngineCache
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack_file import PackFile

    pack = PackFile(find_pack(style))
    cache = EngineCache(cache_dir)
    width, height = size
    if measure:
        _measure_now(pack, height, width, cache)
    sections = {
        "engines": _engines(pack, height, width, least_db, cache),
        "cameras": cameras_section(),
        "virtual_cameras": virtual_cameras_section(),
        "midi": midi_section(),
        "sound": sound_section(),
    }
    if json:
        print_json(sections)
        return
    _print_engines(sections["engines"])
    print_sections(sections)


def _measure_now(pack: PackFile, height: int, width: int, cache: EngineCache) -> None:
    from stylefader.engines.selection.choice import candidates
    from stylefader.engines.selection.measuring import measure_and_keep

    for candidate in candidates(pack, folder=cache.folder)[0]:
        say(f"measuring {candidate}")
        measure_and_keep(
            pack, candidate.engine, candidate.precision, height, width, folder=cache.folder, again=True, report=say
        )
    if not_kept := cache.problem():
        say(f"measured for this process only: {not_kept}")


def _engines(pack: PackFile, height: int, width: int, least_db: float, cache: EngineCache) -> dict[str, Any]:
    """The section as JSON has it: `auto`, and `table` with a row for each engine of the registry."""
    from stylefader.engines import REGISTRY
    from stylefader.engines.machine import identity as machine
    from stylefader.engines.selection.choice import choose, why_not_here
    from stylefader.engines.selection.measured import Measurements

    choice = choose(pack, height, width, precision="auto", least_db=least_db, folder=cache.folder)
    taken = choice.order[0] if choice.order else None
    kept = Measurements(cache.folder)
    table = []
    for name, entry in REGISTRY.items():
        problem = why_not_here(name)
        precisions = [] if problem else _precisions(name, pack, cache.folder)
        rows = [row for precision in entry.precisions for row in kept.rows(pack, name, precision)]
        # One that failed has no other precision than it was asked for.
        rows += [row for row in kept.rows(pack, name, "auto") if row.problem]
        table.append(
            {
                "engine": name,
                "here": not problem,
                "problem": problem or None,
                "device": machine.gpu_name() if entry.gpu else machine.cpu_name(),
                "precisions": precisions,
                "auto": taken is not None and taken.engine == name,
                "measured": [_measured(row) for row in rows],
            }
        )
    return {"auto": {**_auto(choice), "style": pack.header.name, "size": f"{width}x{height}"}, "table": table}


def _precisions(name: str, pack: PackFile, folder: Path) -> list[str]:
    """What an engine that can run here computes in, on this device and for this pack."""
    from stylefader.engines import REGISTRY
    from stylefader.engines.machine.processor import cpu_precisions
    from stylefader.engines.selection.choice import has_int8

    known = list(REGISTRY[name].precisions)
    if "int8" in known and not has_int8(pack, folder):
        known.remove("int8")
    return known if REGISTRY[name].gpu else list(cpu_precisions(tuple(known)))


def _measured(row: Measured) -> dict[str, Any]:
    head = {"precision": row.precision, "size": f"{row.width}x{row.height}"}
    if row.problem:
        return {**head, "problem": row.problem}
    return {
        **head, "median_ms": round(row.median_ms, 3), "fps": round(row.fps, 2),
        "ms_a_megapixel": round(row.ms_a_megapixel, 2), "psnr_db": round(row.psnr_db, 2),
        "under_load": row.under_load,
    }  # fmt: skip


def _auto(choice: Choice) -> dict[str, Any]:
    from stylefader.engines.selection.choice import own_precision

    first = choice.order[0] if choice.order else None
    return {
        "engine": first and first.engine,
        "precision": first and (own_precision(first.engine) if first.precision == "auto" else first.precision),
        "why": choice.why or None,
        "reasons": list(choice.reasons),
        "unmeasured": [str(candidate) for candidate in choice.unmeasured],
    }


def _print_engines(section: dict[str, Any]) -> None:
    from stylefader.engines.selection.measured import rounded

    rows: list[tuple[Cell, ...]] = []
    for row in section["table"]:
        if row["problem"]:
            rows.append((row["engine"], "", row["problem"], ""))
            continue
        lines = [
            one.get("problem")
            or f"{one['precision']} {one['size']}: {rounded(one['median_ms'])} ms, {rounded(one['fps'])} fps, "
            f"{rounded(one['ms_a_megapixel'])} ms a megapixel, {one['psnr_db']:.1f} dB"
            + (", under load" if one["under_load"] else "")
            for one in row["measured"]
        ]
        name = f"{row['engine']} (auto)" if row["auto"] else row["engine"]
        rows.append((name, ", ".join(row["precisions"]), lines or "not yet", row["device"]))
    print_table(("engine", "precisions", "measured here", "device"), rows, wrap=False)
    auto = section["auto"]
    about = f"auto, {auto['style']} at {auto['size']}"
    if auto["engine"]:
        words = ", ".join(filter(None, [f"{auto['engine']} {auto['precision']}", auto["why"]]))
        out("; ".join([f"{about}: {words}", *auto["reasons"]]))
    else:
        out("; ".join([f"{about}: no engine works here", *auto["reasons"]]))
