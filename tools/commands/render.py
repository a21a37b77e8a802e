"""`stylefader render`: a video, picture or numbered sequence in, the same stylized out, alpha by keyframes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.realtime.media.timecode import format_time
from stylefader.realtime.session.render_job import RenderJob, Watcher, run_job
from stylefader.tools.commands.mask_options import (
    AlphaOutsideOverTime,
    ColourOutsideOverTime,
    FadeIn,
    MaskFile,
    MixOutsideOverTime,
    PersonModel,
    Where,
)
from stylefader.tools.commands.palette_options import Free, Pad, Weights
from stylefader.tools.console.logs import log_to
from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.progress import progress, reading
from stylefader.tools.console.signals import end_at_once, unwind
from stylefader.tools.console.verbose import say_more
from stylefader.tools.parsing import parse_background, parse_rate, parse_size, parse_time_option

if TYPE_CHECKING:
    from stylefader.engines import Engine
    from stylefader.realtime.sinks.open_file import FileSink


def command(
    source: Annotated[
        str,
        typer.Argument(metavar="INPUT", help="A video, a picture, or numbered pictures as shots/%04d.png."),
    ],
    output: Annotated[str, typer.Option("-o", "--output", help="What to write, of the same kind.", show_default=False)],
    style: Annotated[
        str | None, typer.Option(help="A style's name (stylefader styles list), PALETTE/STYLE, or a pack file.")
    ] = None,
    style_image: Annotated[
        Path | None, typer.Option(metavar="PAINTING", help="A picture whose style a palette plays at once.")
    ] = None,
    alpha: Annotated[
        str | None,
        typer.Option(help='Keyframes "0s:0 2s:1 4s:0.2,1,0.5", or one strength. [default: the pack\'s]'),
    ] = None,
    mix: Annotated[
        str | None, typer.Option(help="The same for mix: 0 is the original, 1 the stylized picture. [default: 1]")
    ] = None,
    colour: Annotated[
        str | None, typer.Option(help="The same for colour: 0 has the style's, 1 the original's. [default: 0]")
    ] = None,
    weights: Weights = None,
    free: Free = False,
    pad: Pad = None,
    fade_in: FadeIn = None,
    steady: Annotated[
        float | None, typer.Option(help="How still the picture stands where the clip does, 0 to 1. [default: 0]")
    ] = None,
    stroke: Annotated[
        str | None,
        typer.Option(help="As --mix for the size of the strokes: 0.67, 1, 1.5, 2 or 3, the nearest. [default: 1]"),
    ] = None,
    where: Where = None,
    mask: MaskFile = None,
    person_model: PersonModel = None,
    alpha_outside: AlphaOutsideOverTime = None,
    mix_outside: MixOutsideOverTime = None,
    colour_outside: ColourOutsideOverTime = None,
    automation: Annotated[
        Path | None, typer.Option(help="Keyframes from a CSV file, or a MIDI file with --map.")
    ] = None,
    map: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE.toml", help="Its [[lfo]] and [[sound]], and [[map]] for a MIDI file."),
    ] = None,
    start: Annotated[
        Fraction | None, typer.Option("--from", parser=parse_time_option, metavar="T", help="Begin at this time.")
    ] = None,
    stop: Annotated[
        Fraction | None, typer.Option("--to", parser=parse_time_option, metavar="T", help="End before this time.")
    ] = None,
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Render at this size.")] = None,
    fit: Annotated[str, typer.Option(help="With --size: cover, contain or stretch.")] = "cover",
    rate: Annotated[
        Fraction | None, typer.Option(parser=parse_rate, metavar="FPS", help="Rate of numbered pictures. [default: 25]")
    ] = None,
    background: Annotated[
        Any,
        typer.Option(
            parser=parse_background,
            metavar="COLOUR",
            help="Put this behind transparent places. [default: keep them, or black]",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="auto, or a name: openvino, torch, cuda, tensorrt, tensorrt-rtx.")
    ] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32, bf16, or fp16 on a GPU.")] = "auto",
    cache_dir: Annotated[
        Path | None, typer.Option(help="Where finished engines are kept. [default: the user's cache folder]")
    ] = None,
    codec: Annotated[str | None, typer.Option(help="Video codec. [default: H.264 where it fits]")] = None,
    crf: Annotated[
        int | None, typer.Option(help="Quality: lower is better and larger. [default: 18 for H.264]")
    ] = None,
    deinterlace: Annotated[
        str, typer.Option(metavar="auto|off", help="Deinterlace interlaced video, or never.")
    ] = "auto",
    exact_size: Annotated[bool, typer.Option("--exact-size", help="Keep an odd size, in 4:4:4.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add the log to a file: events, and where errors came from.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Stylize a video: same size, same timestamps, sound and subtitles kept, alpha moving by keyframes.

    Times are the clip's own, also with --from: a part of a clip looks as it does in the whole.
    """
    from stylefader.realtime.session.mask_words import MaskWords

    job = RenderJob(
        source=source, output=output, style=style, style_image=style_image, alpha=alpha, mix=mix,
        colour=colour, weights=weights, free=free, pad=pad, fade_in=fade_in, steady=steady, stroke=stroke,
        mask_words=MaskWords(where=where, file=mask, person_model=person_model), alpha_outside=alpha_outside,
        mix_outside=mix_outside, colour_outside=colour_outside, automation=automation, map=map, start=start, stop=stop,
        size=size, fit=fit, rate=rate, engine=engine, precision=precision, cache_dir=cache_dir, codec=codec, crf=crf,  # type: ignore[arg-type]
        background=background, deinterlace=deinterlace, exact_size=exact_size, overwrite=overwrite,  # type: ignore[arg-type]
    )  # fmt: skip
    with log_to(log_file, say=say):
        result = run(job)
    if json:
        print_json(result)


def run(job: RenderJob) -> dict[str, Any]:
    """Render and say how it goes on standard error; what was written as a JSON-ready dict."""
    result = run_job(job, _Telling())
    frames = f"{result.frames} frame{'s' if result.frames != 1 else ''}"
    fast = f", {format_time(result.render_seconds)} of it rendering: {result.fps:.1f} fps" if result.frames != 1 else ""
    say(f"wrote {result.output}: {frames}, {result.width}x{result.height}, in {format_time(result.seconds)}{fast}")
    return {
        "output": result.output, "frames": result.frames, "width": result.width, "height": result.height,
        "style": result.style, "engine": result.engine, "precision": result.precision,
        "seconds": round(result.seconds, 3), "render_seconds": round(result.render_seconds, 3),
        "engine_seconds": round(result.engine_seconds, 3), "fps": round(result.fps, 3), "notes": list(result.notes),
    }  # fmt: skip


class _Telling(Watcher):
    """Says all on standard error, and has Ctrl-C leave nothing half-written."""

    @contextmanager
    def reading(self, file: Path) -> Iterator[Callable[[float], None]]:
        with reading(file) as tell:
            yield tell

    def opening(self, sink: FileSink) -> None:
        end_at_once(sink.abort)

    def note(self, words: str) -> None:
        say(f"note: {words}")

    def kept_within(self, name: str, low: float, high: float) -> None:
        whose = "this style's" if name == "alpha" else "its"
        say(f"note: {name} is kept within {whose} range, {low:g} to {high:g}")

    def report(self, words: str) -> None:
        say(words)

    def opened(self, sink: FileSink, engine: Engine, why: str) -> None:
        unwind(sink.abort)
        say(f"engine: {why}")
        say_more(engine.reasons)

    def begins(self, title: str, width: int, height: int, *, seconds_each: float, total: int | None) -> None:
        about = f", about {format_time(seconds_each * total)} for {total} frames" if total and total > 1 else ""
        say(f"{title}, {width}x{height}: {seconds_each:.3f} s a frame{about}")

    @contextmanager
    def rendering(self, total: int | None) -> Iterator[Callable[[int], None]]:
        with progress("rendering", total) as advance:
            first = time.monotonic()
            yield lambda frames: advance(frames, f"{frames / (time.monotonic() - first):.1f} fps")
