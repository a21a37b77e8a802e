"""The pictures of docs/palette.md: `python -m stylefader.tools.palette_pictures PALETTE PHOTOS`.

PALETTE is a palette's name, PHOTOS the folder of photographs that docs/gallery/words.toml names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from stylefader.tools.gallery_page import DOCS
from stylefader.tools.painted import painted, write_picture
from stylefader.training.data.photographs import read_picture
from stylefader.training.evaluation.strip import stack, strip
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack_file import PackFile

if TYPE_CHECKING:
    from stylefader.training.data.photographs import Picture

_SQUARE, _SMALL, _LARGE = (240, 240), (320, 240), (480, 320)
_PHOTOS = ("coffee.png", "astronaut.png", "chelsea.png", "rocket.jpg")
_WALL = ("motorcycle_left.png", "chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png")
_MIXED = (("starry_night", "udnie", "chelsea.png"), ("great_wave", "night_cafe", "rocket.jpg"))
_ALPHAS = (0.0, 0.5, 1.0)
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

Setting = tuple[Mapping[str, float], float]
"""Weights of styles by name, and alpha."""


def palette_painted(pack: PackFile, photo: Picture, settings: Sequence[Setting]) -> list[Picture]:
    """A photograph, uint8 (H, W, 3) RGB, in mixtures of a palette's styles: a picture of its size for each setting."""
    vectors = pack.style_vectors()
    values = []
    for weights, alpha in settings:
        style = np.array(sum(weight * vectors[name] for name, weight in weights.items()), np.float32)
        values.append({"alpha": np.full(pack.n_blocks, alpha, np.float32), "style": style})
    return painted(pack, photo, values)


def style_strips(pack: PackFile, photos: Sequence[Picture]) -> Picture:
    """Each style along alpha, two styles beside each other; a photograph for each row, in turns."""
    rows = []
    for number, names in enumerate(_pairs(pack)):
        photo = photos[number % len(photos)]
        settings = [({name: 1.0}, alpha) for name in names for alpha in _ALPHAS]
        captions = [f"{name}, {alpha:g}" for name in names for alpha in _ALPHAS]
        rows.append(strip([photo, *palette_painted(pack, photo, settings)], ["photograph", *captions]))
    return stack(rows)


def wall(pack: PackFile, photos: Sequence[Picture]) -> Picture:
    """Each style at alpha 1, large, two beside each other; a photograph for each, in turns."""
    rows, drawn = [], 0
    for names in _pairs(pack):
        pictures = []
        for name in names:
            pictures += palette_painted(pack, photos[drawn % len(photos)], [({name: 1.0}, 1.0)])
            drawn += 1
        rows.append(strip(pictures, names))
    return stack(rows)


def mixing_matrix(pack: PackFile, photo: Picture, first: str, second: str) -> Picture:
    """Two styles, from one to the other to the right, alpha downwards."""
    rows = []
    for alpha in _ALPHAS:
        pictures = palette_painted(pack, photo, [({first: 1 - share, second: share}, alpha) for share in _SHARES])
        captions = [f"{first} {1 - share:.0%}, {second} {share:.0%}; alpha {alpha:g}" for share in _SHARES]
        rows.append(strip(pictures, captions))
    return stack(rows)


def main(palette: str, photos: Path) -> None:
    """Draw all of them."""
    pack = PackFile(find_pack(palette))
    folder = DOCS / "palette"
    folder.mkdir(exist_ok=True)
    write_picture(folder / "wall.jpg", wall(pack, [_photo(photos / name, _LARGE) for name in _WALL]))
    write_picture(folder / "styles.jpg", style_strips(pack, [_photo(photos / name, _SQUARE) for name in _PHOTOS]))
    for first, second, name in _MIXED:
        mixed = mixing_matrix(pack, _photo(photos / name, _SMALL), first, second)
        write_picture(folder / f"{first}_and_{second}.jpg", mixed)


def _pairs(pack: PackFile) -> list[list[str]]:
    names = [style.name for style in pack.header.styles]
    return [names[first : first + 2] for first in range(0, len(names), 2)]


def _photo(file: Path, size_WH: tuple[int, int]) -> Picture:
    """A photograph that covers a size: its middle from left to right, and its upper part."""
    photo = Image.fromarray(read_picture(file))
    return np.array(ImageOps.fit(photo, size_WH, Image.Resampling.LANCZOS, centering=(0.5, 0)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
