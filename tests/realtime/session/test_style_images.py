"""Paintings that a session is given while it plays are looked at beside it, in order, and refused in a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylefader.engines.predicting import predicted_style
from stylefader.realtime.session.style_images import LookedAt, StyleImages
from stylefader.training.errors import SourceError
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack


@pytest.fixture
def palette(tmp_path: Path) -> PackFile:
    made = random_pack(tmp_path / "palette.safetensors", kind="palette", width=4, predicts=True)
    save_pack(made)
    return PackFile(made.file)


def wait_for(images: StyleImages, count: int) -> list[LookedAt]:
    found: list[LookedAt] = []
    while len(found) < count:
        come = images.done(timeout_s=60)
        assert come, "nobody looked at the next painting"
        found += come
    return found


def test_paintings_come_in_the_order_of_asking(palette: PackFile, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for number, file in enumerate(files):
        Image.new("RGB", (40, 40), (80 * number, 10, 200)).save(file)
    files[1].write_text("no picture")
    images = StyleImages()
    for file in files:
        images.ask(palette, file)
    found = wait_for(images, 3)
    assert [one.painting for one in found] == files and images.done() == []
    assert np.array_equal(found[2].vector, predicted_style(palette, files[2]))
    with pytest.raises(SourceError, match="not a picture"):
        _ = found[1].vector
    images.close()


def test_too_many_at_once_are_refused(palette: PackFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    images = StyleImages()
    monkeypatch.setattr(images, "done", list)
    for _ in range(8):
        images.ask(palette, tmp_path / "a.png")
    with pytest.raises(SourceError, match="8 paintings are being looked at"):
        images.ask(palette, tmp_path / "a.png")
    images.close()
    images.close()
