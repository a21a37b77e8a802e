"""The Frame: one picture and its times, the only thing that travels from source to sink."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""(H, W, 3) RGB, C-contiguous."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """One picture on its way from a source to the sinks.

    Attributes:
        image: uint8 (H, W, 3) RGB, C-contiguous.
        pts: Presentation time in seconds on the stream's own clock, exact.
        index: Position in the stream, counted from 0 in presentation order.
        captured_ns: Monotonic nanoseconds at capture (for a file: when it was decoded).
        duration: Seconds that the picture stays on screen; None if the stream does not say.
        alpha_HW: uint8 (H, W), the opacity of each pixel (0: transparent, 255: opaque), or None if all are opaque.
            `image` is then already composed over a background (`realtime/media/transparency.py`).
        inside: (x, y, width, height) of the part of `image` between black bars, None if there are no bars. The network
            changes the bars too; `blacken_bars` makes them black again.
        original: For a stylized frame of a live session the picture before, as `image`, so that a window can show both.
            Most sinks get None.
    """

    image: Picture
    pts: Fraction
    index: int
    captured_ns: int
    duration: Fraction | None = None
    alpha_HW: npt.NDArray[np.uint8] | None = None
    inside: tuple[int, int, int, int] | None = None
    original: Picture | None = None

    def __repr__(self) -> str:
        return f"Frame {self.index} at {float(self.pts):.3f} s, {self.width}x{self.height}"

    def __post_init__(self) -> None:
        image = self.image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"a frame's image is uint8 (H, W, 3), not {image.dtype} {image.shape}")
        if not image.flags.c_contiguous:
            raise ValueError("a frame's image must be C-contiguous; use numpy.ascontiguousarray first")
        alpha = self.alpha_HW
        if alpha is not None and (alpha.dtype != np.uint8 or alpha.shape != image.shape[:2]):
            raise ValueError(f"a frame's alpha is uint8 {image.shape[:2]}, not {alpha.dtype} {alpha.shape}")

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.image.shape[1])


def blacken_bars(image_HWC: Picture, inside: tuple[int, int, int, int] | None) -> None:
    """Make a picture black outside of `inside`, a Frame's, in place; nothing is done where there are no bars."""
    if inside is None:
        return
    x, y, width, height = inside
    image_HWC[:y] = image_HWC[y + height :] = 0
    image_HWC[y : y + height, :x] = image_HWC[y : y + height, x + width :] = 0
