"""`stylefader engine`: the cache of finished engines: what is in it, building ahead of time, clearing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools import quantize
from tools.render import parse_size
from tools.words import print_json, say

if TYPE_CHECKING:
    from engines.cache import Entry

app = typer.Typer(help="List, build, show and clear cached engines.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
CacheDir = Annotated[Path | None, typer.Option(help="The cache's folder. [default: the user's cache folder]")]
app.command("quantize")(quantize.command)
_ID = 12
"""Letters of a digest that people see; any start that is unique will do."""


def _summary(entry: Entry) -> dict[str, Any]:
    key = entry.key
    return {
        "id": entry.digest[:_ID],
        "engine": key.get("engine"),
        "precision": key.get("precision"),
        "size": key.get("size"),
        "style": entry.facts.get("style"),
        "device": key.get("device"),
        "built": entry.facts.get("built"),
        "build_seconds": entry.facts.get("build_seconds"),
        "bytes": entry.bytes,
        "file": str(entry.file),
        "problem": entry.problem or None,
    }


@app.command("list")
def list_engines(cache_dir: CacheDir = None, json: Json = False) -> None:
    """List the engines in the cache, the last used first."""
    from engines.cache import EngineCache

    cache = EngineCache(cache_dir)
    rows = [_summary(entry) for entry in cache.entries()]
    if json:
        print_json(rows)
        return
    if not rows:
        say(f"no engines in {cache.folder}")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "engine", "precision", "size", "style", "built (UTC)", "MiB", "device", box=None)
    for row in rows:
        if row["problem"]:
            table.add_row(row["id"], f"corrupt: {row['problem']}")
            continue
        built = f"{row['built']:.16}".replace("T", " ")
        words = (row["engine"], row["precision"], row["size"], row["style"], built)
        table.add_row(row["id"], *map(str, words), f"{row['bytes'] / 2**20:.1f}", str(row["device"]))
    Console().print(table)


@app.command()
def build(
    style: Annotated[str, typer.Argument(metavar="PACK", help="A style's name or a pack file.")],
    size: Annotated[
        list[Any], typer.Option(parser=parse_size, metavar="WxH", help="Frame size; may be given several times.")
    ],
    engine: Annotated[str, typer.Option(help="auto or an engine's name.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32, bf16, or fp16 on a GPU.")] = "auto",
    cache_dir: CacheDir = None,
    json: Json = False,
) -> None:
    """Build engines ahead of time, so that a render or a live session at these sizes starts at once."""
    from engines import open_engine
    from engines.cache import EngineCache
    from training.errors import EngineError
    from training.gallery import find_pack
    from training.pack_file import PackFile

    pack = PackFile(find_pack(style))
    problem = EngineCache(cache_dir).problem()
    if problem:
        raise EngineError(problem)
    rows = []
    for width, height in size:
        opened, why = open_engine(
            pack,
            height,
            width,
            backend=engine,
            precision=precision,  # type: ignore[arg-type]
            cache_dir=cache_dir,
            report=say,
        )
        opened.close()
        say(f"{pack.header.title}, {width}x{height}, {opened.precision}: {why}")
        outcome = opened.outcome
        if outcome is None:
            raise EngineError(f"engine {opened.name} starts at once and has nothing to build ahead of time")
        if not outcome.kept:
            raise EngineError(f"the engine was built and is not kept: {outcome.words}", failure=True)
        row = {
            "id": outcome.digest[:_ID], "engine": opened.name, "precision": opened.precision,
            "size": f"{width}x{height}", "style": pack.header.name, "from_cache": outcome.hit, "words": why,
        }  # fmt: skip
        rows.append(row)
    if json:
        print_json(rows)


@app.command()
def info(
    engine_id: Annotated[str, typer.Argument(metavar="ID", help="An engine's id in the list, or its first letters.")],
    cache_dir: CacheDir = None,
    json: Json = False,
) -> None:
    """Show everything that an engine was built for, and check its file. It is not used where any of that differs."""
    from engines.cache import EngineCache

    entry = EngineCache(cache_dir).find(engine_id)
    if json:
        print_json({**_summary(entry), "digest": entry.digest, "key": entry.key, "facts": entry.facts})
        return
    print(f"{entry.digest[:_ID]}: {'corrupt: ' + entry.problem if entry.problem else 'whole'}, {entry.bytes} bytes")
    print(f"  file: {entry.file}")
    for name, value in {**entry.facts, **entry.key}.items():
        if isinstance(value, dict):
            value = ", ".join(f"{part} {version}" for part, version in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        print(f"  {name}: {value}")


@app.command()
def clear(
    engine_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Which; all without.")] = None,
    cache_dir: CacheDir = None,
    json: Json = False,
) -> None:
    """Remove engines from the cache. Those that are open go on; those that are being built just now stay."""
    from engines.cache import EngineCache

    cache = EngineCache(cache_dir)
    if engine_ids:
        digests = {cache.find(engine_id).digest for engine_id in engine_ids}
        count, freed = len(digests), sum(cache.remove(digest) for digest in digests)
    else:
        count, freed = cache.clear()
    if json:
        print_json({"folder": str(cache.folder), "removed": count, "bytes": freed})
    else:
        say(f"removed {count} {'engine' if count == 1 else 'engines'}, {freed / 2**20:.1f} MiB, from {cache.folder}")
