"""Photographs to adapt on: those of a folder, or pictures that are at hand, such as frames of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from stylefader.training.data.photographs import Picture, random_crop
from stylefader.training.errors import TrainingError


class Crops(Protocol):
    """An endless row of random crops, the same at every run; `PhotoFolder` is one."""

    def crop(self, index: int, *, seed: int, size: int) -> Picture:
        """Random crop number `index` of the row with this seed: uint8 (size, size, 3) RGB."""

    def photo(self, number: int) -> Picture:
        """A whole picture, uint8 (H, W, 3) RGB, for any number from 0 on."""


class Pictures:
    """Crops of a few pictures, uint8 (H, W, 3) RGB each. Raises TrainingError where there is none."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        if not pictures:
            raise TrainingError("there are no pictures to adapt on")
        self._pictures = list(pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    def crop(self, index: int, *, seed: int, size: int) -> Picture:
        """As in `Crops`."""
        rng = np.random.default_rng((seed, index))
        return random_crop(self._pictures[int(rng.integers(len(self._pictures)))], rng, size)

    def photo(self, number: int) -> Picture:
        """As in `Crops`."""
        return self._pictures[number % len(self._pictures)]
