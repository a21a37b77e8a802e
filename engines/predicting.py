"""`predicted_style`: the style vector of a painting, by the prediction network of a palette, within a second.

It runs on the processor, whatever engine plays the palette, and once for each painting. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from stylefader.training.errors import EngineError, PackError
from stylefader.training.packs.open_style import open_predicting
from stylefader.training.packs.pack_header import PREDICTOR, PackHeader, PredictorHeader
from stylefader.training.packs.style_names import free_style_name, style_title
from stylefader.training.reading.paintings import read_painting

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile


def check_predicts(header: PackHeader) -> PredictorHeader:
    """What a pack's header says of its prediction network. Raises PackError where it has none."""
    if header.predictor is not None:
        return header.predictor
    what = "says no vectors of paintings" if header.styles else "has one style"
    raise PackError(
        f"{header.name} {what}: --style-image needs a palette with a prediction network "
        "(stylefader train predictor makes one)"
    )


def with_painting(palette: PackFile, painting: Path, *, threads: int = 0) -> tuple[PackFile, str]:
    """A palette with the style of a painting behind its own styles, on whose engines it plays.

    Args:
        palette: With a prediction network.
        painting: As for `predicted_style`, and so are `threads` and the errors.
        threads: Of the processor, at most.

    Returns:
        That palette, and the name of its new style, which is made of the file's.
    """
    name = free_style_name(painting.stem, {style.name for style in palette.header.styles})
    vector = predicted_style(palette, painting, threads=threads)
    return palette.with_vector(name, vector, {"title": style_title(name)}), name


def with_paintings(asked: Sequence[PackFile], paintings: Sequence[Path]) -> PackFile:
    """The style of the first of some paintings, in a palette that has those of all of them.

    Args:
        asked: Packs that were asked for; the palette is the first of these that says style vectors. Where none was
            asked for, it is the first one that can be named.
        paintings: As for `predicted_style`, and so are the errors; not empty.
    """
    found = [pack.network_pack for pack in asked] or [open_predicting()]
    more, first = next((pack for pack in found if pack.header.predictor is not None), found[0]), ""
    for painting in paintings:
        more, name = with_painting(more, painting)
        first = first or name
    return more.with_style(first)


def predicted_style(pack: StylePack | PackFile, painting: Path, *, threads: int = 0) -> npt.NDArray[np.float32]:
    """The style vector of a painting.

    Args:
        pack: A palette with a prediction network.
        painting: A picture of any size.
        threads: Of the processor, at most; 0 is all of them. A session that plays meanwhile spares some.

    Returns:
        float32 (d,), as the input `style` takes it.

    Raises:
        PackError: The pack has no prediction network.
        SourceError: The painting cannot be read, in one line.
        EngineError: OpenVINO failed, or the vector is not finite.
    """
    header = check_predicts(pack.header)
    picture_HWC = read_painting(painting, header.side)
    from stylefader.engines.graph.one_picture import seen_in
    from stylefader.engines.graph.openvino_parts import float_weights
    from stylefader.engines.graph.predictor_graph import predictor_model

    weights = float_weights(pack, PREDICTOR)
    model = predictor_model(weights, len(header.channels), *picture_HWC.shape[:2])
    style = seen_in(model, picture_HWC, f"the prediction network cannot look at {painting}", threads=threads)
    if not np.isfinite(style).all():
        raise EngineError(f"the prediction network of {pack.header.name} says no finite numbers of {painting}")
    return style
