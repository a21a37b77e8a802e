"""Smooth pictures among photographs: what a sky, a wall or a dark stage is to a network.

Such places are rare in photographs, and it is there that the grid of a network's strides shows first.
"""

from __future__ import annotations

import cv2
import numpy as np

from stylefader.training.data.photographs import PhotoFolder, Picture

_PLAIN = 7
"""Makes the random numbers of plain pictures others than those of crops."""
_MOST_NOISE = 2.5


class PlainPictures:
    """A row of crops as a folder of photographs has it, some of which are smooth pictures.

    Crop number i is a pure function of the folder, the share, the seed and i, as that of the folder is.

    photos: the folder, whose errors come through. share: of the crops that are smooth, 0 to 1.
    """

    def __init__(self, photos: PhotoFolder, share: float) -> None:
        self._photos, self._share = photos, share

    def crop(self, index: int, *, seed: int, size: int) -> Picture:
        """Crop number `index` of the row with this seed: uint8 (size, size, 3) RGB."""
        rng = np.random.default_rng((seed, index, _PLAIN))
        if rng.random() < self._share:
            return plain_picture(rng, size)
        return self._photos.crop(index, seed=seed, size=size)


def plain_picture(rng: np.random.Generator, size: int) -> Picture:
    """A smooth blend of four colours, more often dark ones, with a camera's noise: uint8 (size, size, 3) RGB."""
    brightest = 255 * rng.uniform(0.05, 1) ** 1.5
    colour = 1 - rng.uniform(0, 1) * rng.uniform(0, 1, 3)
    corners = brightest * (colour + rng.uniform(-0.2, 0.2, (2, 2, 3))).clip(0, 1)
    where = (np.arange(size, dtype=np.float32) + 0.5) / size
    blend = cv2.remap(
        corners.astype(np.float32), *np.meshgrid(where, where), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    noise = rng.uniform(0, _MOST_NOISE)
    return (blend + rng.normal(0, noise, blend.shape)).clip(0, 255).round().astype(np.uint8)
