"""`stylefader adapt`: a new painting for a palette, in a minute or two."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import asking, unwind
from stylefader.tools.outputs import check_output

if TYPE_CHECKING:
    from stylefader.training.adapting.crops import Crops
    from stylefader.training.adapting.run import AdaptRun
    from stylefader.training.data.photographs import Picture
    from stylefader.training.packs.pack import StylePack

_DEEP_RATE = 5e-4
_FRAMES = 24


def command(
    painting: Annotated[Path, typer.Argument(help="The painting, a picture file.", show_default=False)],
    palette: Annotated[str, typer.Option(help="The palette to adapt: a style's name or a pack file.")],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="A name for your own styles, or a pack file. [default: the palette's file]"
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The style's name in the palette. [default: the file's]")] = None,
    title: Annotated[str, typer.Option(help="What the style is called for people.")] = "",
    photos: Annotated[
        Path | None,
        typer.Option(help="A folder of photographs, a clip or a picture to learn on. [default: demo clips]"),
    ] = None,
    loss_network: Annotated[Path | None, typer.Option(help="Loss network weights, as in training.")] = None,
    steps: Annotated[int, typer.Option(min=1, max=100000, help="So many steps; Ctrl-C keeps what is there.")] = 150,
    deep: Annotated[
        bool, typer.Option("--deep", help="Move all weights, and write a pack of this style alone.")
    ] = False,
    preview: Annotated[
        Path | None, typer.Option(help="A picture that is renewed while it learns. [default: beside the output]")
    ] = None,
    preview_seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between previews.")] = 10.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, or one GPU as in cuda:1.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Adapt a palette to a new painting: a style more in a minute or two, its network and other styles as they were.

    It begins with the style that is nearest to the painting. Needs the loss network that the palette was trained with.
    """
    from stylefader.training.adapting.loss_network_file import find_loss_network
    from stylefader.training.adapting.result import check_name
    from stylefader.training.adapting.run import AdaptRun
    from stylefader.training.compute import choose_compute, find_device, prepare
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack import load_pack, save_pack
    from stylefader.training.packs.style_names import style_name
    from stylefader.training.settings import AdaptSettings

    pack = load_pack(find_pack(palette))
    file = _output_file(output, pack, deep=deep)
    own = file.exists() and file.samefile(pack.file)
    check_output(file, ".safetensors", overwrite=overwrite or own, inputs=[pack.file] if deep else [])
    style = name or style_name(painting.stem)
    if not deep:
        check_name(pack, style)
    picture = preview or file.with_suffix(".preview.png")
    check_output(picture, ".png", ".jpg", ".jpeg", overwrite=True, inputs=[painting])
    network = find_loss_network(loss_network, pack.header)
    where = find_device(device)
    prepare(where)
    settings = AdaptSettings(steps=steps, weights_rate=_DEEP_RATE if deep else None)
    run = AdaptRun(
        pack, painting, photographs(photos), loss_network=network, settings=settings,
        compute=choose_compute("auto", where),
    )  # fmt: skip
    unwind()
    say(f"adapting {pack.header.name} to {painting.name} from {run.started_from}; previews in {picture}")
    _learn(run, picture, every_s=preview_seconds)
    made = run.pack(file, name=style, title=title)
    save_pack(made)
    words = "" if deep else f" with the style {style}"
    say(f"wrote {file}{words}")
    if json:
        print_json({"file": str(file), "style": style, "steps": run.adapter.iteration,
                    "started_from": run.started_from, "preview": str(picture)})  # fmt: skip


def _output_file(word: str | None, pack: StylePack, *, deep: bool) -> Path:
    """Where the result goes; a word without an ending or a folder names one of the user's own styles."""
    from stylefader.training.errors import TrainingError
    from stylefader.training.packs.library import gallery, user_folder

    if word is None:
        comes_along = any(path.samefile(pack.file) for path, _ in gallery())
        if deep or comes_along:
            why = "a pack of one style" if deep else f"{pack.header.name} comes with stylefader and stays as it is"
            raise TrainingError(f"{why}: say with -o NAME what the result is called")
        return pack.file
    path = Path(word)
    if path.suffix or len(path.parts) > 1:
        return path
    folder = user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{word}.safetensors"


def photographs(given: Path | None) -> Crops:
    """What is learnt on: a folder of photographs, frames of a clip, or a picture; else frames of the demo clips."""
    from stylefader.tools.commands.demo import CLIPS, demo_clip
    from stylefader.training.adapting.crops import Pictures
    from stylefader.training.data.photographs import PhotoFolder, read_picture
    from stylefader.training.errors import SourceError, TrainingError
    from stylefader.training.files import PICTURE_SUFFIXES

    if given is None:
        try:
            return Pictures([frame for clip in CLIPS for frame in _frames(demo_clip(clip))])
        except SourceError as error:
            raise TrainingError(
                "adapting needs photographs: give a folder of them, a clip or a picture with --photos; "
                "or pip install 'stylefader[demo]' for the demo clips"
            ) from error
    if given.is_dir():
        return PhotoFolder(given)
    return Pictures([read_picture(given)] if given.suffix.lower() in PICTURE_SUFFIXES else _frames(given))


def _frames(clip: Path) -> list[Picture]:
    """A few frames of a clip, evenly over its length."""
    from stylefader.realtime.sources.files.video_file import VideoFileSource

    with VideoFileSource(clip) as source:
        count = source.frame_count or _FRAMES
        every = max(1, count // _FRAMES)
        return [frame.image for number, frame in enumerate(source) if number % every == 0][:_FRAMES]


def _learn(run: AdaptRun, picture: Path, *, every_s: float) -> None:
    """All steps, or those until Ctrl-C or SIGTERM, with previews as they go."""
    stopped: list[int] = []
    wrote = float("-inf")
    with asking(stopped.append), progress("adapting", run.settings.steps) as advance:
        while not run.finished and not stopped:
            losses = run.step()
            low, high = losses.style.tolist()
            advance(run.adapter.iteration, f"style loss {low:.3f} at alpha 0, {high:.3f} at alpha 1")
            if time.monotonic() - wrote >= every_s:
                run.write_preview(picture)
                wrote = time.monotonic()
    run.write_preview(picture)
    if stopped:
        say(f"stopped after {run.adapter.iteration} of {run.settings.steps} steps; what was learnt so far is kept")
