"""One style of a palette as a pack of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.training.errors import PackError
from stylefader.training.packs.one_style import load_one_style, one_style, style_of
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from stylefader.training.packs.pack_header import LossCurve
from tests.compare import psnr
from tests.conftest import random_pack


@pytest.fixture
def hall(tmp_path: Path) -> StylePack:
    """A palette of two styles, written; the second was measured, and trained by itself."""
    made = random_pack(tmp_path / "hall.safetensors", kind="palette", styles=("wave", "scream"))
    curve = LossCurve(photographs=3, alpha=(0.0, 1.0), content=(0.1, 0.2), style=(0.9, 0.3))
    wave, scream = made.header.styles
    scream = replace(
        scream, losses=curve, training={"blocks": {"iterations": 7}}, painting={"title": "The Scream", "sha256": "ab"}
    )
    training = {"main": {"iterations": 5}, "blocks": {"iterations": 3}}
    made = replace(made, header=replace(made.header, styles=(wave, scream), training=training))
    save_pack(made)
    return made


def test_it_gives_the_pictures_of_the_palette_in_that_style(hall: StylePack, tmp_path: Path) -> None:
    save_pack(one_style(hall, "scream", tmp_path / "scream.safetensors"))
    alone = load_pack(tmp_path / "scream.safetensors")
    frame = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    for precision in (0.0, 0.4, 1.0):
        values = {"frame": frame, "alpha": np.full(3, precision, np.float32)}
        with (
            open_engine(hall, 24, 32, backend="torch")[0] as palette,
            open_engine(alone, 24, 32, backend="torch")[0] as single,
        ):
            expected = palette.run(values | {"style": hall.style_vectors()["scream"]})
            assert psnr(single.run(values), expected) >= 50


def test_its_header_is_that_of_the_style(hall: StylePack, tmp_path: Path) -> None:
    header = one_style(hall, "scream", tmp_path / "alone.safetensors").header
    assert (header.name, header.title, header.kind, header.styles) == ("alone", "The Scream", "single", ())
    assert header.losses == style_of(hall, "scream").losses
    assert header.style["sha256"] == "ab" and header.licence == hall.header.licence
    assert header.training["main"] == {"iterations": 5, "taken_from": "hall/scream"}
    assert header.training["blocks"] == {"iterations": 7, "taken_from": "hall/scream"}
    assert [spec.name for spec in header.inputs] == ["frame", "alpha"]


def test_a_word_for_one_style_is_loaded_from_packs_and_palettes(hall: StylePack, pack: StylePack) -> None:
    assert load_one_style(f"{hall.file}/wave").header.title == "Wave"
    assert load_one_style(str(pack.file)).header == pack.header
    with pytest.raises(PackError, match=r"is a palette of 2 styles: name one of them, as in .*hall\.safetensors/wave"):
        load_one_style(str(hall.file))
    with pytest.raises(PackError, match="hall has no style 'sea': there are wave, scream"):
        one_style(hall, "sea")
