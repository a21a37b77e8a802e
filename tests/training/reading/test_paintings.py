"""Paintings as a prediction network looks at them: any picture at one size; what shows no style is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylefader.training.errors import SourceError
from stylefader.training.reading.paintings import read_painting

RED = (200, 30, 40)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((64, 64), (32, 32)), ((300, 100), (96, 32)), ((100, 20), (96, 32)), ((20, 2000), (32, 96)), ((33, 48), (32, 47))],
)
def test_every_painting_comes_at_one_size(tmp_path: Path, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    Image.new("RGB", size, RED).save(tmp_path / "a.png")
    picture = read_painting(tmp_path / "a.png", 32)
    assert picture.shape[1::-1] == wanted and picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - RED).max() <= 1


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "I;16"])
def test_other_colours_become_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.linear_gradient("L").resize((40, 40))
    file = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    picture.save(file)
    found = read_painting(file, 40)
    assert found.shape == (40, 40, 3) and np.abs(found.astype(int) - np.asarray(grey)[..., None]).max() <= 3


def test_transparent_places_are_white(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 40), (*RED, 0)).save(tmp_path / "clear.png")
    assert (read_painting(tmp_path / "clear.png", 20) == 255).all()
    Image.new("RGBA", (20, 40), (*RED, 127)).save(tmp_path / "half.png")
    half = read_painting(tmp_path / "half.png", 20)
    assert np.abs(half.astype(int) - (np.array(RED) + 255) // 2).max() <= 2


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path: Path) -> None:
    small = np.random.default_rng(3).integers(0, 256, (6, 8, 3), np.uint8)
    large = Image.fromarray(small).resize((1600, 1200), Image.Resampling.BICUBIC)
    large.save(tmp_path / "a.jpg", quality=95)
    large.save(tmp_path / "a.png")
    of_jpeg, of_png = (read_painting(tmp_path / f"a.{kind}", 96).astype(int) for kind in ("jpg", "png"))
    assert of_jpeg.shape == of_png.shape == (96, 128, 3)
    assert np.abs(of_jpeg - of_png).mean() < 2


@pytest.mark.parametrize("size", [(1, 1), (400, 8)])
def test_too_small_a_picture_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="too small to show a style"):
        read_painting(tmp_path / "a.png", 32)


def test_what_is_no_picture_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_text("not a picture")
    with pytest.raises(SourceError, match="not a picture that can be read"):
        read_painting(tmp_path / "a.jpg", 32)
    with pytest.raises(SourceError, match="picture not found"):
        read_painting(tmp_path / "b.jpg", 32)
    Image.new("RGB", (1200, 1000)).save(tmp_path / "large.png")
    monkeypatch.setenv("STYLEFADER_MEGAPIXELS", "1")
    with pytest.raises(SourceError, match="more than the 1 megapixels"):
        read_painting(tmp_path / "large.png", 32)
