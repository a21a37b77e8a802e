"""`stylefader evaluate predictor`: how near the vectors that a palette says of paintings come to trained ones."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.console.messages import out, print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import unwind
from stylefader.tools.outputs import check_output, write_whole

if TYPE_CHECKING:
    from stylefader.training.evaluation.predicted import Judged, Vector
    from stylefader.training.packs.pack import StylePack

TRAINED, PREDICTED, CENTRE = "trained", "predicted", "centre"


def command(
    palette: Annotated[str, typer.Argument(help="A palette with a prediction network: its name or a pack file.")],
    paintings: Annotated[Path, typer.Option(help="Folder of paintings: the palette's own, and others.")],
    photos: Annotated[Path, typer.Option(help="Folder of photographs not used in training.")],
    loss_network: Annotated[Path, typer.Option(help="Loss network weights, as in training.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The table, .csv; a .png of pictures is put beside it.")
    ],
    trained: Annotated[
        str | None, typer.Option(help="A palette of the same network with trained vectors of more paintings.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10000, help="Photographs to measure on, at most.")] = 8,
    side: Annotated[int, typer.Option(min=64, max=4096, help="Side of the photographs, in pixels.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the outputs if they exist.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print all losses as JSON.")] = False,
) -> None:
    """Measure content and style loss of predicted style vectors beside trained ones, at alpha 0, 0.5 and 1.

    A painting has a trained vector where the palette, or the one of --trained, learnt from that very file. The centre
    of all styles, which knows nothing of the painting, is measured as well.
    """
    import numpy as np

    from stylefader.engines.predicting import check_predicts, predicted_style
    from stylefader.training.data.photographs import PhotoFolder
    from stylefader.training.evaluation.predicted import Judged, NearTrained
    from stylefader.training.evaluation.strip import encode_picture, stack
    from stylefader.training.hashing import file_hash
    from stylefader.training.loop.recipe_kinds import folder_styles
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack import load_pack

    pictures = output.with_suffix(".png")
    check_output(output, ".csv", overwrite=overwrite)
    check_output(pictures, overwrite=overwrite)
    pack = load_pack(find_pack(palette))
    check_predicts(pack.header)
    known = _trained_vectors(pack, load_pack(find_pack(trained)) if trained else pack)
    centre = np.stack(list(pack.style_vectors().values())).mean(0)
    learnt = set(pack.header.training.get("predictor", {}).get("learnt_from", {}).values())
    files = {name: Path(words["picture"]) for name, words in folder_styles(paintings).items()}
    vectors: dict[str, dict[str, Vector]] = {}
    for name, file in files.items():
        own = known.get(file_hash(file))
        vectors[name] = {
            **({} if own is None else {TRAINED: own}), PREDICTED: predicted_style(pack, file), CENTRE: centre
        }  # fmt: skip
    near, folder = NearTrained(pack, loss_network), PhotoFolder(photos, split="val")
    crops = folder.centre_crops(count, side)
    unwind()
    judged, rows, done = [], [], 0
    with progress("measuring", sum(map(len, vectors.values()))) as advance:

        def one_more() -> None:
            nonlocal done
            done += 1
            advance(done, "vectors")

        for number, (name, file) in enumerate(files.items()):
            losses = near.losses(file, vectors[name], crops, report=one_more)
            judged.append(Judged(painting=name, learnt=file_hash(file) in learnt, losses=losses))
            shown = {kind: vector for kind, vector in vectors[name].items() if kind != CENTRE}
            rows.append(near.pictures(file, shown, crops[number % len(crops)]))
    write_whole(output, _table(judged))
    write_whole(pictures, encode_picture(stack(rows), ".png"))
    say(f"wrote {output}, {pictures}")
    if json:
        print_json({"paintings": [asdict(one) for one in judged], "files": [str(output), str(pictures)]})
        return
    for line in in_words(judged):
        out(line)


def _trained_vectors(pack: StylePack, trained: StylePack) -> dict[str, Vector]:
    """Trained vectors by the hashes of their paintings. Raises PackError for a palette of another network."""
    from stylefader.training.errors import PackError

    if trained.weights_hash() != pack.weights_hash():
        raise PackError(f"{trained.header.name} is of another network than {pack.header.name}: its vectors do not fit")
    found = zip(trained.header.styles, trained.style_vectors().values(), strict=True)
    return {str(style.painting["sha256"]): vector for style, vector in found if "sha256" in style.painting}


def _table(judged: Sequence[Judged]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["painting", "learnt", "vector", "alpha", "content", "style"])
    for one in judged:
        for kind, curve in one.losses.items():
            for alpha, content, style in zip(curve.alpha, curve.content, curve.style, strict=True):
                table.writerow([one.painting, "yes" if one.learnt else "no", kind, f"{alpha:g}", content, style])
    return text.getvalue().encode()


def in_words(judged: Sequence[Judged]) -> list[str]:
    """A line for each painting, and the mean over those that the network learnt from and over the others."""
    lines = []
    for one in judged:
        kinds = "; ".join(
            f"{kind} " + ", ".join(f"{style:.3f}" for style in curve.style) for kind, curve in one.losses.items()
        )
        lines.append(f"{one.painting}{'' if one.learnt else ' (not learnt from)'}: style loss {kinds}")
    for learnt, whose in ((True, "learnt from"), (False, "not learnt from")):
        ratios = [
            [a / b for a, b in zip(one.losses[PREDICTED].style, one.losses[TRAINED].style, strict=True)]
            for one in judged
            if one.learnt == learnt and TRAINED in one.losses
        ]
        if ratios:
            means = ", ".join(f"{sum(column) / len(ratios):.2f}" for column in zip(*ratios, strict=True))
            lines.append(f"paintings {whose}: predicted vectors have {means} times the style loss of trained ones")
    return lines
