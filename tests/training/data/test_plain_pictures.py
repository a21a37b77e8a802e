from __future__ import annotations

import numpy as np
import pytest

from stylefader.training.data.photographs import PhotoFolder
from stylefader.training.data.plain_pictures import PlainPictures, plain_picture
from tests.training.given import make_given


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> PhotoFolder:
    return PhotoFolder(make_given(tmp_path_factory.mktemp("plain")) / "photos")


def is_smooth(picture: np.ndarray) -> bool:
    means = picture.astype(float).reshape(8, len(picture) // 8, 8, len(picture) // 8, 3).mean((1, 3))
    return bool(np.abs(np.diff(means, 2, axis=0)).max() < 4 and np.abs(np.diff(means, 2, axis=1)).max() < 4)


def test_they_are_smooth_dark_and_light_and_of_many_colours() -> None:
    pictures = [plain_picture(np.random.default_rng(number), 64) for number in range(60)]
    assert all(picture.dtype == np.uint8 and picture.shape == (64, 64, 3) for picture in pictures)
    assert all(is_smooth(picture) for picture in pictures)
    light = np.array([picture.mean() for picture in pictures])
    assert (light < 40).sum() >= 10 and (light > 120).sum() >= 5
    noise = np.array([np.diff(picture.astype(float), axis=0).std() for picture in pictures])
    assert noise.max() > 2 and noise.min() < 1, "with much noise and with hardly any"


def test_so_many_of_a_row_are_smooth_and_the_others_are_the_folders(photos: PhotoFolder) -> None:
    row = PlainPictures(photos, 0.25)
    crops = [row.crop(number, seed=3, size=32) for number in range(100)]
    own = [np.array_equal(crop, photos.crop(number, seed=3, size=32)) for number, crop in enumerate(crops)]
    assert 15 <= own.count(False) <= 35
    assert all(
        np.array_equal(crop, PlainPictures(photos, 0.25).crop(n, seed=3, size=32)) for n, crop in enumerate(crops)
    )


@pytest.mark.parametrize(("share", "smooth"), [(0.0, 0), (1.0, 20)])
def test_none_or_all(photos: PhotoFolder, share: float, smooth: int) -> None:
    row = PlainPictures(photos, share)
    own = [np.array_equal(row.crop(n, seed=0, size=32), photos.crop(n, seed=0, size=32)) for n in range(20)]
    assert own.count(False) == smooth
