"""A decoded picture of a file or stream to RGB in BT.709, over a background, cut and scaled.

decoded --HDR: tone-mapped--> --alpha: over the background--> cut, scaled --> image and alpha
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from stylefader.realtime.media.colour import SRGB, ColourTags, ToRgb, has_alpha, tags_of
from stylefader.realtime.media.resizing import resized
from stylefader.realtime.media.tone_mapping import ToneMapper, needs_tone_mapping, peak_of
from stylefader.realtime.media.transparency import BLACK, Colour, composite
from stylefader.realtime.sources.geometry import Box

Image = npt.NDArray[np.uint8]


class Made(NamedTuple):
    """image: uint8 (H, W, 3) RGB, C-contiguous. alpha: uint8 (H, W), None where the picture has none."""

    image: Image
    alpha: Image | None


class PictureMaker:
    """Makes RGB of the pictures of one track. One thread at a time.

    background: what is put behind transparent places.
    """

    def __init__(self, background: Colour = BLACK) -> None:
        self._background = background
        self._to_rgb = ToRgb()
        self._mapper: tuple[ColourTags, ToneMapper] | None = None

    def __call__(self, picture: VideoFrame, crop: Box, width: int, height: int) -> Made:
        """`crop` of the picture at that size, as it lies. Raises av.FFmpegError where it cannot be converted."""
        tags = tags_of(picture)
        alpha = None
        if has_alpha(picture.format):
            whole, alpha = self._to_rgb.with_alpha(picture, tags)
        if needs_tone_mapping(tags):
            if self._mapper is None or self._mapper[0] != tags:
                self._mapper = (tags, ToneMapper(tags, peak_of(picture)))
            picture, tags = self._mapper[1](picture), SRGB
            if alpha is not None:
                whole = self._to_rgb(picture, tags, picture.width, picture.height)
        if alpha is None:
            return Made(self._to_rgb(picture, tags, width, height, crop=crop), None)
        if alpha.min() < 255:
            # Before scaling, which would mix the hidden colours into their neighbours.
            whole = composite(whole, alpha, self._background)
        cut = np.s_[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
        return Made(resized(whole[cut], width, height), resized(alpha[cut], width, height))
