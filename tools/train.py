"""`stylefader train`: make a style pack from one picture and a folder of photographs."""

from __future__ import annotations

import signal
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from tools.signals import unwind
from tools.words import print_json, progress, say

app = typer.Typer(help="Train main networks and tuning-blocks into style packs.", no_args_is_help=True)

Style = Annotated[Path, typer.Option("--style", help="The style picture.", show_default=False)]
Photos = Annotated[Path, typer.Option(help="Folder of content photographs.", show_default=False)]
LossNetwork = Annotated[
    Path,
    typer.Option(
        help="Loss network weights: torchvision's vgg16-397923af.pth, or VGG-19 as safetensors.", show_default=False
    ),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", help="The pack to write, NAME.safetensors.", show_default=False)
]
HeldOut = Annotated[Path | None, typer.Option(help="Photographs to measure the finished pack on.")]
Iterations = Annotated[int, typer.Option(help="Training steps.")]
Batch = Annotated[int, typer.Option(help="Photographs a step.")]
Crop = Annotated[int, typer.Option(help="Side of the training crops in pixels, a multiple of 4.")]
StyleSize = Annotated[int, typer.Option(help="Shorter side of the style picture: larger gives larger strokes.")]
Smoothness = Annotated[float, typer.Option(help="Weight of the output's total variation.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same run.")]
PrecisionOption = Annotated[str, typer.Option("--precision", help="auto, f32 or bf16.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint beside the output.")]
CheckpointEvery = Annotated[int, typer.Option(help="Steps between checkpoints and previews.")]
Title = Annotated[str, typer.Option(help="The style's title.")]
Artist = Annotated[str, typer.Option(help="Who made the style picture.")]
Year = Annotated[str, typer.Option(help="When it was made.")]
Source = Annotated[str, typer.Option(help="Where the style picture is from.")]
StyleLicence = Annotated[str, typer.Option(help="The style picture's licence.")]
Licence = Annotated[str, typer.Option(help="The pack's own licence.")]
PhotosFrom = Annotated[str, typer.Option(help="Where the photographs are from.")]
Json = Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")]


@app.command("main")
def train_main(
    style: Style,
    photos: Photos,
    loss_network: LossNetwork,
    output: Output,
    width: Annotated[int, typer.Option(help="Channels: 32 as in the paper, 16 lite.")] = 32,
    style_weight: Annotated[float, typer.Option(help="Style loss against content loss: the look at alpha 0.")] = 6.0,
    iterations: Iterations = 2000,
    batch: Batch = 2,
    crop: Crop = 192,
    learning_rate: Annotated[float, typer.Option(help="Adam's, falling to a tenth.")] = 1e-3,
    style_size: StyleSize = 256,
    smoothness: Smoothness = 0.0,
    seed: Seed = 0,
    precision: PrecisionOption = "auto",
    held_out: HeldOut = None,
    resume: Resume = False,
    checkpoint_every: CheckpointEvery = 200,
    title: Title = "",
    artist: Artist = "",
    year: Year = "",
    source: Source = "",
    style_licence: StyleLicence = "",
    licence: Licence = "MIT",
    photos_from: PhotosFrom = "",
    json: Json = False,
) -> None:
    """Train a main network: the look at alpha 0. Its pack has no tuning-blocks yet."""
    _train(locals(), main_pack=None, places=())


@app.command("blocks")
def train_blocks(
    main: Annotated[Path, typer.Argument(help="The main network's pack.", show_default=False)],
    style: Style,
    photos: Photos,
    loss_network: LossNetwork,
    output: Output,
    one_block: Annotated[bool, typer.Option("--one-block", help="One tuning-block instead of three.")] = False,
    style_weight: Annotated[float, typer.Option(help="Style loss against content loss: the look at alpha 1.")] = 80.0,
    iterations: Iterations = 1200,
    batch: Batch = 2,
    crop: Crop = 192,
    learning_rate: Annotated[float, typer.Option(help="Adam's, falling to a tenth.")] = 5e-4,
    style_size: StyleSize = 256,
    smoothness: Smoothness = 0.0,
    seed: Seed = 0,
    precision: PrecisionOption = "auto",
    held_out: HeldOut = None,
    resume: Resume = False,
    checkpoint_every: CheckpointEvery = 200,
    title: Title = "",
    artist: Artist = "",
    year: Year = "",
    source: Source = "",
    style_licence: StyleLicence = "",
    licence: Licence = "MIT",
    photos_from: PhotosFrom = "",
    json: Json = False,
) -> None:
    """Train tuning-blocks for a main network, which stays as it is: the look at alpha 1."""
    from training.networks import ONE_BLOCK, THREE_BLOCKS

    _train(locals(), main_pack=main, places=ONE_BLOCK if one_block else THREE_BLOCKS)


def _train(given: dict[str, Any], *, main_pack: Path | None, places: tuple[str, ...]) -> None:
    from training.runs import Credits, Run, RunFiles
    from training.trainer import Progress, TrainSettings

    def pick(cls: Any, **others: Any) -> Any:
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given}, **others)

    files: RunFiles = pick(RunFiles)
    settings: TrainSettings = pick(TrainSettings)
    credits_: Credits = Credits(
        **{
            **{name: given[name] for name in ("artist", "year", "source", "style_licence", "licence")},
            "title": given["title"] or files.output.stem,
            "photos": given["photos_from"],
        }
    )
    stop = _StopOnce()
    run = Run(
        files, settings, credits_, width=given.get("width", 32), main_pack=main_pack, places=places,
        resume=given["resume"], checkpoint_every=given["checkpoint_every"],
    )  # fmt: skip
    unwind()
    what = "blocks" if places else "main network"
    say(f"training the {what} at width {run.net.width} on {len(run.trainer.photos)} photographs, "
        f"{'bf16' if run.trainer.bf16 else 'f32'}; previews in {files.preview}")  # fmt: skip
    with stop, progress(what, settings.iterations, done=run.trainer.iteration) as advance:

        def report(now: Progress) -> None:
            words = f"content {now.content:.3f} style {now.style:.4f} {now.images_per_second:.1f} images/s"
            advance(now.iteration, words)

        finished = run.train(report=report, should_stop=lambda: stop.wanted)
    if not finished:
        say(f"stopped at iteration {run.trainer.iteration}; the same command with --resume goes on from there")
        raise typer.Exit(130)
    if files.held_out:
        say(f"measuring on {files.held_out}")
    if run.preview_problem:
        say(f"note: {run.preview_problem}")
    pack = run.finish()
    if run.trainer.photos.unreadable:
        say(f"{len(run.trainer.photos.unreadable)} pictures could not be read and were skipped")
    if given["json"]:
        print_json({"file": str(pack.file), "iterations": run.trainer.iteration, "header": asdict(pack.header)})
    else:
        say(f"wrote {pack.file}")


class _StopOnce:
    """The first Ctrl-C asks for a stop between two steps; the second ends at once, as usual."""

    wanted = False

    def __enter__(self) -> _StopOnce:
        self._before = signal.signal(signal.SIGINT, self._stop)
        return self

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.wanted = True
        signal.signal(signal.SIGINT, self._before)
        say("stopping after this step; Ctrl-C again ends at once")

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
