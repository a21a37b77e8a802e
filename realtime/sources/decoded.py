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
from av.video.frame import VideoFrame

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.resizing import Image, resized
from stylefader.realtime.sources.geometry import SQUARE, UPRIGHT, Box, Placement, Turn
from stylefader.realtime.sources.orientation import turn
from stylefader.realtime.sources.picture_maker import Made, PictureMaker


class Decoded(ABC):
    """A picture as its source has it.

    width, height: as it lies in memory. turn: what brings it upright. aspect: width over height of one of its pixels
    as it lies.
    """

    def __init__(self, width: int, height: int, *, turn: Turn = UPRIGHT, aspect: Fraction = SQUARE) -> None:
        self.width, self.height, self.turn, self.aspect = width, height, turn, aspect
        self._made: tuple[Placement, Made] | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """(width, height) of the upright picture."""
        return self.turn.sides(self.width, self.height)

    def as_it_is(self) -> Placement:
        """The placement that only brings it upright."""
        size = self.sides
        lying = (self.width, self.height)
        return Placement(crop=Box(0, 0, *lying), scaled=lying, turn=self.turn, inside=Box(0, 0, *size), size=size)

    def made(self, placement: Placement) -> Made:
        """RGB of the placement's size and its alpha where it has one, neither to be written to; made once.

        Bars are black and opaque.
        """
        if self._made is None or self._made[0] != placement:
            self._made = placement, self.convert(placement)
        return self._made[1]

    def convert(self, placement: Placement) -> Made:
        """What `made` gives, made anew."""
        image, alpha = self._scaled(placement.crop, *placement.scaled)
        image = _with_bars(turn(image, placement.turn), placement, 0)
        return Made(image, None if alpha is None else _with_bars(turn(alpha, placement.turn), placement, 255))

    def rgb(self, placement: Placement) -> Image:
        """uint8 (H, W, 3) RGB of the placement's size, C-contiguous and not to be written to; made once."""
        return self.made(placement).image

    @abstractmethod
    def _scaled(self, crop: Box, width: int, height: int) -> Made:
        """That part of it at that size, as it lies."""


class VideoPicture(Decoded):
    """A frame of FFmpeg's decoders. make: the track's own; one thread at a time."""

    def __init__(
        self, frame: VideoFrame, make: PictureMaker, *, turn: Turn = UPRIGHT, aspect: Fraction = SQUARE
    ) -> None:
        super().__init__(frame.width, frame.height, turn=turn, aspect=aspect)
        self._frame, self._make = frame, make

    def _scaled(self, crop: Box, width: int, height: int) -> Made:
        return self._make(self._frame, crop, width, height)


class ArrayPicture(Decoded):
    """An array (H, W, channels) of bytes.

    order: of its channels; what is not RGB is converted when it is small. alpha: its alpha plane (H, W).
    """

    def __init__(
        self,
        image: Image,
        *,
        order: Literal["rgb", "bgr", "bgra"] = "rgb",
        alpha: Image | None = None,
        aspect: Fraction = SQUARE,
    ) -> None:
        super().__init__(image.shape[1], image.shape[0], aspect=aspect)
        self._image, self._order, self._alpha = image, order, alpha

    def _scaled(self, crop: Box, width: int, height: int) -> Made:
        cut = np.s_[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
        whole = crop == (0, 0, self.width, self.height)
        image = resized(self._image if whole else self._image[cut], width, height)
        if self._order != "rgb":
            code = cv2.COLOR_BGRA2RGB if self._order == "bgra" else cv2.COLOR_BGR2RGB
            image = np.asarray(cv2.cvtColor(image, code), np.uint8)
        return Made(image, None if self._alpha is None else resized(self._alpha[cut], width, height))


def _with_bars(image: Image, placement: Placement, bars: int) -> Image:
    if not placement.has_bars:
        return image
    width, height = placement.size
    x, y, across, down = placement.inside
    canvas = np.full((height, width, *image.shape[2:]), bars, np.uint8)
    canvas[y : y + down, x : x + across] = image
    return canvas


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LazyFrame:
    """A Frame whose picture is still as it was decoded. picture, placement: what it is made from, and how.

    has_alpha: whether the frame keeps its picture's alpha. The other fields are those of Frame.
    """

    picture: Decoded
    placement: Placement
    pts: Fraction
    index: int
    captured_ns: int
    duration: Fraction | None = None
    has_alpha: bool = False

    @property
    def width(self) -> int:
        """Of the picture to be made, in pixels."""
        return self.placement.size[0]

    @property
    def height(self) -> int:
        """Of the picture to be made, in pixels."""
        return self.placement.size[1]

    def frame(self) -> Frame:
        """The frame, its picture converted. Raises av.FFmpegError, cv2.error or ValueError where that fails."""
        image, alpha = self.picture.made(self.placement)
        return Frame(
            image=image, alpha_HW=alpha if self.has_alpha else None, pts=self.pts, index=self.index,
            captured_ns=self.captured_ns, duration=self.duration,
            inside=self.placement.inside if self.placement.has_bars else None,
        )  # fmt: skip


def lazy(frame: Frame, *, aspect: Fraction = SQUARE) -> LazyFrame:
    """A frame whose picture is there already, as one that is yet to be made."""
    picture = ArrayPicture(frame.image, aspect=aspect)
    return LazyFrame(
        picture=picture, placement=picture.as_it_is(), pts=frame.pts, index=frame.index,
        captured_ns=frame.captured_ns, duration=frame.duration,
    )  # fmt: skip
