"""Pictures with transparent places: what is put behind them, and how a colour is written.

A picture with alpha may hold any colour where nothing shows of it, and often holds rubbish there. Sources put every
such picture over a background before a network or a sink can see it; its alpha travels beside it in
`Frame.alpha_HW`, for sinks that can hold it.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from stylefader.training.errors import SourceError

Colour = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""

BLACK: Colour = (0, 0, 0)

_HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_LEVELS = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3})", re.ASCII)


def parse_colour(text: str) -> Colour:
    """A colour from `#00ff00`, `00ff00`, `#0f0`, `0,255,0` or a name of CSS such as `white`.

    Args:
        text: What somebody wrote.

    Returns:
        Red, green and blue from 0 to 255.

    Raises:
        SourceError: `text` is none of these.
    """
    word = text.strip()
    if _HEX.fullmatch(word):
        digits = word.removeprefix("#")
        digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    levels = _LEVELS.fullmatch(word)
    if levels is not None and all(int(level) <= 255 for level in levels.groups()):
        return int(levels[1]), int(levels[2]), int(levels[3])
    if word.lower() in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(word.lower())[:3]
        return red, green, blue
    raise SourceError(f"{text[:40]!r} is no colour; write a name such as white, or #00ff00, or 0,255,0")


def composite(
    rgb_HWC: npt.NDArray[np.uint8], alpha_HW: npt.NDArray[np.uint8], background: Colour = BLACK
) -> npt.NDArray[np.uint8]:
    """A picture put over a background: `(rgb * alpha + background * (255 - alpha)) / 255`, rounded to the nearest.

    Args:
        rgb_HWC: uint8 (H, W, 3), colours as they are where nothing is transparent (straight alpha).
        alpha_HW: uint8 (H, W), 0 where the background shows, 255 where the picture does.
        background: Its colour.

    Returns:
        uint8 (H, W, 3) RGB, C-contiguous, of its own memory.

    Raises:
        ValueError: The two do not belong together.
    """
    if rgb_HWC.dtype != np.uint8 or rgb_HWC.ndim != 3 or rgb_HWC.shape[2] != 3:
        raise ValueError(f"a picture is uint8 (H, W, 3), not {rgb_HWC.dtype} {rgb_HWC.shape}")
    if alpha_HW.dtype != np.uint8 or alpha_HW.shape != rgb_HWC.shape[:2]:
        raise ValueError(f"alpha is uint8 {rgb_HWC.shape[:2]}, not {alpha_HW.dtype} {alpha_HW.shape}")
    alpha = alpha_HW.astype(np.uint16)[..., None]
    behind = np.array(background, np.uint16)
    # At most 255 * 255 + 127, which 16 bits hold.
    return np.asarray((rgb_HWC * alpha + behind * (255 - alpha) + 127) // 255, dtype=np.uint8)


def straight(over_black_HWC: npt.NDArray[np.uint8], alpha_HW: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Colours to store beside alpha, of a picture that was put over black: the reverse of `composite`.

    What players then show over black is the picture itself, so that soft edges get no dark fringe. Where alpha is 0,
    the colour is black: nothing is hidden there.

    Args:
        over_black_HWC: uint8 (H, W, 3).
        alpha_HW: uint8 (H, W).

    Returns:
        uint8 (H, W, 3) RGB, C-contiguous, of its own memory.
    """
    alpha = alpha_HW.astype(np.uint16)[..., None]
    undone = (over_black_HWC * np.uint16(255) + alpha // 2) // np.maximum(alpha, 1)
    return np.asarray(np.where(alpha == 0, 0, np.minimum(undone, 255)), dtype=np.uint8)


def note_for(name: str, background: Colour) -> str:
    """The note on a file whose transparency is not kept."""
    return f"transparent places of {name} are put over {words_for(background)}"


def words_for(background: Colour) -> str:
    """A colour as messages name it."""
    return {BLACK: "black", (255, 255, 255): "white"}.get(background, "#{:02x}{:02x}{:02x}".format(*background))
