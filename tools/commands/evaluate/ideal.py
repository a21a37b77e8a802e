"""`stylefader evaluate ideal`: the picture that a recipe's loss asks for, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import unwind
from stylefader.tools.outputs import check_output, write_whole

if TYPE_CHECKING:
    from stylefader.training.data.photographs import Picture
    from stylefader.training.loop.recipe import Part, Recipe


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of one that comes with stylefader.")],
    photo: Annotated[Path, typer.Argument(help="A photograph to stylize.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The pictures to write side by side, .png or .jpg.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe, as in blocks.smoothness=5. Many times."),
    ] = None,
    part: Annotated[str | None, typer.Option(help="Whose loss: main, blocks, lo or hi. Default: the last.")] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="A style's name, PALETTE/STYLE or a pack file to show and measure beside; many times."),
    ] = None,
    side: Annotated[int, typer.Option(min=64, max=2048, help="Shorter side of the photograph, in pixels.")] = 256,
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="Optimiser steps.")] = 200,
    method: Annotated[str, typer.Option(help="Optimiser: adam or lbfgs.")] = "adam",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print losses as JSON.")] = False,
) -> None:
    """Optimise one picture directly under a recipe's loss, without a network (Gatys et al. 2016).

    Shows in a minute or two what a recipe can look like, and how far a trained pack is from that (--beside).
    """
    from stylefader.training.data.photographs import read_picture, resize_short_side
    from stylefader.training.errors import TrainingError
    from stylefader.training.evaluation.strip import encode_picture, strip
    from stylefader.training.loop.recipe_reading import find_recipe, read_recipe
    from stylefader.training.packs.one_style import load_one_style

    if method not in ("adam", "lbfgs"):
        raise typer.BadParameter(f"the optimiser is adam or lbfgs, not {method!r}")
    check_output(output, ".jpg", ".jpeg", ".png", overwrite=overwrite, inputs=[photo])
    checked = read_recipe(find_recipe(recipe), changes or ())
    names = [one.name for one in checked.parts]
    chosen = checked.part(part or names[-1])
    if chosen is None:
        raise TrainingError(f"this recipe has no part {part!r}: it has {', '.join(names)}")
    packs = [load_one_style(name) for name in beside or ()]
    picture = resize_short_side(read_picture(photo), side)
    unwind()
    pictures, captions, rows = _made(checked, chosen, picture, packs, steps=steps, method=method)
    write_whole(output, encode_picture(strip(pictures, captions), output.suffix.lower()))
    say(f"wrote {output}")
    if json:
        print_json({"output": str(output), "part": chosen.name, "pictures": rows})
        return
    width = max(len(row["of"]) for row in rows)
    for row in rows:
        say(
            f"{row['of']:{width}}  loss {row['total']:.3f}  content {row['content']:.3f}  style {row['style']:.4f}  "
            f"variation {row['variation']:.3f}  lattice {row['lattice']:.1f}"
        )


def _made(
    recipe: Recipe, part: Part, photo: Picture, packs: Sequence[Any], *, steps: int, method: Any
) -> tuple[list[Picture], list[str], list[dict[str, Any]]]:
    """The photograph, the ideal picture and those of the packs, their captions, and what the loss says of each."""
    import numpy as np

    from stylefader.engines import frame_and_alpha, open_engine
    from stylefader.training.compute import CPU, choose_compute
    from stylefader.training.data.photographs import PhotoFolder
    from stylefader.training.evaluation.ideal import judge, optimise
    from stylefader.training.loop.recipe import ENDS
    from stylefader.training.loop.trainer import layer_means, style_target
    from stylefader.training.losses.loss_network import load_loss_network

    settings = part.settings
    compute = choose_compute(settings.precision, CPU)
    network = load_loss_network(recipe.loss_network)
    network.divide_activations(layer_means(network, PhotoFolder(recipe.photos), settings))
    target = style_target(network, part.style.picture, settings)
    with progress("optimising", steps) as advance:
        ideal = optimise(
            photo, target, settings, steps=steps, method=method, compute=compute,
            report=lambda step, loss: advance(step, f"loss {loss:.3f}"),
        )  # fmt: skip
    say(f"{ideal.steps} steps of {method} took {ideal.seconds:.0f} s")
    pictures, captions = [photo, ideal.picture], ["original", f"ideal of {part.name}"]
    for pack in packs:
        with open_engine(pack, *photo.shape[:2])[0] as engine:
            alpha = np.full(pack.n_blocks, float(ENDS[part.name]), np.float32)
            pictures.append(engine.run(frame_and_alpha(photo, alpha)).copy())
        captions.append(f"{pack.header.name}, alpha {ENDS[part.name]}")
    rows = [
        {"of": caption, **asdict(judge(photo, picture, target, settings, compute=compute))}
        for picture, caption in zip(pictures, captions, strict=True)
    ]
    return pictures, captions, rows
