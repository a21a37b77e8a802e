"""The pictures of docs/gallery.md: `python -m stylefader.tools.gallery_pictures PHOTOS [STYLE ...]`.

PHOTOS is the folder of photographs that docs/gallery/words.toml names; without styles, those of all packs are drawn.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylefader.engines import frame_and_alpha, open_engine
from stylefader.tools.commands.evaluate.group import strip_of
from stylefader.tools.console.messages import say
from stylefader.tools.gallery_page import DOCS
from stylefader.training.data.photographs import read_picture
from stylefader.training.evaluation.strip import encode_picture
from stylefader.training.packs.library import gallery
from stylefader.training.packs.pack_file import PackFile

if TYPE_CHECKING:
    from stylefader.training.data.photographs import Picture

_CELL = 300
_STRIP_STEPS = 5


def large_picture(pack: PackFile, photo: Picture) -> Picture:
    """The photograph at the highest alpha of the pack's range, uint8 (H, W, 3) RGB of the photograph's size."""
    with open_engine(pack, *photo.shape[:2])[0] as engine:
        strengths = np.full(pack.n_blocks, pack.header.alpha.high, np.float32)
        return np.array(engine.run(frame_and_alpha(photo, strengths)))


def draw(pack: PackFile, photos: Path, names: dict[str, str], folder: Path) -> None:
    """Write `large_NAME.jpg` and the strip `NAME.jpg` of one pack; names: its photographs, as in words.toml."""
    name, alpha = pack.header.name, pack.header.alpha
    large = large_picture(pack, read_picture(photos / names["large"]))
    (folder / f"large_{name}.jpg").write_bytes(encode_picture(large, ".jpg"))
    alphas = np.linspace(alpha.low, alpha.high, _STRIP_STEPS).tolist() if pack.n_blocks else [0.0]
    strip = strip_of(pack, read_picture(photos / names["photo"]), alphas, cell=_CELL)
    (folder / f"{name}.jpg").write_bytes(encode_picture(strip, ".jpg"))


def main(photos: Path, wanted: list[str]) -> None:
    """Draw the pictures of the wanted packs, or of all."""
    words = tomllib.loads((DOCS / "gallery" / "words.toml").read_text(encoding="utf-8"))["styles"]
    for path, header in gallery():
        if not header.styles and (not wanted or header.name in wanted):
            draw(PackFile(path), photos, words[header.name], DOCS / "gallery")
            say(header.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
