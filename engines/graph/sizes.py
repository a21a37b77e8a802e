"""Frame sizes that one compiled engine serves: a fixed one, or a range."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stylefader.training.errors import EngineError

MULTIPLE = 4
"""The network halves the picture twice, so padded sides are multiples of this."""
SMALLEST = 8
"""Reflection padding of 4 at full size and of 1 at quarter size needs padded sides of at least this."""


def padded(side: int) -> int:
    """The side that the network sees for a frame's side: the next multiple of 4, at least 8."""
    return max(SMALLEST, (side + MULTIPLE - 1) // MULTIPLE * MULTIPLE)


@dataclass(frozen=True, kw_only=True)
class FrameSizes:
    """The frame sizes that one export or plan serves, each (height, width); `usual` is what it is tuned for."""

    smallest: tuple[int, int]
    usual: tuple[int, int]
    largest: tuple[int, int]

    def __post_init__(self) -> None:
        sides = zip(self.smallest, self.usual, self.largest, strict=True)
        if not all(1 <= low <= usual <= high for low, usual, high in sides):
            raise EngineError(
                f"frame sizes (height, width) must be 1 or more and grow from smallest to usual to largest, "
                f"not {self.smallest}, {self.usual}, {self.largest}"
            )

    @staticmethod
    def only(height: int, width: int) -> FrameSizes:
        """One fixed size."""
        return FrameSizes(smallest=(height, width), usual=(height, width), largest=(height, width))

    @staticmethod
    def parse(text: str) -> FrameSizes:
        """Sizes as `str` writes them, tuned for the largest. Raises EngineError."""
        match = re.fullmatch(r"(\d{1,6})x(\d{1,6})(?:\.\.(\d{1,6})x(\d{1,6}))?", text, re.ASCII)
        if match is None:
            raise EngineError(f"{text!r:.60} is no frame size and no range of them: WxH, or WxH..WxH")
        low, high = (int(match[2]), int(match[1])), (int(match[4] or match[2]), int(match[3] or match[1]))
        return FrameSizes(smallest=low, usual=high, largest=high)

    def __str__(self) -> str:
        (low_height, low_width), (height, width) = self.smallest, self.largest
        return f"{width}x{height}" if self.fixed else f"{low_width}x{low_height}..{width}x{height}"

    def covers(self, height: int, width: int) -> bool:
        """Whether an engine for these sizes takes frames of that height and width, in pixels."""
        (low_height, low_width), (high_height, high_width) = self.smallest, self.largest
        return low_height <= height <= high_height and low_width <= width <= high_width

    @property
    def fixed(self) -> bool:
        """Whether there is one size only."""
        return self.smallest == self.largest
