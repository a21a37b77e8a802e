from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data import PhotoFolder, batches, read_picture, resize_short_side
from training.errors import TrainingError


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


def rows(folder: Path, first: int, count: int, seed: int = 3) -> list[np.ndarray]:
    return list(batches(PhotoFolder(folder), seed=seed, size=24, batch=2, first=first, count=count))


def test_crops_are_a_function_of_seed_and_number(photos: Path) -> None:
    whole = rows(photos, 0, 9)
    assert [batch.shape for batch in whole] == [(2, 24, 24, 3)] * 9
    np.testing.assert_array_equal(np.stack(rows(photos, 4, 9)), np.stack(whole[4:]))
    assert not np.array_equal(np.stack(rows(photos, 0, 9, seed=4)), np.stack(whole))


def test_every_photograph_comes_once_an_epoch(photos: Path) -> None:
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        cv2.imwrite(str(path), np.full((30, 30, 3), 30 * number, np.uint8))
    folder = PhotoFolder(photos)
    for epoch in range(3):
        seen = {int(folder.crop(epoch * 7 + i, seed=1, size=16).mean()) for i in range(7)}
        assert seen == {30 * number for number in range(7)}


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


def test_an_error_in_the_loader_reaches_the_loop(photos: Path) -> None:
    for path in photos.rglob("*.png"):
        path.write_bytes(b"broken")
    with pytest.raises(TrainingError, match="cannot be read"):
        rows(photos, 0, 3)


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


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (31, 31), (7, 200)])
def test_the_short_side_is_what_was_asked_for(shape: tuple[int, int]) -> None:
    resized = resize_short_side(np.zeros((*shape, 3), np.uint8), 24)
    assert min(resized.shape[:2]) == 24
    assert max(resized.shape[:2]) == pytest.approx(24 * max(shape) / min(shape), abs=1)
