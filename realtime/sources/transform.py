"""Mirror, rotate, crop and scale: a source around a source, whose frames always have one size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames import Frame
from realtime.sources.base import Packet, Source
from realtime.sources.options import Fit, LiveOptions, crop_words
from training.errors import SourceError

Image = npt.NDArray[np.uint8]

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class TransformedSource(Source):
    """The frames of `inner`, changed as the options say. What it is otherwise, it is as `inner` is.

    Without a size asked for, the frames have the size of the first picture after rotation and crop, with square
    pixels. A picture of another size that comes later is brought to this one by the options' fit.
    """

    def __init__(self, inner: Source, options: LiveOptions) -> None:
        self.inner = inner
        self.live = inner.live
        self.notes = inner.notes
        self._options = options
        self._changed = False

    def open(self) -> None:
        """Open the inner source and settle the size. Raises SourceError, also for a crop outside the picture."""
        self.inner.open()
        inner, options = self.inner, self._options
        self.rate, self.frame_count = inner.rate, inner.frame_count
        self.clock_zero, self.origin, self.notes = inner.clock_zero, inner.origin, inner.notes
        # A pixel of some old formats is wider than high; the screens of a live session have square ones.
        aspect = Fraction(getattr(inner, "sample_aspect_ratio", 1))
        sides = (inner.width, inner.height)
        turned = sides[::-1] if options.rotate in (90, 270) else sides
        if options.crop is not None:
            x, y, width, height = options.crop
            if x + width > turned[0] or y + height > turned[1]:
                inner.close()
                raise SourceError(
                    f"crop {crop_words(options.crop)} reaches beyond the picture, which is {turned[0]}x{turned[1]} "
                    "(after rotation); give a part of it"
                )
            turned = (width, height)
        self._inner_sides = sides
        self._turned_aspect = 1 / aspect if options.rotate in (90, 270) else aspect
        self.width, self.height = options.size or (max(1, round(turned[0] * self._turned_aspect)), turned[1])

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.inner:
            yield self._transformed(frame)

    def frames_and_packets(self) -> Iterator[Frame | Packet]:
        for thing in self.inner.frames_and_packets():
            yield self._transformed(thing) if isinstance(thing, Frame) else thing

    def _transformed(self, frame: Frame) -> Frame:
        self.dropped = self.inner.dropped
        if not self._changed and (frame.width, frame.height) != self._inner_sides:
            self._changed = True
            self.notes.append(
                f"the picture changed its size from {self._inner_sides[0]}x{self._inner_sides[1]} to "
                f"{frame.width}x{frame.height}; it is brought to {self.width}x{self.height}"
            )
        options = self._options
        image = turned_image(frame.image, options)
        image = fitted(image, (self.width, self.height), options.fit, self._turned_aspect)
        return frame if image is frame.image else replace(frame, image=image, alpha_HW=None)

    def close(self) -> None:
        self.inner.close()


def turned_image(image: Image, options: LiveOptions) -> Image:
    """`image` (H, W, 3) mirrored, rotated and cropped; a view where that is enough.

    A crop that reaches beyond this picture gives the part that is there, or all of it where there is none.
    """
    turned = image
    if options.mirror:
        turned = np.asarray(cv2.flip(turned, 1), np.uint8)
    if options.rotate:
        turned = np.asarray(cv2.rotate(turned, _TURNS[options.rotate]), np.uint8)
    if options.crop is not None:
        x, y, width, height = options.crop
        part = turned[y : y + height, x : x + width]
        turned = part if part.size else turned
    return turned


def fitted(image: Image, size: tuple[int, int], fit: Fit, aspect: Fraction = Fraction(1)) -> Image:
    """`image` (H, W, 3) at exactly `size` (width, height), C-contiguous; itself where it is that already.

    aspect: width of one of its pixels over its height.
    """
    height, width = image.shape[:2]
    if (width, height) == size and aspect == 1:
        return np.ascontiguousarray(image)
    shown = width * aspect
    if fit == "stretch":
        return _resized(image, size)
    by_width, by_height = size[0] / shown, Fraction(size[1], height)
    if fit == "cover":
        scale = max(by_width, by_height)
        keep_x, keep_y = (
            min(width, max(1, round(size[0] / scale / aspect))),
            min(height, max(1, round(size[1] / scale))),
        )
        x, y = (width - keep_x) // 2, (height - keep_y) // 2
        return _resized(image[y : y + keep_y, x : x + keep_x], size)
    scale = min(by_width, by_height)
    inside = (min(size[0], max(1, round(shown * scale))), min(size[1], max(1, round(height * scale))))
    image = _resized(image, inside)
    if inside == size:
        return image
    left, top = (size[0] - inside[0]) // 2, (size[1] - inside[1]) // 2
    right, bottom = size[0] - inside[0] - left, size[1] - inside[1] - top
    return np.asarray(
        cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0)), np.uint8
    )


def _resized(image: Image, size: tuple[int, int]) -> Image:
    height, width = image.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(image)
    shrinks = size[0] < width or size[1] < height
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)
