"""Options of the source of a live session, for every kind of source."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from stylefader.realtime.media.transparency import BLACK, Colour
from stylefader.realtime.sources.deinterlacing import Deinterlace
from stylefader.realtime.sources.geometry import DEFAULT_FIT, Fit, check_fit
from stylefader.training.errors import SourceError

Degrees = Literal[0, 90, 180, 270]


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """size: (width, height) of the frames, or None for the source's own. rate: frames a second asked for, or None.

    Cameras, the screen and the testcard are asked for size and rate; whatever they give is brought to `size`.
    loop: files and folders begin again at their end. still_seconds: how long a single picture is shown.
    The picture is changed in this order: mirror (left to right), rotate (degrees clockwise), crop (x, y, width,
    height in pixels of what is then there), and scaled to `size` by fit: `cover` fills the size and cuts what is over,
    `contain` shows all of it between black bars, `stretch` changes the proportions.
    deinterlace: `auto` where a file, stream or camera says that it is interlaced. background: behind transparent places
    of files.
    Raises SourceError for values that make no sense.
    """

    size: tuple[int, int] | None = None
    rate: Fraction | None = None
    loop: bool = False
    mirror: bool = False
    rotate: Degrees = 0
    crop: tuple[int, int, int, int] | None = None
    fit: Fit = DEFAULT_FIT
    still_seconds: Fraction = Fraction(5)
    deinterlace: Deinterlace = "auto"
    background: Colour = BLACK

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < 1:
            raise SourceError(f"size {self.size[0]}x{self.size[1]} is not a picture; give at least 1x1")
        if self.rate is not None and self.rate <= 0:
            raise SourceError(f"the rate {self.rate} is not a rate; give frames a second above 0")
        if self.rotate not in get_args(Degrees):
            raise SourceError(f"rotate {self.rotate} is not a right angle; give 0, 90, 180 or 270")
        check_fit(self.fit)
        if self.crop is not None and (min(self.crop[:2]) < 0 or min(self.crop[2:]) < 1):
            raise SourceError(
                f"crop {crop_words(self.crop)} is no part of a picture; give x,y,WxH such as 0,40,640x360"
            )
        if self.still_seconds <= 0:
            raise SourceError(f"a picture cannot be shown for {self.still_seconds} s; give more than 0")


def crop_words(crop: tuple[int, int, int, int]) -> str:
    """A region as people write it: x,y,WxH."""
    return f"{crop[0]},{crop[1]},{crop[2]}x{crop[3]}"
