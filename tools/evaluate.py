"""`stylefader evaluate`: look at what a style pack does, and measure it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools import evaluate_objectives, evaluate_temporal
from tools.signals import unwind
from tools.words import print_json, say

if TYPE_CHECKING:
    from training.data import Picture
    from training.pack import StylePack

app = typer.Typer(help="Look at what a style pack does, and measure it.", no_args_is_help=True)


app.command("temporal")(evaluate_temporal.command)
app.command("objectives")(evaluate_objectives.command)


@app.command()
def strip(
    style: Annotated[str, typer.Argument(help="A style's name or a pack file.")],
    photo: Annotated[Path, typer.Argument(help="A picture.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The strip to write, .jpg or .png.")],
    alphas: Annotated[str, typer.Option(help="Strengths, with commas between them.")] = "0,0.25,0.5,0.75,1",
    cell: Annotated[int, typer.Option(help="Width of each picture in the strip, in pixels.")] = 320,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Draw a photograph and its stylized form at several alphas side by side, all blocks moving together."""
    from realtime.automation import parse_inline
    from training.data import read_picture
    from training.errors import AutomationError, SinkError
    from training.files import written_whole
    from training.gallery import find_pack
    from training.pack import load_pack
    from training.strip import encode_picture

    if ":" in alphas:
        raise AutomationError(f"--alphas takes strengths without times, as in 0,0.5,1, not {alphas!r}")
    values = parse_inline(alphas, origin="--alphas").keyframes[0].alpha
    if not 16 <= cell <= 4096:
        raise typer.BadParameter(f"a cell is 16 to 4096 pixels wide, not {cell}")
    if output.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise SinkError(f"a strip is a .jpg or .png file, not {output.name!r}")
    if output.exists() and photo.exists() and output.samefile(photo):
        raise SinkError(f"{output} is the photograph itself; choose another name")
    if output.exists() and not overwrite:
        raise SinkError(f"{output} exists already; choose another name or allow overwriting with --overwrite")
    if not output.parent.is_dir():
        raise SinkError(f"cannot write {output}: the folder {output.parent} is not there")
    pack = load_pack(find_pack(style))
    low, high = pack.header.alpha.low, pack.header.alpha.high
    if min(values) < low or max(values) > high:
        say(f"note: this style's useful range is {low:g} to {high:g}; outside it is an extrapolation")
    picture = strip_of(pack, read_picture(photo), values, cell=cell)
    unwind()
    try:
        with written_whole(output) as file:
            file.write(encode_picture(picture, output.suffix.lower()))
    except OSError as error:
        raise SinkError(f"cannot write {output}: {error.strerror or error}", failure=True) from error
    say(f"wrote {output}: {picture.shape[1]}x{picture.shape[0]}")
    if json:
        print_json({"output": str(output), "alphas": list(values), "style": pack.header.name})


def strip_of(pack: StylePack, photo: Picture, alphas: Sequence[float], *, cell: int) -> Picture:
    """The photograph, then its stylized form at each alpha, in a row of pictures `cell` pixels wide.

    The network sees the photograph at its own size; the pictures are made smaller afterwards.
    """
    import cv2
    import numpy as np

    from engines import open_engine
    from training.strip import strip as in_a_row

    height, width, _ = photo.shape
    with open_engine(pack, height, width)[0] as engine:
        pictures: list[Any] = [engine.stylize(photo, np.full(pack.n_blocks, a, np.float32)).copy() for a in alphas]
    size = (cell, max(1, round(cell * height / width)))
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (photo, *pictures)]
    return in_a_row(small, ["original", *(f"alpha {alpha:g}" for alpha in alphas)])
