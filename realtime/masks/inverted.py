"""Inside and outside exchanged: a source of masks around another one."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import cv2
import numpy as np

from stylefader.realtime.masks.base import Mask, MaskSource, notes_of
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Values


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
        mask = self.inner.mask(image, time, values)
        if mask is None:
            return np.zeros(image.shape[:2], np.uint8)
        return np.asarray(cv2.bitwise_not(mask), np.uint8)

    def close(self) -> None:
        """Close the inner source."""
        self.inner.close()
