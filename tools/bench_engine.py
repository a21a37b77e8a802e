"""`stylefader bench engine`: every engine and precision of this machine beside the machine's own limit."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools.render import Size, parse_size
from tools.words import print_json, say

if TYPE_CHECKING:
    from engines.limits import Limits
    from training.data import Picture
    from training.pack import StylePack

SIZES = ("640x360", "1280x720", "1920x1080", "3840x2160")
_ALPHA = 0.7


def command(
    style: Annotated[list[str] | None, typer.Option(help="A style or a pack file; may be given again.")] = None,
    size: Annotated[
        list[str] | None, typer.Option(metavar="WxH", help="A size; may be given again. [default: 640x360 to 4K]")
    ] = None,
    engine: Annotated[list[str] | None, typer.Option(help="An engine; may be given again. [default: all]")] = None,
    precision: Annotated[list[str] | None, typer.Option(help="A precision; may be given again.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long each is timed.")] = 5.0,
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Time every engine and precision here, and compare its picture with the reference and its time with the floor.

    The floor is what the frame's multiply-adds take at the matrix rate, or its bytes at the bandwidth, whichever is
    longer; both rates are measured on the spot with all cores. PSNR is to the `torch` engine's picture of the same
    frame at alpha 0.7. Memory is what the process holds more while the engine runs than before it was opened.
    """
    from engines.limits import measure_cpu_limits
    from training.gallery import find_pack
    from training.pack import load_pack

    sizes: list[Size] = [parse_size(text) for text in size or SIZES]
    packs = [load_pack(find_pack(name)) for name in style or ["great_wave"]]
    say("measuring this machine's matrix rate and bandwidth")
    limits = measure_cpu_limits()
    for name, rate in limits.multiply_adds.items():
        say(f"  {name}: {rate / 1e9:.0f} thousand million multiply-adds a second")
    say(f"  copying: {limits.bandwidth / 1e9:.1f} GB/s")
    rows: list[dict[str, Any]] = []
    for pack in packs:
        for at in sizes:
            rows += _bench_size(pack, at, limits, engine, precision, seconds)
    _print_table(rows)
    if json:
        print_json(
            {
                "cores": os.cpu_count(),
                "multiply_adds_per_s": {name: round(rate) for name, rate in limits.multiply_adds.items()},
                "bandwidth_bytes_per_s": round(limits.bandwidth),
                "engines": rows,
            }
        )


def _bench_size(
    pack: StylePack, size: Size, limits: Limits, names: list[str] | None, precisions: list[str] | None, seconds: float
) -> list[dict[str, Any]]:
    import numpy as np

    from engines import REGISTRY, open_engine
    from engines.limits import frame_work
    from engines.timing import psnr_db, time_engine
    from training.errors import EngineError

    width, height = size
    frame = _test_picture(size)
    alpha = np.full(pack.n_blocks, _ALPHA, np.float32)
    work = frame_work(pack.network(), height, width)
    with open_engine(pack, height, width, backend="torch")[0] as reference:
        expected = reference.stylize(frame, alpha).copy()
    rows = []
    for name in names or list(REGISTRY):
        for precision in precisions or ("f32", "bf16", "fp16"):
            before = _resident_bytes()
            began = time.perf_counter()
            try:
                opened, _ = open_engine(pack, height, width, backend=name, precision=precision)  # type: ignore[arg-type]
            except EngineError as error:
                if names:
                    say(f"{name} {precision} at {width}x{height}: {error}")
                continue
            open_s = time.perf_counter() - began
            with opened:
                picture_db = psnr_db(opened.stylize(frame, alpha), expected)
                timing = time_engine(opened, frame, seconds=seconds)
                floor = limits.floor_s(work, opened.precision)
                rows.append(
                    {
                        "style": pack.header.name, "width": pack.header.width, "engine": name,
                        "precision": opened.precision, "device": opened.device, "size": f"{width}x{height}",
                        "median_ms": round(timing.median_ms, 3), "p99_ms": round(timing.p99_ms, 3),
                        "fps": round(timing.fps, 2), "calls": timing.calls, "psnr_db": round(picture_db, 2),
                        "open_s": round(open_s, 3), "memory_mib": round((_resident_bytes() - before) / 2**20, 1),
                        "floor_ms": None if floor is None else round(1000 * floor, 3),
                        "floor_share": None if floor is None else round(1000 * floor / timing.median_ms, 3),
                    }
                )  # fmt: skip
            say(f"{name} {opened.precision} at {width}x{height}: {timing.median_ms:.1f} ms, {picture_db:.1f} dB")
    return rows


def _test_picture(size: Size) -> Picture:
    """A picture with broad areas and fine edges, the same every time."""
    import cv2
    import numpy as np

    width, height = size
    rng = np.random.default_rng(1)
    broad = cv2.resize(rng.integers(0, 256, (9, 16, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = rng.integers(-12, 13, (height, width, 3))
    return np.clip(broad.astype(np.int16) + fine, 0, 255).astype(np.uint8)


def _resident_bytes() -> int:
    """What the process holds in memory now. Linux tells; elsewhere its peak so far must do."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ("style", "engine", "precision", "size", "median_ms", "p99_ms", "fps", "psnr_db", "floor_ms",
               "floor_share", "open_s", "memory_mib")  # fmt: skip
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    Console(stderr=True, width=160).print(table)
