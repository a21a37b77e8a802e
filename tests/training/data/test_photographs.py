from __future__ import annotations

import base64
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from stylefader.training.data.photographs import PhotoFolder, read_picture, resize_short_side
from stylefader.training.errors import TrainingError

# 16x16 pixels of RGB (200, 60, 30), inverted as Adobe writes them.
CMYK_JPEG = (
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdo"
    "Zz5NcXlwZHhcZWdj/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAGB//EABQQAQAAAAAAAAAAAAAA"
    "AAAAAAD/2gAOBEMATQBZAEsAAD8ApE6jmgAAAAP/2Q=="
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seven photographs of several sizes, one in a folder below, one smaller than the crop."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number, (h, w) in enumerate([(40, 60), (64, 50), (33, 33), (80, 40), (20, 70), (41, 47), (16, 16)]):
        name = f"more/{number}.png" if number == 3 else f"{number}.png"
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (h, w, 3), np.uint8))
    return folder


def test_every_photograph_comes_once_an_epoch(photos: Path) -> None:
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        cv2.imwrite(str(path), np.full((30, 30, 3), 30 * number, np.uint8))
    folder = PhotoFolder(photos)
    for epoch in range(3):
        seen = {int(folder.crop(epoch * 7 + i, seed=1, size=16).mean()) for i in range(7)}
        assert seen == {30 * number for number in range(7)}


def test_pictures_smaller_than_the_crop_are_enlarged_and_counted(photos: Path) -> None:
    folder = PhotoFolder(photos)
    for i in range(7):
        assert folder.crop(i, seed=0, size=32).shape == (32, 32, 3)
    assert sorted(path.name for path in folder.enlarged) == ["4.png", "6.png"]


@pytest.mark.parametrize("below", ["", "images"])
def test_a_coco_layout_gives_its_split(tmp_path: Path, below: str) -> None:
    for folder in ("train2017", "val2017", "annotations"):
        (tmp_path / below / folder).mkdir(parents=True)
    for number, folder in enumerate(("train2017", "train2017", "val2017")):
        cv2.imwrite(str(tmp_path / below / folder / f"{number:012}.jpg"), np.zeros((30, 30, 3), np.uint8))
    (tmp_path / "annotations").mkdir(exist_ok=True)
    assert len(PhotoFolder(tmp_path)) == 2
    assert [path.name for path in PhotoFolder(tmp_path, split="val").files] == ["000000000002.jpg"]
    assert len(PhotoFolder(tmp_path / below / "train2017", split="val")) == 2, "a plain folder is what it is"


def test_hidden_files_are_no_pictures(photos: Path) -> None:
    (photos / "._0.png").write_bytes(b"what other systems leave beside a picture")
    assert len(PhotoFolder(photos)) == 7


def test_unreadable_pictures_are_skipped_and_counted(photos: Path) -> None:
    (photos / "0.png").write_bytes(b"")
    folder = PhotoFolder(photos)
    for i in range(14):
        assert folder.crop(i, seed=0, size=16).shape == (16, 16, 3)
    assert [path.name for path in folder.unreadable] == ["0.png"]
    (photos / "1.png").write_bytes(b"broken")
    folder = PhotoFolder(photos)
    with pytest.raises(TrainingError, match="2 of 7 pictures cannot be read"):
        [folder.crop(i, seed=0, size=16) for i in range(7)]


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no pictures in"):
        PhotoFolder(tmp_path)
    with pytest.raises(TrainingError, match="no folder of photographs"):
        PhotoFolder(tmp_path / "nowhere")


def test_pictures_are_read_upright_and_rgb(tmp_path: Path) -> None:
    blue_BGR = np.zeros((8, 12, 3), np.uint8)
    blue_BGR[:, :, 0] = 250
    cv2.imwrite(str(tmp_path / "blue.png"), blue_BGR)
    assert read_picture(tmp_path / "blue.png")[0, 0].tolist() == [0, 0, 250]
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(TrainingError, match="not a picture"):
        read_picture(tmp_path / "text.png")


def test_grey_and_deep_and_clear_pictures_are_read_as_rgb(tmp_path: Path) -> None:
    kinds = {
        "grey.jpg": np.full((16, 16), 100, np.uint8),
        "deep.png": np.full((16, 16, 3), 100 * 257, np.uint16),
        "clear.png": np.dstack([np.full((16, 16, 3), 100, np.uint8), np.zeros((16, 16), np.uint8)]),
    }
    for name, picture in kinds.items():
        cv2.imwrite(str(tmp_path / name), picture)
        read = read_picture(tmp_path / name)
        assert read.shape == (16, 16, 3)
        assert read.dtype == np.uint8
        seen = 0 if name == "clear.png" else 100  # what is hidden must not be learnt from
        assert np.abs(read.astype(int) - seen).max() <= 1, name


def test_cmyk_is_read_as_rgb(tmp_path: Path) -> None:
    (tmp_path / "cmyk.jpg").write_bytes(base64.b64decode(CMYK_JPEG))
    assert np.abs(read_picture(tmp_path / "cmyk.jpg").astype(int) - (200, 60, 30)).max() <= 2


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    """EXIF orientation 6: the camera was held on its side."""
    lying = np.zeros((16, 48, 3), np.uint8)
    lying[:8] = 250
    jpeg = cv2.imencode(".jpg", lying)[1].tobytes()
    tags = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tags
    marker = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (tmp_path / "upright.jpg").write_bytes(jpeg[:2] + marker + jpeg[2:])
    read = read_picture(tmp_path / "upright.jpg")
    assert read.shape == (48, 16, 3)
    assert read[:, -1].min() > 200
    assert read[:, 0].max() < 50


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (31, 31), (7, 200)])
def test_the_short_side_is_what_was_asked_for(shape: tuple[int, int]) -> None:
    resized = resize_short_side(np.zeros((*shape, 3), np.uint8), 24)
    assert min(resized.shape[:2]) == 24
    assert max(resized.shape[:2]) == pytest.approx(24 * max(shape) / min(shape), abs=1)
