"""How pictures move: from one frame to the next, exactly known or estimated."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.training.data.photographs import Picture

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Motion:
    """How the picture moved since the frame before.

    Attributes:
        place_HW2: float32 (x, y), where each pixel was in the frame before.
        seen_HW: bool, whether it was visible there.
    """

    place_HW2: Floats
    seen_HW: npt.NDArray[np.bool_]

    def carry(self, before_HWC: Picture) -> Floats:
        """The frame before as it should look now, float32 (H, W, 3) in 0..255."""
        return np.asarray(cv2.remap(before_HWC.astype(np.float32), self.place_HW2, None, cv2.INTER_LINEAR), np.float32)  # type: ignore[call-overload]


def places(height: int, width: int) -> Floats:
    """Each pixel's own place, float32 (height, width, 2) as (x, y)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y], -1)


def estimated_motion(before_HWC: Picture, after_HWC: Picture) -> Motion:
    """Motion by DIS optical flow (Kroeger et al. 2016), seen by the two tests of Ruder et al. (2016).

    A pixel was seen in the frame before where the flow there and back again ends near its start, and where the flow
    does not change at once, as it does at the edges of what moves.
    """
    h, w = after_HWC.shape[:2]
    before, after = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before_HWC, after_HWC))
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back = dis.calc(after, before, None)  # type: ignore[call-overload]
    forth = dis.calc(before, after, None)  # type: ignore[call-overload]
    place = places(h, w) + back
    forth_there = cv2.remap(forth, place, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    length = np.square(back).sum(-1)
    returns = np.square(back + forth_there).sum(-1) <= 0.01 * (length + np.square(forth_there).sum(-1)) + 0.5
    change = sum(np.square(np.gradient(back[..., i])[axis]) for i in (0, 1) for axis in (0, 1))
    inside = ((place >= 0) & (place <= (w - 1, h - 1))).all(-1)
    return Motion(place, inside & returns & (change <= 0.01 * length + 0.002))
