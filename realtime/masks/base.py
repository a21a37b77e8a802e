"""What every source of masks promises. The stylizer, or a render, asks it once for each frame, in their order.

A session or a render is given a `MaskChoice`, which is only words and a function until the source is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Parameter, Values

Mask = npt.NDArray[np.uint8]
"""(H, W), C-contiguous: 0 is outside, 255 inside, and values between are soft."""


class MaskSource(Protocol):
    """Gives a mask for each frame. One thread calls it; `close` may come from another one, after the last call.

    It may have `notes`, a list of messages for people that grows: see `notes_of`.
    """

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask | None:
        """The mask of a frame.

        Args:
            image: The frame before it is stylized, uint8 (H, W, 3) RGB, of the size that the source was opened for. It
                must not be changed or kept.
            time: Of the frame in seconds: in a render from the first instant of the clip, live on the clock of the
                source, which may begin again.
            values: What the choice's `parameters` stand at now, by name, float32 (size,) each.

        Returns:
            uint8 (H, W), C-contiguous, which is not written to after it was returned; None where all is inside.

        Raises:
            StylefaderError: There is no mask of this frame. A live session holds the mask before and tells it once; a
                render ends.
        """
        ...

    def close(self) -> None:
        """Free what it holds; harmless twice."""
        ...


class MaskUse(NamedTuple):
    """Which mask a frame got, as takes have it.

    Attributes:
        where: The words of its choice; `all` where there was none.
        off: Whether all was inside all the same.
        inverted: Whether inside and outside were exchanged.
    """

    where: str
    off: bool = False
    inverted: bool = False


NO_MASK = MaskUse("all")
"""All of the picture is inside, since there is no mask."""


def notes_of(source: MaskSource | None) -> list[str]:
    """What a source has to say so far, such as that its clip is at its end; each is shown once."""
    return list(getattr(source, "notes", ()))


@dataclass(frozen=True, kw_only=True)
class MaskChoice:
    """A source of masks that was asked for and not opened yet.

    Attributes:
        words: What it is, for people: `person`, `green`, a file.
        open: Opens it for a height and a width in pixels; raises StylefaderError. Called in the thread of whoever opens
            the session, before the first frame.
        parameters: What of it performers move, beside alpha: names as on the desk, such as `mask_x`.
    """

    words: str
    open: Callable[[int, int], MaskSource]
    parameters: tuple[Parameter, ...] = ()
