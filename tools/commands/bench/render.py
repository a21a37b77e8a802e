"""`stylefader bench render`: a whole render beside the engine alone, and its memory over clips of two lengths."""

from __future__ import annotations

import json as jsonlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.signals import unwind
from stylefader.tools.parsing import Size, parse_size


def command(
    style: Annotated[str, typer.Option(help="A style's name or a pack file.")] = "great_wave",
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH")] = "640x360",
    engine: Annotated[str, typer.Option(help="auto, or an engine's name.")] = "auto",
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="Length of the clip that is timed.")] = 3.0,
    runs: Annotated[int, typer.Option(min=1, help="How often it is timed.")] = 3,
    memory: Annotated[bool, typer.Option(help="Also compare peak memory of a 10 s and a 60 s clip.")] = True,
    memory_rate: Annotated[int, typer.Option(min=1, max=120, help="Frames a second of those two clips.")] = 30,
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Compare a whole render with the engine alone, and the memory of a long clip with that of a short one.

    The engine's own time is its calls on the same frames, decoded beforehand, with nothing else running. A
    whole render goes from opening the input to the finished file, without imports and compiling the engine.
    """
    unwind()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        _make_clip(clip, size, Fraction(seconds).limit_denominator(1000), 30)
        result = _time_render(clip, style, size, engine, runs)
        if memory:
            peaks = {}
            for length in (10, 60):
                clip = folder / f"clip{length}.mp4"
                say(f"rendering {length} s at {memory_rate} frames a second for its peak memory")
                _make_clip(clip, size, Fraction(length), memory_rate)
                peaks[length] = _peak_memory(clip, folder / f"out{length}.mp4", style, engine)
            result |= {
                "peak_mib_10s": round(peaks[10] / 2**20, 1),
                "peak_mib_60s": round(peaks[60] / 2**20, 1),
                "peak_ratio": round(peaks[60] / peaks[10], 4),
            }
    if json:
        print_json(result)


def _make_clip(path: Path, size: Size, length: Fraction, rate: int) -> None:
    """A clip of FFmpeg's moving test picture with a tone, H.264 and AAC."""
    import av

    lavfi = f"testsrc2=size={size[0]}x{size[1]}:rate={rate}:duration={float(length)}"
    sine = f"sine=frequency=440:duration={float(length)}"
    with (
        av.open(lavfi, format="lavfi") as pictures,
        av.open(sine, format="lavfi") as tone,
        av.open(str(path), "w") as out,
    ):
        video = out.add_stream("libx264", rate=rate)
        video.width, video.height = size
        video.pix_fmt = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
        sound = out.add_stream("aac", rate=44100)
        for source, stream in ((pictures, video), (tone, sound)):
            for frame in source.decode(*source.streams):
                out.mux(stream.encode(frame))  # type: ignore[arg-type]
            out.mux(stream.encode(None))


def _time_render(clip: Path, style: str, size: Size, engine_name: str, runs: int) -> dict[str, object]:
    import numpy as np

    from stylefader.engines import Pending, frame_and_alpha, open_engine
    from stylefader.realtime.automation.keyframes import parse_inline
    from stylefader.realtime.parameters.parameter import parameters_of
    from stylefader.realtime.pipeline.render import render as render_clip
    from stylefader.realtime.sinks.open_file import open_file_sink
    from stylefader.realtime.sources.open_file import open_file_source
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack import load_pack

    pack = load_pack(find_pack(style))
    engine, why = open_engine(pack, size[1], size[0], backend=engine_name, goal="throughput")
    automation = parse_inline("0s:0 2s:1")
    whole: list[float] = []
    alone: list[float] = []
    with engine, open_file_source(str(clip)) as source:
        frames = [frame.image for frame in source]
        alphas = [np.full(pack.n_blocks, i / len(frames), np.float32) for i in range(len(frames))]
        engine.warm_up()
        for number in range(runs):
            say(f"run {number + 1} of {runs}: {len(frames)} frames; engine: {why}")
            began = time.perf_counter()
            under_way: deque[Pending] = deque()
            for image, alpha in zip(frames, alphas, strict=True):
                if len(under_way) == engine.slots:
                    under_way.popleft().result()
                under_way.append(engine.start(frame_and_alpha(image, alpha)))
            for pending in under_way:
                pending.result()
            alone.append(time.perf_counter() - began)
            out = clip.with_name(f"out{number}.mp4")
            began = time.perf_counter()
            with open_file_source(str(clip)) as opened, open_file_sink(str(out), source=opened) as sink:
                render_clip(opened, sink, engine, automation, parameters_of(pack.header))
            whole.append(time.perf_counter() - began)
        ratios = [a / b for a, b in zip(whole, alone, strict=True)]
        return {
            "style": pack.header.name, "architecture": pack.header.architecture,
            "width": pack.header.width, "size": f"{size[0]}x{size[1]}",
            "engine": engine.name, "precision": engine.precision, "device": engine.device, "cores": os.cpu_count(),
            "frames": len(frames), "runs": runs, "engine_seconds": round(statistics.median(alone), 3),
            "render_seconds": round(statistics.median(whole), 3), "ratio": round(statistics.median(ratios), 4),
            "ratio_min": round(min(ratios), 4), "ratio_max": round(max(ratios), 4),
        }  # fmt: skip


def _peak_memory(clip: Path, output: Path, style: str, engine: str) -> int:
    """Peak resident bytes of a whole `stylefader render` in a process of its own, by the system's account."""
    from stylefader.engines.subprocesses import worker_environment

    code = (
        "import resource, sys; from stylefader.tools.cli import run; code = run(sys.argv[1:]); "
        "code and sys.exit(code); "
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "print('peak', peak if sys.platform == 'darwin' else peak * 1024)"
    )
    command = ["render", str(clip), "-o", str(output), "--style", style, "--alpha", "0s:0 5s:1", "--engine", engine,
               "--json"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *command], stdout=subprocess.PIPE, text=True, check=True,
        env=worker_environment(),
    )  # fmt: skip
    document, peak = done.stdout.strip().splitlines()
    assert jsonlib.loads(document)["frames"] > 0
    return int(peak.split()[1])
