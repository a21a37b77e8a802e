"""`stylefader evaluate curve`: the losses along alpha that a pack's header carries, measured anew."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.commands.evaluate.objectives import objectives_of
from stylefader.tools.console.messages import out, print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import unwind

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_header import LossCurve


def command(
    style: Annotated[str, typer.Argument(help="A style's name, PALETTE/STYLE or a pack file.")],
    photos: Annotated[Path, typer.Option(help="Folder of photographs not used in training.")],
    loss_network: Annotated[Path, typer.Option(help="Loss network weights, as in training.")],
    painting: Annotated[list[Path], typer.Option("--style", help="The style picture; again for a second one.")],
    count: Annotated[int, typer.Option(min=1, max=10000, help="Photographs to measure on, at most.")] = 100,
    side: Annotated[int, typer.Option(min=64, max=4096, help="Side of the photographs, in pixels.")] = 256,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="Alphas on the curve.")] = 9,
    write: Annotated[bool, typer.Option("--write", help="Put the curve into the pack's header.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the curve as JSON.")] = False,
) -> None:
    """Measure a pack's losses along alpha on held-out photographs, as training does at its end.

    With --write the pack's file is renewed with the curve in its header: the weights stay as they are, so engines and
    the int8 form that were made of them go on being its own. The curve of PALETTE/STYLE goes to that style.
    """
    from stylefader.training.packs.library import split_style
    from stylefader.training.packs.one_style import load_one_style

    pack = load_one_style(style)
    unwind()
    curve = _curve(pack, painting, loss_network, photos, (count, side, steps))
    if json:
        print_json({"file": str(pack.file), "written": write, **asdict(curve)})
    else:
        for place, alpha in enumerate(curve.alpha):
            others = "".join(f"  of {end} {losses[place]:.4f}" for end, losses in curve.style_at.items())
            out(f"alpha {alpha:<6g} content {curve.content[place]:.4f}  style {curve.style[place]:.4f}{others}")
    if write:
        _write(_written_to(style, pack), curve, split_style(style).style)


def _curve(
    pack: StylePack, paintings: list[Path], loss_network: Path, photos: Path, sizes: tuple[int, int, int]
) -> LossCurve:
    import numpy as np

    from stylefader.training.data.photographs import PhotoFolder
    from stylefader.training.evaluation.held_out import measure_losses

    count, side, steps = sizes
    objectives = objectives_of(pack, paintings, loss_network)
    pictures = PhotoFolder(photos, split="val").centre_crops(count, side)
    low, high = pack.header.alpha.low, pack.header.alpha.high
    alphas = np.linspace(low, high, steps).tolist() if pack.n_blocks else [0.0]
    with progress("measuring", len(pictures)) as advance:
        return measure_losses(
            pack.network(), objectives.targets, pictures, alphas, compute=objectives.compute,
            report=lambda done: advance(done, "photographs"),
        )  # fmt: skip


def _written_to(word: str, pack: StylePack) -> StylePack:
    """The pack whose header takes the curve: the one that was measured, or the palette that it is a style of."""
    from stylefader.training.packs.library import find_pack, split_style
    from stylefader.training.packs.pack import load_pack

    parted = split_style(word)
    return pack if parted.style is None else load_pack(find_pack(parted.pack))


def _write(pack: StylePack, curve: LossCurve, style: str | None) -> None:
    from stylefader.training.errors import PackError
    from stylefader.training.packs.pack import save_pack
    from stylefader.training.packs.pack_file import PackFile

    header, rows = pack.header, list(pack.header.styles)
    number = next((n for n, one in enumerate(rows) if one.name == style), None)
    before = header.losses if number is None else rows[number].losses
    lost = before.style_at.keys() - curve.style_at.keys() if before else set()
    if lost:
        raise PackError(f"{pack.file} carries losses for the look of alpha {min(lost)}, which were not measured anew")
    if PackFile(pack.file).weights_hash() != pack.weights_hash():
        raise PackError(f"{pack.file} has changed while it was being measured: nothing is written")
    if number is None:
        header = replace(header, losses=curve)
    else:
        rows[number] = replace(rows[number], losses=curve)
        header = replace(header, styles=tuple(rows))
    save_pack(replace(pack, header=header))
    if PackFile(pack.file).weights_hash() != pack.weights_hash():
        raise PackError(f"{pack.file} does not hold the weights that were written to it", failure=True)
    say(f"wrote the curve into {pack.file}; its weights are those it had")
