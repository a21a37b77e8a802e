"""Pictures as they were decoded, made into RGB of the wanted size only when somebody takes them.

    source --LazyFrame--> mailbox --LazyFrame.frame()--> stylizer

A frame that is left out on the way was never converted, scaled or copied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from realtime.colour import ToRgb, tags_of
from realtime.frames import Frame
from realtime.sources.geometry import SQUARE, UPRIGHT, Box, Placement, Turn
from realtime.sources.orientation import turn

Image = npt.NDArray[np.uint8]


class Decoded(ABC):
    """A picture as its source has it.

    width, height: as it lies in memory. turn: what brings it upright. aspect: width over height of one of its pixels
    as it lies.
    """

    def __init__(self, width: int, height: int, *, turn: Turn = UPRIGHT, aspect: Fraction = SQUARE) -> None:
        self.width, self.height, self.turn, self.aspect = width, height, turn, aspect
        self._made: tuple[Placement, Image] | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """(width, height) of the upright picture."""
        return self.turn.sides(self.width, self.height)

    def as_it_is(self) -> Placement:
        """The placement that only brings it upright."""
        size = self.sides
        lying = (self.width, self.height)
        return Placement(crop=Box(0, 0, *lying), scaled=lying, turn=self.turn, inside=Box(0, 0, *size), size=size)

    def rgb(self, placement: Placement) -> Image:
        """uint8 (H, W, 3) RGB of the placement's size, C-contiguous and not to be written to; made once."""
        if self._made is None or self._made[0] != placement:
            self._made = placement, self.convert(placement)
        return self._made[1]

    def convert(self, placement: Placement) -> Image:
        """What `rgb` gives, made anew."""
        image = turn(self._scaled(placement.crop, *placement.scaled), placement.turn)
        return _with_bars(image, placement) if placement.has_bars else image

    @abstractmethod
    def _scaled(self, crop: Box, width: int, height: int) -> Image:
        """That part of it at that size, RGB, as it lies."""


class VideoPicture(Decoded):
    """A frame of FFmpeg's decoders. to_rgb: the stream's own; one thread at a time."""

    def __init__(self, frame: VideoFrame, to_rgb: ToRgb, *, turn: Turn = UPRIGHT, aspect: Fraction = SQUARE) -> None:
        super().__init__(frame.width, frame.height, turn=turn, aspect=aspect)
        self._frame, self._to_rgb = frame, to_rgb

    def _scaled(self, crop: Box, width: int, height: int) -> Image:
        return self._to_rgb(self._frame, tags_of(self._frame), width, height, crop=crop)


class ArrayPicture(Decoded):
    """An array (H, W, channels) of bytes. order: of its channels; what is not RGB is converted when it is small."""

    def __init__(
        self, image: Image, *, order: Literal["rgb", "bgr", "bgra"] = "rgb", aspect: Fraction = SQUARE
    ) -> None:
        super().__init__(image.shape[1], image.shape[0], aspect=aspect)
        self._image, self._order = image, order

    def _scaled(self, crop: Box, width: int, height: int) -> Image:
        image = self._image
        if crop != (0, 0, self.width, self.height):
            image = image[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
        image = resized(image, width, height)
        if self._order != "rgb":
            code = cv2.COLOR_BGRA2RGB if self._order == "bgra" else cv2.COLOR_BGR2RGB
            return np.asarray(cv2.cvtColor(image, code), np.uint8)
        return np.ascontiguousarray(image)


def resized(image: Image, width: int, height: int) -> Image:
    """`image` (H, W, channels) at that size: area means where it shrinks, else bicubic; itself where it fits."""
    if image.shape[1::-1] == (width, height):
        return image
    shrinks = width < image.shape[1] or height < image.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def _with_bars(image: Image, placement: Placement) -> Image:
    width, height = placement.size
    x, y, across, down = placement.inside
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[y : y + down, x : x + across] = image
    return canvas


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LazyFrame:
    """A Frame whose picture is still as it was decoded. picture, placement: what it is made from, and how.

    The other fields are those of Frame.
    """

    picture: Decoded
    placement: Placement
    pts: Fraction
    index: int
    captured_ns: int
    duration: Fraction | None = None

    @property
    def width(self) -> int:
        return self.placement.size[0]

    @property
    def height(self) -> int:
        return self.placement.size[1]

    def frame(self) -> Frame:
        """The frame, its picture converted. Raises av.FFmpegError, cv2.error or ValueError where that fails."""
        return Frame(
            image=self.picture.rgb(self.placement), pts=self.pts, index=self.index, captured_ns=self.captured_ns,
            duration=self.duration,
        )  # fmt: skip


def lazy(frame: Frame, *, aspect: Fraction = SQUARE) -> LazyFrame:
    """A frame whose picture is there already, as one that is yet to be made."""
    picture = ArrayPicture(frame.image, aspect=aspect)
    return LazyFrame(
        picture=picture, placement=picture.as_it_is(), pts=frame.pts, index=frame.index,
        captured_ns=frame.captured_ns, duration=frame.duration,
    )  # fmt: skip
