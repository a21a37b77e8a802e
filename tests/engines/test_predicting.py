"""A painting's style vector without torch is the one that training's network says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from stylefader.engines.predicting import predicted_style
from stylefader.training.errors import PackError, SourceError
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.reading.paintings import read_painting
from tests.conftest import random_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]


@pytest.fixture
def palette(tmp_path: Path) -> StylePack:
    made = random_pack(tmp_path / "palette.safetensors", kind="palette", width=4, predicts=True)
    save_pack(made)
    return made


@pytest.mark.parametrize("size", [(48, 48), (31, 77), (200, 120)])
def test_it_is_what_the_trained_network_says(
    palette: StylePack, picture: MakePicture, tmp_path: Path, size: tuple[int, int]
) -> None:
    painting = tmp_path / "painting.png"
    Image.fromarray(picture(*size)).save(painting)
    found = predicted_style(PackFile(palette.file), painting)
    net = palette.predictor()
    assert net is not None and palette.header.predictor is not None
    seen = torch.from_numpy(read_painting(painting, palette.header.predictor.side)).permute(2, 0, 1)[None] / 255
    wanted = net(seen)[0].numpy()
    assert found.dtype == np.float32 and found.shape == palette.header.inputs[-1].shape
    assert np.abs(found - wanted).max() < 1e-3 * np.abs(wanted).max()
    assert np.array_equal(found, predicted_style(palette, painting, threads=1))


def test_paintings_have_vectors_of_their_own(palette: StylePack, picture: MakePicture, tmp_path: Path) -> None:
    for name, image in {"a": picture(64, 64), "b": 255 - picture(64, 64)}.items():
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    first, second = (predicted_style(palette, tmp_path / f"{name}.png") for name in "ab")
    assert np.abs(first - second).max() > 0.01


def test_packs_that_predict_nothing_say_so(pack: StylePack, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    with pytest.raises(PackError, match="random has one style: --style-image needs a palette"):
        predicted_style(pack, tmp_path / "a.png")
    plain = random_pack(tmp_path / "plain.safetensors", kind="palette", width=4)
    with pytest.raises(PackError, match="plain says no vectors of paintings"):
        predicted_style(plain, tmp_path / "a.png")


def test_a_file_that_is_no_picture_is_refused(palette: StylePack, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(SourceError, match="not a picture"):
        predicted_style(palette, tmp_path / "a.png")


def test_it_needs_no_torch(palette: StylePack, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (9, 99, 200)).save(tmp_path / "a.png")
    program = (
        "import sys; from pathlib import Path\n"
        "from stylefader.engines.predicting import predicted_style\n"
        "from stylefader.training.packs.pack_file import PackFile\n"
        f"assert predicted_style(PackFile(Path({str(palette.file)!r})), Path({str(tmp_path / 'a.png')!r})).any()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
