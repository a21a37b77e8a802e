"""Photographs as packs paint them, for strips, demos and the pictures of the documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stylefader.engines.inputs import Array
    from stylefader.training.data.photographs import Picture
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile


def painted(pack: StylePack | PackFile, photo_HWC: Picture, settings: Sequence[Mapping[str, Array]]) -> list[Picture]:
    """A photograph through the engine of a pack, once for each setting. The engine is opened once.

    Args:
        pack: What paints.
        photo_HWC: uint8 (H, W, 3) RGB; the network sees it at its own size.
        settings: Vectors by the names of the pack's inputs, such as `alpha`, float32 (n_blocks,), and for a palette
            `style`, float32 (d,). A vector of no numbers is left out, as that of a pack without blocks.

    Returns:
        A picture for each setting, uint8 (H, W, 3) RGB.

    Raises:
        EngineError: No engine can be opened.
    """
    import numpy as np

    from stylefader.engines import open_engine

    with open_engine(pack, *photo_HWC.shape[:2])[0] as engine:
        return [
            np.array(engine.run({"frame": photo_HWC, **{name: vector for name, vector in one.items() if len(vector)}}))
            for one in settings
        ]


def write_picture(file: Path, picture_HWC: Picture) -> None:
    """Write a picture of the documents, uint8 (H, W, 3) RGB, as `.jpg` or `.png` by its name. Raises OSError."""
    from stylefader.training.evaluation.strip import encode_picture

    file.write_bytes(encode_picture(picture_HWC, file.suffix))
