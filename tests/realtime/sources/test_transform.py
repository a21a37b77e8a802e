"""Mirror, rotate, crop and fit, compared with the same in plain NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.options import Fit, LiveOptions
from stylefader.realtime.sources.transform import TransformedSource
from stylefader.training.errors import SourceError

Image = npt.NDArray[np.uint8]


class Pictures(Source):
    def __init__(self, *images: Image, aspect: Fraction = Fraction(1)) -> None:
        self.images = images
        self.sample_aspect_ratio = aspect
        self.rate = Fraction(25)
        self.live = True
        self.notes: list[str] = []

    def open(self) -> None:
        self.height, self.width = self.images[0].shape[:2]

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(self.images):
            yield Frame(image=image, pts=Fraction(index, 25), index=index, captured_ns=index + 7)

    def close(self) -> None:
        self.images = ()


def noise(width: int, height: int) -> Image:
    return np.random.default_rng(width * height).integers(0, 256, (height, width, 3), np.uint8)


def run(inner: Pictures, **options: Any) -> tuple[TransformedSource, list[Image]]:
    with TransformedSource(inner, LiveOptions(**options)) as source:
        frames = list(source)
        assert all((frame.width, frame.height) == (source.width, source.height) for frame in frames)
        assert [frame.captured_ns for frame in frames] == [index + 7 for index in range(len(frames))]
    return source, [frame.image for frame in frames]


def reference(image: Image, *, mirror: bool, rotate: int, crop: tuple[int, int, int, int] | None) -> Image:
    if mirror:
        image = image[:, ::-1]
    image = np.rot90(image, -rotate // 90)
    if crop is not None:
        x, y, width, height = crop
        image = image[y : y + height, x : x + width]
    return image


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (3, 5, 20, 11), (0, 0, 1, 1)])
def test_without_a_size(mirror: bool, rotate: int, crop: tuple[int, int, int, int] | None) -> None:
    image = noise(37, 28)
    _, (found,) = run(Pictures(image), mirror=mirror, rotate=rotate, crop=crop)
    np.testing.assert_array_equal(found, reference(image, mirror=mirror, rotate=rotate, crop=crop))


def test_nothing_to_do_copies_nothing() -> None:
    image = noise(16, 12)
    _, (found,) = run(Pictures(image), size=(16, 12))
    assert found is image


def areas(image: Image, size: tuple[int, int]) -> Image:
    """Scaling down by whole factors: the mean of each block."""
    across, down = image.shape[1] // size[0], image.shape[0] // size[1]
    blocks = image.reshape(size[1], down, size[0], across, 3).astype(float)
    return blocks.mean(axis=(1, 3))


def test_contain() -> None:
    image = noise(80, 40)
    _, (found,) = run(Pictures(image), size=(40, 30), fit="contain")
    inside = found[5:25]
    assert np.abs(inside - areas(image, (40, 20))).max() <= 1
    assert not found[:5].any() and not found[25:].any()


def test_contain_at_the_sides() -> None:
    image = noise(20, 40)
    _, (found,) = run(Pictures(image), size=(31, 20), fit="contain")
    assert np.abs(found[:, 10:20] - areas(image, (10, 20))).max() <= 1
    assert not found[:, :10].any() and not found[:, 20:].any()


def test_cover() -> None:
    image = noise(80, 40)
    _, (found,) = run(Pictures(image), size=(20, 20))
    assert np.abs(found - areas(image[:, 20:60], (20, 20))).max() <= 1


def test_stretch() -> None:
    image = noise(80, 40)
    _, (found,) = run(Pictures(image), size=(40, 10), fit="stretch")
    assert np.abs(found - areas(image, (40, 10))).max() <= 1


@pytest.mark.parametrize("fit", ["contain", "cover", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (64, 3), (333, 222)])
def test_any_size(fit: Fit, size: tuple[int, int]) -> None:
    source, (found,) = run(Pictures(noise(57, 31)), size=size, fit=fit)
    assert (source.width, source.height) == size and found.flags.c_contiguous


def test_size_that_changes_on_the_way() -> None:
    first, second, third = noise(40, 20), noise(40, 80), noise(3, 3)
    source, found = run(Pictures(first, second, third), fit="contain")
    np.testing.assert_array_equal(found[0], first)
    assert np.abs(found[1][:, 15:25] - areas(second, (10, 20))).max() <= 1
    assert len(source.notes) == 1 and "changed its size from 40x20 to 40x80" in source.notes[0]


def test_crop_outside_a_later_picture() -> None:
    first, second = noise(40, 20), noise(10, 20)
    _, found = run(Pictures(first, second), crop=(20, 0, 20, 10))
    np.testing.assert_array_equal(found[0], first[:10, 20:])


def test_wide_pixels_become_square() -> None:
    image = noise(36, 30)
    source, _ = run(Pictures(image, aspect=Fraction(16, 9)))
    assert (source.width, source.height) == (64, 30)
    turned, _ = run(Pictures(image, aspect=Fraction(1, 2)), rotate=90)
    assert (turned.width, turned.height) == (60, 36)
    _, (found,) = run(Pictures(np.full((30, 36, 3), 9, np.uint8), aspect=Fraction(2)), size=(72, 40), fit="contain")
    assert (found[5:35] == 9).all() and not found[:5].any()


def test_crop_outside_is_refused() -> None:
    with pytest.raises(SourceError, match=r"crop 30,0,20x10 reaches beyond the picture, which is 40x20"):
        run(Pictures(noise(40, 20)), crop=(30, 0, 20, 10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 10)}, "size 0x10"),
        ({"rate": Fraction(0)}, "rate 0"),
        ({"rotate": 45}, "rotate 45"),
        ({"fit": "fill"}, "fit 'fill'"),
        ({"crop": (0, 0, 0, 5)}, "crop 0,0,0x5"),
        ({"still_seconds": Fraction(-1)}, "-1 s"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        LiveOptions(**options)
