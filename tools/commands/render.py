"""`stylefader render`: a video, picture or numbered sequence in, the same stylized out, alpha by keyframes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import end_at_once, unwind
from stylefader.tools.console.verbose import say_more
from stylefader.tools.parsing import parse_background, parse_rate, parse_size, parse_time_option


def command(
    source: Annotated[
        str,
        typer.Argument(metavar="INPUT", help="A video, a picture, or numbered pictures as shots/%04d.png."),
    ],
    output: Annotated[str, typer.Option("-o", "--output", help="What to write, of the same kind.", show_default=False)],
    style: Annotated[str, typer.Option(help="A style's name (stylefader styles list) or a pack file.")],
    alpha: Annotated[
        str | None,
        typer.Option(help='Keyframes "0s:0 2s:1 4s:0.2,1,0.5", or one strength. [default: the pack\'s]'),
    ] = None,
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
    deinterlace: Annotated[str, typer.Option(metavar="auto|off", help="Deinterlace what says so, or not.")] = "auto",
    exact_size: Annotated[bool, typer.Option("--exact-size", help="Keep an odd size, in 4:4:4.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Stylize a video: same size, same timestamps, sound and subtitles kept, alpha moving by keyframes.

    Times are the clip's own, also with --from: a part of a clip looks as it does in the whole.
    """
    result = run(
        source, output, style=style, alpha=alpha, automation=automation, map=map, start=start, stop=stop, size=size,
        fit=fit, rate=rate, engine=engine, precision=precision, cache_dir=cache_dir, codec=codec, crf=crf,
        background=background, deinterlace=deinterlace, exact_size=exact_size, overwrite=overwrite,
    )  # fmt: skip
    if json:
        print_json(result)


def run(
    source: str,
    output: str,
    *,
    style: str,
    alpha: str | None = None,
    automation: Path | None = None,
    map: Path | None = None,
    start: Fraction | None = None,
    stop: Fraction | None = None,
    size: tuple[int, int] | None = None,
    fit: str = "cover",
    rate: Fraction | None = None,
    background: tuple[int, int, int] | None = None,
    engine: str = "auto",
    precision: str = "auto",
    cache_dir: Path | None = None,
    codec: str | None = None,
    crf: int | None = None,
    deinterlace: str = "auto",
    exact_size: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Render and say how it goes on standard error; what was written as a JSON-ready dict."""
    from stylefader.realtime.controls.mapping.mapping import Mapping, read_mapping
    from stylefader.tools.commands.render_alpha import alpha_over_time
    from stylefader.training.packs.header_reading import read_header
    from stylefader.training.packs.library import find_pack

    pack_file = find_pack(style)
    header = read_header(pack_file)
    mapping = read_mapping(map) if map is not None else Mapping()
    keyframes, said_before = alpha_over_time(alpha, automation, mapping, map, header)
    keyframes.check_blocks(len(header.blocks))

    # Heavy imports only once the words on the line have proved to be good.
    from stylefader.realtime.sources.deinterlacing import parse_deinterlace
    from stylefader.realtime.sources.files.pictures import is_picture
    from stylefader.realtime.sources.geometry import check_fit
    from stylefader.realtime.sources.open_file import open_file_source

    with open_file_source(
        source,
        size=size,
        fit=check_fit(fit),
        start=start,
        stop=stop,
        rate=rate,
        deinterlace=parse_deinterlace(deinterlace),
        background=background,
        one_picture=is_picture(output),
    ) as opened:
        from stylefader.realtime.sinks.open_file import open_file_sink
        from stylefader.tools.commands.render_alpha import modulated

        sink = open_file_sink(output, source=opened, codec=codec, crf=crf, overwrite=overwrite, exact_size=exact_size)
        from stylefader.engines import open_engine
        from stylefader.realtime.media.timecode import format_time
        from stylefader.realtime.pipeline.render import render, seconds_per_frame
        from stylefader.training.packs.pack_file import PackFile

        began = time.monotonic()
        pack = PackFile(pack_file)
        with ExitStack() as stack:
            # The sink first: it refuses a bad output at once, the engine takes seconds to compile.
            end_at_once(sink.abort)
            stack.enter_context(sink)
            played = modulated(keyframes, mapping, opened, header, origin=str(map), closing=stack)
            low, high = keyframes.bounds()
            if low < header.alpha.low or high > header.alpha.high:
                say(f"alpha is kept within this style's range, {header.alpha.low:g} to {header.alpha.high:g}")
            said = len(sink.notes)
            for note in [*said_before, *sink.notes]:
                say(f"note: {note}")
            opened_engine, why = open_engine(
                pack,
                opened.height,
                opened.width,
                backend=engine,
                precision=precision,  # type: ignore[arg-type]
                goal="throughput",
                cache_dir=cache_dir,
                report=say,
            )
            stack.enter_context(opened_engine)
            each = seconds_per_frame(opened_engine)
            total = opened.frame_count
            about = f", about {format_time(each * total)} for {total} frames" if total and total > 1 else ""
            unwind(sink.abort)
            say(f"engine: {why}")
            say_more(opened_engine.reasons)
            say(f"{header.title}, {opened.width}x{opened.height}: {each:.3f} s a frame{about}")
            with progress("rendering", total) as advance:
                first = time.monotonic()

                def report(frames: int) -> None:
                    advance(frames, f"{frames / (time.monotonic() - first):.1f} fps")

                done = render(
                    opened, sink, opened_engine, played, low=header.alpha.low, high=header.alpha.high, report=report
                )
        notes = [*said_before, *opened.notes, *sink.notes]
        for note in [*opened.notes, *sink.notes[said:]]:
            say(f"note: {note}")
    seconds = time.monotonic() - began
    width, height = getattr(sink, "size", (opened.width, opened.height))
    frames = f"{done.frames} frame{'s' if done.frames != 1 else ''}"
    fast = f", {format_time(done.seconds)} of it rendering: {done.frames / done.seconds:.1f} fps" if total != 1 else ""
    say(f"wrote {output}: {frames}, {width}x{height}, in {format_time(seconds)}{fast}")
    return {
        "output": output, "frames": done.frames, "width": width, "height": height,
        "style": header.name, "engine": opened_engine.name, "precision": opened_engine.precision,
        "seconds": round(seconds, 3), "render_seconds": round(done.seconds, 3),
        "engine_seconds": round(done.engine_seconds, 3), "fps": round(done.frames / done.seconds, 3), "notes": notes,
    }  # fmt: skip
