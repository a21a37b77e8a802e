"""`stylefader engine`: the cache of finished engines: what is in it, building ahead of time, clearing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.commands import quantize
from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import out, print_json, print_table, say
from stylefader.tools.parsing import Size, parse_size

if TYPE_CHECKING:
    from stylefader.engines.base import Outcome
    from stylefader.engines.cache.entries import Entry
    from stylefader.engines.graph.sizes import FrameSizes
    from stylefader.training.packs.pack_file import PackFile

app = Commands("List, build, look at and clear cached engines.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
CacheDir = Annotated[Path | None, typer.Option(help="The cache's folder. [default: the user's cache folder]")]
app.command("quantize")(quantize.command)
_ID = 12
"""Letters of a digest that people see; any start that is unique will do."""


def _summary(entry: Entry, families: dict[str, str] | None = None) -> dict[str, Any]:
    key = entry.key
    return {
        "id": entry.digest[:_ID],
        "engine": key.get("engine"),
        "precision": key.get("precision"),
        "size": key.get("size"),
        "style": entry.facts.get("style"),
        "family": (families or {}).get(str(entry.facts.get("style"))),
        "device": key.get("device"),
        "capability": key.get("capability"),
        "built": entry.facts.get("built"),
        "build_seconds": entry.facts.get("build_seconds"),
        "bytes": entry.bytes,
        "file": str(entry.file),
        "problem": entry.problem or None,
    }


def _families() -> dict[str, str]:
    """`FAMILY:SIZE` of every pack that is one size of several, by its name."""
    from stylefader.training.packs.library import families

    return {
        one.header.name: f"{family.name}:{one.size}"
        for family in families().values() if len(family.members) > 1
        for one in family.members
    }  # fmt: skip


@app.command("list")
def list_engines(cache_dir: CacheDir = None, json: Json = False) -> None:
    """List the engines in the cache, the last used first."""
    from stylefader.engines.cache.store import EngineCache

    cache = EngineCache(cache_dir)
    known = _families()
    rows = [_summary(entry, known) for entry in cache.entries()]
    if json:
        print_json(rows)
        return
    if not rows:
        say(f"no engines in {cache.folder}")
        return
    cells: list[tuple[str, ...]] = []
    for row in rows:
        if row["problem"]:
            cells.append((row["id"], f"corrupt: {row['problem']}"))
            continue
        built = f"{row['built']:.16}".replace("T", " ")
        style = f"{row['style']} ({row['family']})" if row["family"] else row["style"]
        words = (row["engine"], row["precision"], row["size"], style, built)
        device = f"any {row['capability']}" if row["device"] == "any" else str(row["device"])
        cells.append((row["id"], *map(str, words), f"{row['bytes'] / 2**20:.1f}", device))
    print_table(("id", "engine", "precision", "size", "style", "built (UTC)", "MiB", "device"), cells)


def parse_sizes(text: str) -> tuple[Size, Size]:
    """`WxH`, or a range `WxH..WxH` -> the smallest and the largest size. Raises typer.BadParameter."""
    low, _, high = text.partition("..")
    smallest: Size = parse_size(low)
    largest: Size = parse_size(high) if ".." in text else smallest
    if smallest.width > largest.width or smallest.height > largest.height:
        raise typer.BadParameter(f"{text} is no range of sizes: write the smallest first, as in 64x64..1920x1080")
    return smallest, largest


@app.command()
def build(
    style: Annotated[str, typer.Argument(metavar="PACK", help="A style's name or a pack file.")],
    size: Annotated[
        list[Any],
        typer.Option(
            parser=parse_sizes, metavar="WxH",
            help="Frame size; may be given several times. For tensorrt and tensorrt-rtx a range as well: WxH..WxH.",
        ),
    ],
    engine: Annotated[str, typer.Option(help="auto or an engine's name.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32, bf16, or fp16 on a GPU.")] = "auto",
    capability: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X.Y",
            help="For tensorrt-rtx: the compute capability to build for; may be given several times. "
            "[default: this GPU's, without one all]",
        ),
    ] = None,
    cache_dir: CacheDir = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Build engines ahead of time, so that a render or a live session at these sizes starts at once."""
    from stylefader.engines.cache.store import EngineCache
    from stylefader.engines.graph.sizes import FrameSizes
    from stylefader.training.errors import EngineError
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack_file import PackFile

    pack = PackFile(find_pack(style))
    cache = EngineCache(cache_dir)
    if capability and engine != "tensorrt-rtx":
        raise EngineError("--capability is for --engine tensorrt-rtx: others are built for the device that is here")
    if cache.problem():
        raise EngineError(cache.problem())
    rows = []
    for low, high in size:
        sizes = FrameSizes(
            smallest=(low.height, low.width), usual=(high.height, high.width), largest=(high.height, high.width)
        )
        made = _build_ahead(engine, pack, sizes, precision, capability, cache_dir)
        for name, chosen, outcome, why in made or [_build_here(engine, pack, sizes, precision, cache_dir)]:
            say(f"{pack.header.title}, {sizes}, {chosen}: {why}")
            if not outcome.kept:
                raise EngineError(f"the engine was built and is not kept: {outcome.words}", failure=True)
            row = {
                "id": outcome.digest[:_ID], "engine": name, "precision": chosen, "size": str(sizes),
                "style": pack.header.name, "from_cache": outcome.hit, "words": why,
            }  # fmt: skip
            rows.append(row)
    if json:
        print_json(rows)


def _build_here(
    engine: str, pack: PackFile, sizes: FrameSizes, precision: Any, cache_dir: Path | None
) -> tuple[str, str, Outcome, str]:
    """By opening the engine on this machine and running it once, which is when some measure and compile."""
    from stylefader.engines import open_engine
    from stylefader.training.errors import EngineError

    if not sizes.fixed:
        raise EngineError(f"only tensorrt and tensorrt-rtx are built for a range of sizes, not --engine {engine}")
    height, width = sizes.usual
    opened, why = open_engine(
        pack, height, width, backend=engine, precision=precision, cache_dir=cache_dir, report=say
    )  # fmt: skip
    with opened:
        opened.warm_up()
    if opened.outcome is None:
        raise EngineError(f"engine {opened.name} starts at once and has nothing to build ahead of time")
    if opened.outcome.words not in why:
        why = f"{why}; {opened.outcome.words}"
    return opened.name, opened.precision, opened.outcome, why


def _build_ahead(
    engine: str, pack: PackFile, sizes: FrameSizes, precision: Any, capabilities: list[str] | None,
    cache_dir: Path | None,
) -> list[tuple[str, str, Outcome, str]]:  # fmt: skip
    """Without running it: plans for other machines, and engines for a range of sizes. None where neither is asked."""
    from stylefader.engines.cache.store import EngineCache

    if engine == "tensorrt-rtx":
        from stylefader.engines.backends.gpu_engine import half_or_f32
        from stylefader.engines.backends.tensorrt_rtx_build import build_ahead, capability_here, known_capabilities

        here = capability_here()
        if here and sizes.fixed and not capabilities:
            return []
        wanted = capabilities or ([here] if here else list(known_capabilities()))
        outcomes = build_ahead(
            pack, sizes, capabilities=wanted, precision=precision, cache=EngineCache(cache_dir), report=say
        )
        return [
            (
                engine,
                half_or_f32(engine, precision),
                outcome,
                f"{engine} for compute capability {name}; {outcome.words}",
            )
            for name, outcome in zip(wanted, outcomes, strict=True)
        ]
    if engine == "tensorrt" and not sizes.fixed:
        from stylefader.engines.backends import tensorrt_build
        from stylefader.engines.backends.gpu_engine import half_or_f32

        outcome = tensorrt_build.build_ahead(
            pack, sizes, precision=precision, cache=EngineCache(cache_dir), report=say
        )  # fmt: skip
        return [(engine, half_or_f32(engine, precision), outcome, f"{engine}, as asked; {outcome.words}")]
    return []


@app.command()
def info(
    engine_id: Annotated[str, typer.Argument(metavar="ID", help="An engine's id in the list, or its first letters.")],
    cache_dir: CacheDir = None,
    json: Json = False,
) -> None:
    """Show everything that an engine was built for, and check its file. It is not used where any of that differs."""
    from stylefader.engines.cache.store import EngineCache

    entry = EngineCache(cache_dir).find(engine_id)
    if json:
        print_json({**_summary(entry, _families()), "digest": entry.digest, "key": entry.key, "facts": entry.facts})
        return
    out(f"{entry.digest[:_ID]}: {'corrupt: ' + entry.problem if entry.problem else 'whole'}, {entry.bytes} bytes")
    out(f"  file: {entry.file}")
    if member := _families().get(str(entry.facts.get("style"))):
        out(f"  family: {member}")
    for name, value in {**entry.facts, **entry.key}.items():
        if isinstance(value, dict):
            value = ", ".join(f"{part} {version}" for part, version in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        out(f"  {name}: {value}")


@app.command()
def clear(
    engine_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Which; all without.")] = None,
    cache_dir: CacheDir = None,
    json: Json = False,
) -> None:
    """Remove engines from the cache. Those that are open go on; those that are being built just now stay."""
    from stylefader.engines.cache.store import EngineCache

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
