"""Inside and outside exchanged: a source of masks around another one."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import cv2
import numpy as np

from stylefader.realtime.masks.base import Mask, MaskSource, notes_of
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Values


def turned(mask: Mask | None, height: int, width: int) -> Mask:
    """Inside and outside of a mask exchanged; of None, which has all inside, nothing is inside."""
    return np.zeros((height, width), np.uint8) if mask is None else np.asarray(cv2.bitwise_not(mask), np.uint8)


class Inverted:
    """A source of masks (`MaskSource`) that gives the opposite of `inner`'s."""

    def __init__(self, inner: MaskSource) -> None:
        self.inner = inner

    @property
    def notes(self) -> list[str]:
        """Those of the inner source."""
        return notes_of(self.inner)

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask:
        """255 where the inner source gives 0."""
        return turned(self.inner.mask(image, time, values), *image.shape[:2])

    def close(self) -> None:
        """Close the inner source."""
        self.inner.close()
