"""`stylefader live`: stylize a camera, a stream, the screen or a file as it comes. The options, and what they say."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from stylefader.tools.commands.mask_options import (
    AlphaOutside,
    ColourOutside,
    FadeIn,
    MaskFile,
    MixOutside,
    PersonModel,
    Where,
)
from stylefader.tools.commands.palette_options import Free, Pad, Weights
from stylefader.tools.parsing import parse_background, parse_rate, parse_size


def command(
    style: Annotated[
        list[str] | None, typer.Option(help="A style, PALETTE/STYLE or a pack file; may be given again.")
    ] = None,
    style_image: Annotated[
        list[Path] | None,
        typer.Option(metavar="PAINTING", help="A picture whose style a palette plays at once; may be given again."),
    ] = None,
    adapt_share: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", min=0.01, max=1, help="Learn such pictures better meanwhile, by this share of a processor."
        ),
    ] = None,
    adapt_photos: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Photographs to learn on: a folder, or one picture.")
    ] = None,
    adapt_loss_network: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Loss network weights, as in training.")
    ] = None,
    adapt_keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep what is learnt here, as STYLE.safetensors.")
    ] = None,
    source: Annotated[str, typer.Option(help="testcard, a camera's number or name, a URL, screen, or a file.")] = "0",
    sink: Annotated[
        list[str] | None, typer.Option(help="virtualcam, ndi, FILE.mkv, a URL, hls:FOLDER, null; may be given again.")
    ] = None,
    no_window: Annotated[bool, typer.Option("--no-window", help="Show no window.")] = False,
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Size of the picture.")] = "640x360",
    rate: Annotated[
        Fraction | None, typer.Option(parser=parse_rate, metavar="FPS", help="Ask the source for this frame rate.")
    ] = None,
    fit: Annotated[str, typer.Option(help="How to fit the size: cover, contain, stretch.")] = "cover",
    mirror: Annotated[bool, typer.Option("--mirror", help="Mirror the picture.")] = False,
    rotate: Annotated[int, typer.Option(help="0, 90, 180 or 270 degrees.")] = 0,
    crop: Annotated[str | None, typer.Option(metavar="X,Y,WxH", help="A part of the source's picture.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Play files again and again.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Process only every Nth frame.")] = 1,
    fps: Annotated[
        float | None,
        typer.Option(
            metavar="FPS", min=1, max=240, help="A style of several sizes must hold this rate. [default: the source's]"
        ),
    ] = None,
    adaptive: Annotated[
        float | None, typer.Option(metavar="FPS", min=1, max=240, help="Hold this rate by a smaller network size.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="Strength at first. [default: the style's own]")] = None,
    mix: Annotated[
        float | None, typer.Option(help="From the original (0) to the stylized picture (1), at first. [default: 1]")
    ] = None,
    colour: Annotated[
        float | None, typer.Option(help="From the style's colours (0) to the original's (1), at first. [default: 0]")
    ] = None,
    weights: Weights = None,
    free: Free = False,
    pad: Pad = None,
    fade_in: FadeIn = None,
    steady: Annotated[
        float | None, typer.Option(help="How still the picture stands at rest, 0 to 1, at first. [default: 0]")
    ] = None,
    stroke: Annotated[
        float | None,
        typer.Option(help="Size of the strokes at first: 0.67, 1, 1.5, 2 or 3. [default: 1]"),
    ] = None,
    where: Where = None,
    mask: MaskFile = None,
    person_model: PersonModel = None,
    alpha_outside: AlphaOutside = None,
    mix_outside: MixOutside = None,
    colour_outside: ColourOutside = None,
    slew: Annotated[
        float | None, typer.Option(metavar="PER_SECOND", min=0.001, max=1e6, help="How fast alpha may move, a second.")
    ] = None,
    mute: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="keys, midi, osc, scene, lfo or sound move no alpha.")
    ] = None,
    fade: Annotated[
        float | None, typer.Option(min=0, max=60, help="Seconds of a cross-fade between styles. [default: 1]")
    ] = None,
    scenes: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Scenes to recall while it runs.")] = None,
    map: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE.toml", help="What MIDI, keys, LFOs and sound move; tempo."),
    ] = None,
    midi: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A part of a MIDI port's name. [default: the mapping's]")
    ] = None,
    sound: Annotated[
        str | None,
        typer.Option(metavar="INPUT", help="Sound that moves alpha: default, a number or name; file: its own."),
    ] = None,
    osc: Annotated[str | None, typer.Option(metavar="[HOST:]PORT", help="Listen to OSC; this machine alone.")] = None,
    engine: Annotated[str, typer.Option(help="auto, or an engine's name.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32, bf16, fp16 or int8.")] = "auto",
    cache_dir: Annotated[Path | None, typer.Option(help="Folder of finished engines.")] = None,
    record_automation: Annotated[
        Path | None, typer.Option(metavar="TAKE.csv", help="Record alpha from the start, for render.")
    ] = None,
    stats: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="Write statistics, a line a second.")] = None,
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add the log to a file: events, and where errors came from.")
    ] = None,
    overlay: Annotated[bool, typer.Option("--overlay/--no-overlay", help="Show statistics in the window.")] = True,
    full_screen: Annotated[bool, typer.Option("--full-screen", help="Begin with a full-screen window.")] = False,
    monitor: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=99, help="Open the window on this monitor, counted from 1.")
    ] = None,
    background: Annotated[
        Any, typer.Option(parser=parse_background, metavar="COLOUR", help="Behind transparent places of files.")
    ] = "black",
    deinterlace: Annotated[
        str, typer.Option(metavar="auto|off", help="Deinterlace interlaced video, or never.")
    ] = "auto",
    exact_size: Annotated[bool, typer.Option("--exact-size", help="Recordings keep an odd size, in 4:4:4.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace recordings that exist.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after this time. [default: never]")] = None,
) -> None:
    """Stylize a camera as it comes: newest frame first, in a window and to any number of sinks.

    Until the first engine is ready the original passes through. Keys in the window, or without one in the terminal: h
    shows them all; up and down move alpha, left and right change the style, r records a take, q quits.
    """
    words = {**locals()}
    from stylefader.tools.commands.live.session import run

    run(words)
