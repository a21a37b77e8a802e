"""The pictures of docs/palette.md: `python -m stylefader.tools.palette_pictures PALETTE PHOTOS`.

PALETTE is a palette's name, PHOTOS the folder of photographs that `make gallery` takes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylefader.engines import open_engine
from stylefader.tools.gallery_page import DOCS
from stylefader.training.data.photographs import read_picture, resize_short_side
from stylefader.training.evaluation.strip import encode_picture, stack, strip
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack_file import PackFile

if TYPE_CHECKING:
    from stylefader.engines.base import Engine
    from stylefader.training.data.photographs import Picture

_SIDE = 240
_PHOTOS = ("coffee.png", "astronaut.png", "chelsea.png", "rocket.jpg")
_WIDE, _HIGH = 480, 320
_WALL = ("motorcycle_left.png", "chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png")
_MIXED = (("starry_night", "udnie", "chelsea.png"), ("great_wave", "night_cafe", "rocket.jpg"))


class Palette:
    """A palette whose pictures are drawn at the size of one photograph."""

    def __init__(self, pack: PackFile, photo: Picture) -> None:
        self.pack, self.photo, self.vectors = pack, photo, pack.style_vectors()
        self._engine: Engine = open_engine(pack, *photo.shape[:2])[0]

    def picture(self, weights: dict[str, float], alpha: float) -> Picture:
        """The photograph in a mixture of styles, uint8 (H, W, 3) RGB."""
        style = sum(weight * self.vectors[name] for name, weight in weights.items())
        strengths = np.full(self.pack.n_blocks, alpha, np.float32)
        values = {"frame": self.photo, "alpha": strengths, "style": np.asarray(style, np.float32)}
        return np.array(self._engine.run(values))


def style_strips(pack: PackFile, photos: Sequence[Picture]) -> Picture:
    """Each style along alpha, two styles beside each other; a photograph for each row, in turns."""
    names, rows = [style.name for style in pack.header.styles], []
    palettes = [Palette(pack, photo) for photo in photos]
    for number in range(0, len(names), 2):
        palette = palettes[number // 2 % len(palettes)]
        pictures, captions = [palette.photo], ["photograph"]
        for name in names[number : number + 2]:
            for alpha in (0.0, 0.5, 1.0):
                pictures.append(palette.picture({name: 1.0}, alpha))
                captions.append(f"{name}, {alpha:g}" if alpha else name)
        rows.append(strip(pictures, captions))
    return stack(rows)


def wall(pack: PackFile, photos: Sequence[Picture]) -> Picture:
    """Each style at alpha 1, large, two beside each other; a photograph for each, in turns."""
    palettes, rows = [Palette(pack, photo) for photo in photos], []
    names = [style.name for style in pack.header.styles]
    for first in range(0, len(names), 2):
        pair = names[first : first + 2]
        pictures = [palettes[(first + n) % len(palettes)].picture({name: 1.0}, 1.0) for n, name in enumerate(pair)]
        rows.append(strip(pictures, pair))
    return stack(rows)


def mixing_matrix(palette: Palette, first: str, second: str) -> Picture:
    """Two styles, from one to the other to the right, alpha downwards."""
    rows = []
    for alpha in (0.0, 0.5, 1.0):
        shares = (0.0, 0.25, 0.5, 0.75, 1.0)
        pictures = [palette.picture({first: 1 - share, second: share}, alpha) for share in shares]
        rows.append(strip(pictures, [f"{first} {1 - share:.0%}, alpha {alpha:g}" for share in shares]))
    return stack(rows)


def main(palette: str, photos: Path) -> None:
    """Draw all of them."""
    pack = PackFile(find_pack(palette))
    large = [_cut(_scaled(photos / name, _WIDE, _HIGH), _WIDE, _HIGH) for name in _WALL]
    small = {name: _small(photos / name) for name in _PHOTOS}
    folder = DOCS / "palette"
    folder.mkdir(exist_ok=True)
    (folder / "wall.jpg").write_bytes(encode_picture(wall(pack, large), ".jpg"))
    squares = [_cut(photo, _SIDE, _SIDE) for photo in small.values()]
    (folder / "styles.jpg").write_bytes(encode_picture(style_strips(pack, squares), ".jpg"))
    for first, second, photo in _MIXED:
        mixed = mixing_matrix(Palette(pack, small[photo]), first, second)
        (folder / f"{first}_and_{second}.jpg").write_bytes(encode_picture(mixed, ".jpg"))


def _small(file: Path) -> Picture:
    photo = resize_short_side(read_picture(file), _SIDE)
    return _cut(photo, min(photo.shape[1], 4 * _SIDE // 3), _SIDE)


def _scaled(file: Path, width: int, height: int) -> Picture:
    """Scaled so that it covers a size."""
    photo = read_picture(file)
    share = max(width / photo.shape[1], height / photo.shape[0])
    return resize_short_side(photo, round(np.ceil(min(photo.shape[:2]) * share)))


def _cut(photo: Picture, width: int, height: int) -> Picture:
    """Its middle from left to right, and its upper part."""
    left = (photo.shape[1] - width) // 2
    return np.ascontiguousarray(photo[:height, left : left + width])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
