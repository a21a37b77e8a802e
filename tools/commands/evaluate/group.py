"""`stylefader evaluate`: look at what a style pack does, and measure it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.commands.evaluate import curve as evaluate_curve
from stylefader.tools.commands.evaluate import ideal as evaluate_ideal
from stylefader.tools.commands.evaluate import lattice as evaluate_lattice
from stylefader.tools.commands.evaluate import objectives as evaluate_objectives
from stylefader.tools.commands.evaluate import predictor as evaluate_predictor
from stylefader.tools.commands.evaluate import temporal as evaluate_temporal
from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.signals import unwind
from stylefader.tools.outputs import check_output, write_whole
from stylefader.tools.painted import painted

if TYPE_CHECKING:
    from stylefader.training.data.photographs import Picture
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

app = Commands("Look at what a style pack does, and measure it.")


app.command("temporal")(evaluate_temporal.command)
app.command("objectives")(evaluate_objectives.command)
app.command("curve")(evaluate_curve.command)
app.command("ideal")(evaluate_ideal.command)
app.command("lattice")(evaluate_lattice.command)
app.command("predictor")(evaluate_predictor.command)


@app.command()
def strip(
    style: Annotated[str, typer.Argument(help="A style's name, PALETTE/STYLE or a pack file.")],
    photo: Annotated[Path, typer.Argument(help="A picture.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The strip to write, .jpg or .png.")],
    alphas: Annotated[str, typer.Option(help="Strengths, with commas between them.")] = "0,0.25,0.5,0.75,1",
    matrix: Annotated[
        str | None, typer.Option(help="Two blocks, numbers from 0 or labels: one downwards against the other across.")
    ] = None,
    cell: Annotated[int, typer.Option(help="Width of each picture in the strip, in pixels.")] = 320,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Draw a photograph and its stylized form at several alphas side by side, all blocks moving together.

    With --matrix the alphas of one block go down and those of another across, and the other blocks stay at 0.
    """
    from stylefader.realtime.automation.keyframes import parse_inline
    from stylefader.training.data.photographs import read_picture
    from stylefader.training.errors import AutomationError
    from stylefader.training.evaluation.strip import encode_picture
    from stylefader.training.packs.one_style import load_one_style

    if ":" in alphas:
        raise AutomationError(f"--alphas takes strengths without times, as in 0,0.5,1, not {alphas!r}")
    values = parse_inline(alphas, origin="--alphas").keyframes[0].values
    if not 16 <= cell <= 4096:
        raise typer.BadParameter(f"a cell is 16 to 4096 pixels wide, not {cell}")
    check_output(output, ".jpg", ".jpeg", ".png", overwrite=overwrite, inputs=[photo])
    pack = load_one_style(style)
    low, high = pack.header.alpha.low, pack.header.alpha.high
    if min(values) < low or max(values) > high:
        say(f"note: this style's useful range is {low:g} to {high:g}; outside it is an extrapolation")
    if matrix is None:
        picture = strip_of(pack, read_picture(photo), values, cell=cell)
    else:
        picture = matrix_of(pack, read_picture(photo), values, two_blocks(pack, matrix), cell=cell)
    unwind()
    write_whole(output, encode_picture(picture, output.suffix.lower()))
    say(f"wrote {output}: {picture.shape[1]}x{picture.shape[0]}")
    if json:
        print_json({"output": str(output), "alphas": list(values), "style": pack.header.name})


def strip_of(pack: StylePack | PackFile, photo: Picture, alphas: Sequence[float], *, cell: int) -> Picture:
    """The photograph, then its stylized form at each alpha, in a row of pictures `cell` pixels wide.

    The network sees the photograph at its own size; the pictures are made smaller afterwards.
    """
    from stylefader.training.evaluation.strip import strip as in_a_row

    settings = [(alpha,) * pack.n_blocks for alpha in alphas]
    captions = ["original", *(f"alpha {alpha:g}" for alpha in alphas)]
    return in_a_row([_smaller(photo, cell), *_stylized(pack, photo, settings, cell)], captions)


def matrix_of(
    pack: StylePack, photo: Picture, alphas: Sequence[float], blocks: tuple[int, int], *, cell: int
) -> Picture:
    """The photograph with the first of two blocks at each alpha downwards, the second across, the others at 0."""
    from stylefader.training.evaluation.strip import stack
    from stylefader.training.evaluation.strip import strip as in_a_row

    down, across = blocks
    names = [pack.header.blocks[block].label for block in blocks]
    places = [(first, second) for first in alphas for second in alphas]
    settings = [[{down: first, across: second}.get(n, 0.0) for n in range(pack.n_blocks)] for first, second in places]
    pictures = _stylized(pack, photo, settings, cell)
    captions = [f"{names[0]} {first:g}, {names[1]} {second:g}" for first, second in places]
    ends = range(0, len(places), len(alphas))
    return stack([in_a_row(pictures[at : at + len(alphas)], captions[at : at + len(alphas)]) for at in ends])


def two_blocks(pack: StylePack, words: str) -> tuple[int, int]:
    """The numbers of the two blocks that `--matrix` names."""
    from stylefader.training.errors import PackError

    names = {**{block.label: n for n, block in enumerate(pack.header.blocks)},
             **{str(n): n for n in range(pack.n_blocks)}}  # fmt: skip
    found = [names.get(word.strip()) for word in words.split(",")]
    if len(found) != 2 or None in found or found[0] == found[1]:
        there = ", ".join(f"{n} ({block.label})" for n, block in enumerate(pack.header.blocks)) or "none"
        raise PackError(f"--matrix takes two different blocks of this style, as in 0,1, not {words!r}: it has {there}")
    down, across = found
    assert down is not None and across is not None
    return down, across


def _stylized(
    pack: StylePack | PackFile, photo: Picture, settings: Sequence[Sequence[float]], cell: int
) -> list[Picture]:
    import numpy as np

    pictures = painted(pack, photo, [{"alpha": np.array(alphas, np.float32)} for alphas in settings])
    return [_smaller(picture, cell) for picture in pictures]


def _smaller(picture: Picture, cell: int) -> Picture:
    """A copy `cell` pixels wide, proportions kept."""
    import cv2
    import numpy as np

    height, width, _ = picture.shape
    size = (cell, max(1, round(cell * height / width)))
    return np.array(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
