"""A decoded picture of a file to what the network gets: upright RGB of one size, in BT.709, over a background.

decoded --HDR: tone-mapped--> --alpha: over the background--> scaled, turned --> image and alpha
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from realtime.colour import SRGB, ColourTags, ToRgb, has_alpha, tags_of
from realtime.sources.geometry import Fit, Placement, Turn, place
from realtime.sources.orientation import turn
from realtime.tone_mapping import ToneMapper, needs_tone_mapping, peak_of
from realtime.transparency import Colour, composite

Image = npt.NDArray[np.uint8]


class Made(NamedTuple):
    """image: uint8 (H, W, 3) RGB, C-contiguous. alpha: uint8 (H, W), None where the picture has none."""

    image: Image
    alpha: Image | None


class PictureMaker:
    """Makes frames of one size from the pictures of one track. One thread at a time.

    size: (width, height) of every frame. orient: what brings a picture upright. coded: (width, height) of the first
    picture; such pictures are scaled to the size, others are fitted into it by `fit`, as pictures with pixels of the
    same shape: pixel_aspect, width over height of a decoded pixel; with no fit they keep the size that they have.
    size_aspect: width over height of a pixel of the finished frame.
    background: what is put behind transparent places.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        orient: tuple[bool, bool, bool],
        coded: tuple[int, int],
        pixel_aspect: Fraction,
        size_aspect: Fraction,
        fit: Fit | None,
        background: Colour,
    ) -> None:
        self._size, self._orient, self._coded = size, orient, coded
        self._aspect, self._size_aspect = pixel_aspect, size_aspect
        self._fit, self._background = fit, background
        self._scaled = size[::-1] if orient[0] else size
        self._to_rgb = ToRgb()
        self._mapper: tuple[ColourTags, ToneMapper] | None = None

    def __call__(self, picture: VideoFrame) -> Made:
        """A frame's image and alpha. Raises av.FFmpegError where a picture cannot be converted."""
        coded = (picture.width, picture.height)
        if coded == self._coded or self._fit is None:
            image, alpha = self._rgb(picture, self._scaled if coded == self._coded else coded)
            return Made(turn(image, self._orient), None if alpha is None else turn(alpha, self._orient))
        image, alpha = self._rgb(picture, coded)
        how = place(
            picture.width,
            picture.height,
            self._size,
            fit=self._fit,
            aspect=self._aspect,
            turn=Turn(*self._orient),
            size_aspect=self._size_aspect,
        )
        # Bars are opaque, as they are where no picture has alpha.
        return Made(_placed(image, how, 0), None if alpha is None else _placed(alpha, how, 255))

    def _rgb(self, picture: VideoFrame, size: tuple[int, int]) -> tuple[Image, Image | None]:
        tags = tags_of(picture)
        transparent = has_alpha(picture.format)
        alpha = None
        if transparent:
            full, alpha = self._to_rgb.with_alpha(picture, tags)
        if needs_tone_mapping(tags):
            if self._mapper is None or self._mapper[0] != tags:
                self._mapper = (tags, ToneMapper(tags, peak_of(picture)))
            picture, tags = self._mapper[1](picture), SRGB
            if alpha is not None:
                full = self._to_rgb(picture, tags, picture.width, picture.height)
        if alpha is None:
            return self._to_rgb(picture, tags, *size), None
        if alpha.min() < 255:
            # Before scaling, which would mix the hidden colours into their neighbours.
            full = composite(full, alpha, self._background)
        return _resized(full, size), _resized(alpha, size)


def _placed(image: Image, how: Placement, bars: int) -> Image:
    crop, inside = how.crop, how.inside
    part = _resized(image[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width], how.scaled)
    part = turn(part, (how.turn.transpose, how.turn.mirror, how.turn.flip))
    if not how.has_bars:
        return part
    width, height = how.size
    whole = np.full((height, width, *image.shape[2:]), bars, np.uint8)
    whole[inside.y : inside.y + inside.height, inside.x : inside.x + inside.width] = part
    return whole


def _resized(image: Image, size: tuple[int, int]) -> Image:
    height, width = image.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(image)
    shrinks = size[0] < width or size[1] < height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=method), np.uint8)
