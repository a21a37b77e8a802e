"""`stylefader evaluate objectives`: the two losses that alpha trades, as in Figure 3 of Dynamic-Net."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import out, print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import unwind
from stylefader.tools.outputs import check_output, write_whole

if TYPE_CHECKING:
    from stylefader.training.evaluation.objectives import Objectives, Point
    from stylefader.training.evaluation.trade_off import TradeOff
    from stylefader.training.packs.pack import StylePack


def command(
    style: Annotated[str, typer.Argument(help="A style's name, PALETTE/STYLE or a pack file.")],
    photos: Annotated[Path, typer.Option(help="Folder of photographs not used in training.")],
    loss_network: Annotated[Path, typer.Option(help="Loss network weights, as in training.")],
    painting: Annotated[list[Path], typer.Option("--style", help="The style picture; again for a second one.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The table, .csv; .png and .svg are put beside it.")],
    fixed: Annotated[list[str] | None, typer.Option(help="A fixed network to compare with; may be repeated.")] = None,
    count: Annotated[int, typer.Option(min=1, max=10000, help="Photographs to measure on, at most.")] = 100,
    side: Annotated[int, typer.Option(min=64, max=4096, help="Side of the photographs, in pixels.")] = 256,
    steps: Annotated[int, typer.Option(min=3, max=1000, help="Alphas on the curve.")] = 9,
    grid: Annotated[int, typer.Option(min=0, max=20, help="Alphas of each block in the cloud; 0 for none.")] = 4,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the outputs if they exist.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print points and verdicts as JSON.")] = False,
) -> None:
    """Measure content and style loss along alpha, beside blocks on their own, mixed pictures and fixed networks.

    A pack with another look at either end of alpha is measured by the style losses of both. Writes a table and a plot.
    """
    from stylefader.training.errors import TrainingError
    from stylefader.training.evaluation.plots import png, svg
    from stylefader.training.evaluation.trade_off import judge
    from stylefader.training.evaluation.trade_off_plot import plot
    from stylefader.training.packs.one_style import load_one_style

    check_output(output, ".csv", overwrite=overwrite)
    files = [output, output.with_suffix(".png"), output.with_suffix(".svg")]
    for file in files[1:]:
        check_output(file, overwrite=overwrite)
    pack = load_one_style(style)
    if not pack.n_blocks:
        raise TrainingError(f"{pack.header.name} is a fixed network: it has no alpha to measure along")
    rivals = {found.header.name: found for found in (load_one_style(name) for name in fixed or ())}
    _check_fixed(pack, list(rivals.values()))
    unwind()
    objectives, points = _measured(pack, rivals, painting, loss_network, photos, (count, side, steps, grid))
    weights = {name: rival.header.training["main"]["style_weight"] for name, rival in rivals.items()}
    verdict = judge(points, objectives.first, objectives.second, weights)
    figure = plot(points, objectives.first, objectives.second, objectives.words, pack.header.title)
    for path, contents in zip(files, (_table(points, objectives), png(figure), svg(figure)), strict=True):
        write_whole(path, contents)
    say(f"wrote {', '.join(map(str, files))}")
    if json:
        print_json({"points": [asdict(point) for point in points], "verdict": asdict(verdict),
                    "files": [str(path) for path in files]})  # fmt: skip
        return
    for point in points:
        if point.method == "alpha":
            losses = "  ".join(f"{name} {loss:.4f}" for name, loss in point.losses.items())
            out(f"alpha {point.alpha[0]:<6g} {losses}")
    for line in _in_words(verdict, objectives):
        out(line)


def _check_fixed(pack: StylePack, fixed: Sequence[StylePack]) -> None:
    from stylefader.training.errors import TrainingError
    from stylefader.training.evaluation.objectives import looks

    low, high = looks(pack.header)
    for rival in fixed:
        if rival.n_blocks:
            raise TrainingError(f"{rival.header.name} has tuning-blocks: --fixed takes networks of one strength")
        if low != high or looks(rival.header)[1] != high:
            raise TrainingError(f"{rival.header.name} was not trained for the one look that {pack.header.name} has")
        if "style_weight" not in rival.header.training.get("main", {}):
            raise TrainingError(f"{rival.header.name} does not say how it was trained ('style_weight' is missing)")


def objectives_of(pack: StylePack, paintings: Sequence[Path], loss_network: Path) -> Objectives:
    """What the pack was trained for, in the precision that it was trained in where this machine has it."""
    from stylefader.training.compute import Compute, prefers_bf16
    from stylefader.training.evaluation.objectives import Objectives

    runs = pack.header.training.values()
    bf16 = prefers_bf16() and any(run.get("precision") == "bf16" for run in runs)
    return Objectives(pack.header, paintings, loss_network, compute=Compute(numbers="bf16" if bf16 else "f32"))


def _measured(
    pack: StylePack,
    rivals: dict[str, StylePack],
    paintings: Sequence[Path],
    loss_network: Path,
    photos: Path,
    sizes: tuple[int, int, int, int],
) -> tuple[Objectives, list[Point]]:
    import numpy as np

    from stylefader.training.data.photographs import PhotoFolder
    from stylefader.training.evaluation.objectives import Plan, measure_points

    count, side, steps, grid = sizes
    objectives = objectives_of(pack, paintings, loss_network)
    pictures = PhotoFolder(photos, split="val").centre_crops(count, side)
    low, high = pack.header.alpha.low, pack.header.alpha.high
    plan = Plan(
        alphas=tuple(np.linspace(low, high, steps).tolist()),
        grid=tuple(np.linspace(low, high, grid).tolist()),
        fixed={name: rival.network() for name, rival in rivals.items()},
    )
    with progress("measuring", len(pictures)) as advance:
        return objectives, measure_points(
            pack.network(), objectives, pictures, plan, report=lambda done: advance(done, "photographs")
        )


def _table(points: Sequence[Point], objectives: Objectives) -> bytes:
    blocks = max(len(point.alpha) for point in points)
    text = io.StringIO()
    columns = ["method", "name", *(f"alpha{number}" for number in range(blocks)), *objectives.columns]
    table = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    table.writeheader()
    for point in points:
        alphas: dict[str, Any] = {f"alpha{number}": f"{alpha:.6g}" for number, alpha in enumerate(point.alpha)}
        table.writerow({"method": point.method, "name": point.name, **alphas, **point.losses})
    return text.getvalue().encode()


def _in_words(verdict: TradeOff, objectives: Objectives) -> list[str]:
    first, second = objectives.words[objectives.first], objectives.words[objectives.second]
    lines = [
        f"along alpha {first} {'rises at every step' if verdict.first_rises else 'does not rise at every step'}, "
        f"{second} {'falls at every step' if verdict.second_falls else 'does not fall at every step'}"
    ]
    if verdict.below_interpolation is None:
        lines.append(f"no mixed picture has a {first} that alpha reaches as well: nothing to compare")
    else:
        assert verdict.least_advantage is not None and verdict.mean_advantage is not None
        where = "everywhere" if verdict.below_interpolation else "not everywhere"
        lines.append(
            f"at equal {first} the {second} is {where} below that of mixed pictures: by {verdict.mean_advantage:.1%} "
            f"in the mean, {verdict.least_advantage:.1%} at the least, over {verdict.compared} mixed pictures"
        )
    for name, (total, share) in verdict.fixed.items():
        lines.append(f"{name}: {total:.4f} for its own weight; the best along alpha is {share - 1:+.1%} of that")
    return lines
