"""Crops of paintings for training: squares at random places and scales, each a function of the seed and its number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from stylefader.training.data.photographs import Picture, random_crop, read_picture, resize_short_side

_KEPT = 64
_CROPS = 11
"""Makes the random numbers of these crops others than those of photographs."""


class PaintingCrops:
    """Cuts squares of paintings, which are read once and kept where there are not too many.

    side: the shorter side, in pixels, that a painting has when it is cut.
    """

    def __init__(self, files: Sequence[Path], *, side: int) -> None:
        self.files, self.side = tuple(files), side
        self.picture = lru_cache(maxsize=_KEPT)(self._read)

    def __len__(self) -> int:
        return len(self.files)

    def _read(self, number: int) -> Picture:
        """Painting `number` at its size: uint8 (H, W, 3) RGB. Raises TrainingError."""
        return resize_short_side(read_picture(self.files[number]), self.side)

    def crop(self, number: int, index: int, *, seed: int, size: int) -> Picture:
        """Crop number `index` of the run, of painting `number`: uint8 (size, size, 3) RGB. Raises TrainingError."""
        return random_crop(self.picture(number), np.random.default_rng((seed, index, _CROPS)), size)
