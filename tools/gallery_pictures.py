"""The pictures of docs/gallery.md: `python -m stylefader.tools.gallery_pictures PHOTOS [STYLE ...]`.

PHOTOS is the folder of photographs that docs/gallery/words.toml names; without styles, those of all packs are drawn.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np

from stylefader.tools.commands.evaluate.group import strip_of
from stylefader.tools.console.messages import say
from stylefader.tools.gallery_page import DOCS
from stylefader.tools.painted import painted, write_picture
from stylefader.training.data.photographs import read_picture
from stylefader.training.packs.library import gallery
from stylefader.training.packs.pack_file import PackFile

_CELL = 300
_STRIP_STEPS = 5


def draw(pack: PackFile, photos: Path, names: dict[str, str], folder: Path) -> None:
    """Write the picture at the highest alpha, `large_NAME.jpg`, and the strip `NAME.jpg` of one pack.

    Args:
        pack: A pack of one style.
        photos: Folder of the photographs.
        names: Its photographs, `large` and `photo`, as in words.toml.
        folder: Where the pictures go.
    """
    name, alpha = pack.header.name, pack.header.alpha
    strongest = {"alpha": np.full(pack.n_blocks, alpha.high, np.float32)}
    write_picture(folder / f"large_{name}.jpg", *painted(pack, read_picture(photos / names["large"]), [strongest]))
    alphas = np.linspace(alpha.low, alpha.high, _STRIP_STEPS).tolist() if pack.n_blocks else [0.0]
    strip = strip_of(pack, read_picture(photos / names["photo"]), alphas, cell=_CELL)
    write_picture(folder / f"{name}.jpg", strip)


def main(photos: Path, wanted: list[str]) -> None:
    """Draw the pictures of the wanted packs, or of all."""
    words = tomllib.loads((DOCS / "gallery" / "words.toml").read_text(encoding="utf-8"))["styles"]
    for path, header in gallery():
        if not header.styles and (not wanted or header.name in wanted):
            draw(PackFile(path), photos, words[header.name], DOCS / "gallery")
            say(header.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
