"""How a palette in training begins: with another palette's numbers, or with those of a pack of one style."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from stylefader.training.networks.palette import Palette, take_single
from stylefader.training.packs.pack import StylePack


def begin_with(palette: Palette, pack: StylePack, names: Sequence[str]) -> None:
    """Begin with the weights of a pack of kind `palette` or `single`, of the same architecture and width.

    Of a palette, a style begins as the one of its name there, or else as the mean of all; of a single pack, all styles
    begin as its own.

    Args:
        palette: Changed in place; it may have no blocks yet.
        pack: Where both have blocks, they stand before the same stages.
        names: Of the styles, in the order of the table.
    """
    if pack.header.kind == "single":
        take_single(palette, pack.network())
        return
    palette.net.load_state_dict({name: pack.tensors[name].float() for name in palette.net.state_dict()})
    vectors = {name: torch.from_numpy(vector) for name, vector in pack.style_vectors().items()}
    mean = torch.stack(list(vectors.values())).mean(0)
    with torch.no_grad():
        for row, name in enumerate(names):
            palette.styles[row] = vectors.get(name, mean)[: palette.net.style_size]
