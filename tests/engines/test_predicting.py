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

from stylefader.engines import frame_and_alpha, open_engine
from stylefader.engines.predicting import predicted_style, with_painting
from stylefader.training.errors import PackError, SourceError
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.reading.paintings import read_painting
from tests.compare import F32_DB, psnr
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


def test_a_painting_becomes_one_more_style_of_the_palette(palette: StylePack, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (9, 99, 200)).save(tmp_path / "First Light (2).png")
    own = PackFile(palette.file)
    more, name = with_painting(own, tmp_path / "First Light (2).png")
    again, second = with_painting(more, tmp_path / "First Light (2).png")
    assert (name, second) == ("first_light_2", "first_light_2_2")
    assert [style.title for style in again.header.styles] == ["First", "Second", "First light 2", "First light 2 2"]
    vectors = again.style_vectors()
    assert list(vectors) == ["first", "second", name, second]
    assert np.array_equal(vectors[name], predicted_style(own, tmp_path / "First Light (2).png"))
    assert list(own.style_vectors()) == ["first", "second"], "the palette itself has no more than before"
    assert again.weights_hash() == own.weights_hash() and again.arrays().keys() == own.arrays().keys()
    again.copy_to(tmp_path / "copy.safetensors")
    assert PackFile(tmp_path / "copy.safetensors").header == own.header
    assert again.whole().header == own.header


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_it_plays_on_the_engine_of_the_palette(
    palette: StylePack, picture: MakePicture, tmp_path: Path, engine: str
) -> None:
    Image.fromarray(picture(60, 60)).save(tmp_path / "a.png")
    more, name = with_painting(PackFile(palette.file), tmp_path / "a.png")
    frame, alpha = picture(32, 48), np.ones(3, np.float32)
    with (
        open_engine(more, 32, 48, backend=engine, precision="f32")[0] as engine_of_more,
        open_engine(palette, 32, 48, backend="torch", precision="f32")[0] as reference,
    ):
        style = more.style_vectors()[name]
        made = engine_of_more.run({**frame_and_alpha(frame, alpha), "style": style}).copy()
        wanted = reference.run({**frame_and_alpha(frame, alpha), "style": style})
        plain = reference.run(frame_and_alpha(frame, alpha)).copy()
    assert psnr(made, wanted) > F32_DB
    assert not np.array_equal(made, plain)
