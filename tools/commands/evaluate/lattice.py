"""`stylefader evaluate lattice`: whether a pack leaves a lattice of dots in flat and dark places."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.console.messages import out, print_json
from stylefader.tools.console.signals import unwind

if TYPE_CHECKING:
    from stylefader.training.evaluation.lattice import Picture, PictureLattice
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile


def command(
    styles: Annotated[
        list[str] | None, typer.Argument(help="Styles, PALETTE/STYLE or pack files. [default: all]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print every number, a pack a line, as JSON.")] = False,
) -> None:
    """Measure the lattice of dots that a pack leaves in flat and dark pictures.

    The number is the strongest peak in the spectrum of the stylized picture at a period of 2, 4, 8 or 16 pixels, as a
    multiple of what is beside it: about 1 where there is no lattice; from about 4 a lattice is seen. Each pack is
    measured at both ends of its alpha, on five flat colours and a dark ramp.
    """
    from stylefader.training.packs.library import gallery, style_words
    from stylefader.training.packs.one_style import load_one_style

    words = styles or [word for _, header in gallery() for word in style_words(header)]
    packs = [(word, load_one_style(word)) for word in words]
    unwind()
    for word, pack in packs:
        name = pack.header.name if pack.file.is_file() else word  # a palette's style has no file
        rows = lattices_of(pack)
        if json:
            print_json({"style": name, "lattices": [asdict(row) for row in rows]})
        else:
            worst = max(rows, key=lambda row: row.lattice)
            out(f"{name:<24} {worst.lattice:5.1f} at most: {worst.picture}, alpha {worst.alpha:g}")


def lattices_of(pack: StylePack | PackFile) -> list[PictureLattice]:
    """The lattices of a pack at both ends of its alpha, in float32."""
    import numpy as np

    from stylefader.engines import frame_and_alpha, open_engine
    from stylefader.training.evaluation.lattice import PLAIN_SIDE, lattices

    with open_engine(pack, PLAIN_SIDE, PLAIN_SIDE, precision="f32")[0] as engine:

        def stylized(picture: Picture, alpha: float) -> Picture:
            return np.array(engine.run(frame_and_alpha(picture, np.full(pack.n_blocks, alpha, np.float32))))

        return lattices(stylized, sorted({pack.header.alpha.low, pack.header.alpha.high}))
