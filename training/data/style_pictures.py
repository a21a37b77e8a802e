"""What a prediction network learns from: paintings whole, in crops, with other colours, and photographs as paintings.

Picture number i is a pure function of the paintings, the photographs, the seed and i, as crops of photographs are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from stylefader.training.data.photographs import PhotoFolder, Picture, resize_short_side
from stylefader.training.errors import SourceError, TrainingError
from stylefader.training.reading.paintings import read_painting

_DRAWN = 11
"""Makes the random numbers of style pictures others than those of crops."""
_SMALLER, _LARGER = 0.75, 1.6
"""Sizes of a painting whose crops are changed, against its usual one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StyleSample:
    """A picture to learn a style from: uint8 (H, W, 3) RGB, contiguous.

    painting: the number of the painting that it shows as it is, whole or a part of it; None where it shows another
    style than one of the paintings. whole: whether all of that painting is there.
    """

    picture: Picture
    painting: int | None = None
    whole: bool = False


class StylePictures:
    """An endless, exactly repeatable row of style pictures.

    paintings: files. side: the shorter side of a whole painting, and size: the side of crops, in pixels.
    photos: are used as paintings as well, in this share of the row, 0 to 1.
    Raises TrainingError for crops that are larger than the smallest paintings, and for paintings that cannot be read.
    """

    def __init__(
        self, paintings: Sequence[Path], *, side: int, size: int, photos: PhotoFolder, photo_share: float
    ) -> None:
        if size > side * _SMALLER:
            raise TrainingError(
                f"crop must be at most {int(side * _SMALLER)} pixels, for paintings of {side}, not {size}"
            )
        try:
            self.paintings = [read_painting(file, side) for file in paintings]
            self._larger = [read_painting(file, round(side * _LARGER)) for file in paintings]
        except SourceError as error:
            raise TrainingError(str(error)) from error
        self._size, self._side, self._photos, self._share = size, side, photos, photo_share

    def drawn(self, number: int, *, seed: int) -> StyleSample:
        """Picture `number` of the row with this seed.

        What is not a photograph is a whole painting, a crop of one as it is, or a changed crop, as often.
        """
        rng = np.random.default_rng((seed, number, _DRAWN))
        if rng.random() < self._share:
            crop = self._photos.crop(int(rng.integers(2**31)), seed=seed, size=self._size)
            return StyleSample(picture=_recoloured(crop, rng) if rng.random() < 0.5 else crop)
        which = int(rng.integers(len(self.paintings)))
        how = int(rng.integers(3))
        if how == 0:
            return StyleSample(picture=self.paintings[which], painting=which, whole=True)
        if how == 1:
            return StyleSample(picture=self._crop(self.paintings[which], rng), painting=which)
        side = int(rng.integers(round(self._side * _SMALLER), round(self._side * _LARGER) + 1))
        crop = self._crop(resize_short_side(self._larger[which], side), rng)
        return StyleSample(picture=_recoloured(crop, rng))

    def _crop(self, picture: Picture, rng: np.random.Generator) -> Picture:
        top, left = (int(rng.integers(have - self._size + 1)) for have in picture.shape[:2])
        crop = picture[top : top + self._size, left : left + self._size]
        return np.ascontiguousarray(crop[:, ::-1] if rng.integers(2) else crop)


def _recoloured(picture: Picture, rng: np.random.Generator) -> Picture:
    """Other colours, contrast and brightness: each channel a mixture of all three, at times with light for dark."""
    mixture = np.eye(3)[rng.permutation(3)] * 0.8 + rng.normal(0, 0.25, (3, 3))
    mixture *= rng.uniform(0.6, 1.3) / mixture.sum(1, keepdims=True).clip(0.5)
    if rng.random() < 0.15:
        mixture = -mixture
    middle = picture.mean((0, 1))
    offset = middle + rng.normal(0, 25, 3) - mixture @ middle
    return np.asarray(cv2.transform(picture, np.column_stack([mixture, offset])), np.uint8)
