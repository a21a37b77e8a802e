"""The pictures of docs/palette.md, drawn of a palette with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import open_engine
from stylefader.tools.palette_pictures import mixing_matrix, palette_painted, style_strips, wall
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

GAP = 6
MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]


@pytest.fixture
def palette(tmp_path: Path) -> PackFile:
    file = tmp_path / "few.safetensors"
    save_pack(random_pack(file, kind="palette", styles=("first", "second", "third")))
    return PackFile(file)


def test_a_mixture_is_what_the_engine_makes_of_the_sum_of_its_vectors(palette: PackFile, picture: MakePicture) -> None:
    photo, vectors = picture(24, 32), palette.style_vectors()
    first, second, _ = vectors
    halves, whole = palette_painted(palette, photo, [({first: 0.5, second: 0.5}, 0.3), ({first: 1.0}, 0.3)])
    with open_engine(palette, 24, 32)[0] as engine:
        alpha = np.full(palette.n_blocks, 0.3, np.float32)
        style = (vectors[first] + vectors[second]) / 2
        assert np.array_equal(halves, engine.run({"frame": photo, "alpha": alpha, "style": style}))
    assert not np.array_equal(halves, whole)


def test_every_style_has_its_place_in_strips_and_wall(palette: PackFile, picture: MakePicture) -> None:
    photos = [picture(24, 32), picture(24, 32)[::-1].copy()]
    strips, large = style_strips(palette, photos), wall(palette, photos)
    assert strips.shape[1] == 7 * 32 + 6 * GAP
    row = strips.shape[0] // 2
    assert np.array_equal(strips[:24, :32], photos[0])
    assert np.array_equal(strips[row : row + 24, :32], photos[1])
    assert large.shape[1] == 2 * 32 + GAP
    last = list(palette.style_vectors())[2]
    (drawn,) = palette_painted(palette, photos[0], [({last: 1.0}, 1.0)])
    assert np.array_equal(large[large.shape[0] // 2 :][:24, :32], drawn)


def test_a_matrix_ends_in_either_style(palette: PackFile, picture: MakePicture) -> None:
    photo = picture(24, 32)
    first, second, _ = palette.style_vectors()
    matrix = mixing_matrix(palette, photo, first, second)
    ends = palette_painted(palette, photo, [({first: 1.0}, 0.0), ({second: 1.0}, 0.0)])
    assert np.array_equal(matrix[:24, :32], ends[0])
    assert np.array_equal(matrix[:24, -32:], ends[1])
