"""Temporal loss: keeps a style stable on video, learnt from photographs, and from clips where there are some.

A photograph and a made-up next frame (`training/data/motion.py`), or two frames of a clip, show the same things in
other places, and it is known where. A network that is stable gives the second picture as the first one's warp, camera
noise, codec and light or not: the loss is the mean square of what differs (the short-term loss of Lai et al. 2018 and
of Gupta et al. 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stylefader.training.data.motion import Pair
from stylefader.training.settings import Temporal, TrainSettings

_LEAST: dict[Temporal, float] = {"off": 0.0, "weak": 200.0, "strong": 400.0}
_FOR_STYLE: dict[Temporal, float] = {"off": 0.0, "weak": 5.0, "strong": 10.0}


def temporal_weight(settings: TrainSettings) -> float:
    """Weight of the temporal loss, in RGB of 0..1, where content weighs 1.

    It grows with the style's, which it has to hold against: at 200 for both it is a fiftieth of the loss.
    """
    return max(_LEAST[settings.temporal], _FOR_STYLE[settings.temporal] * settings.style_weight)


@dataclass(frozen=True, eq=False)
class Warp:
    """Where each pixel of the warped pictures comes from.

    grid_NHW2: float32 places (x, y) in -1..1 over the pictures' outer edges, as `grid_sample` reads them.
    visible_N1HW: 1.0 where that place was seen in the picture, away from the edges whose padding moves with no one.
    """

    grid_NHW2: Tensor
    visible_N1HW: Tensor

    def __call__(self, x_NCHW: Tensor) -> Tensor:
        """The pictures warped, (N, C, H, W) float32 -> the same."""
        return F.grid_sample(x_NCHW, self.grid_NHW2, padding_mode="border", align_corners=False)


def temporal_loss(warped_rgb01: Tensor, of_warped_rgb01: Tensor, visible_N1HW: Tensor) -> Tensor:
    """Mean square over what both pictures show, float32 (N,), one a picture. (N, 3, H, W) each."""
    square = (warped_rgb01 - of_warped_rgb01).square() * visible_N1HW
    return square.sum((1, 2, 3)) / (3 * visible_N1HW.sum((1, 2, 3))).clamp(min=1)


@dataclass(frozen=True, eq=False)
class NextFrames:
    """The next frames of the first few pictures of a batch.

    pictures_NHWC: uint8 RGB, those of this process only, and may be of none. alpha: the strength that blocks are
    looked at with. together: how many there are over all processes.
    """

    warp: Warp
    pictures_NHWC: Tensor
    alpha: float
    together: int

    def __len__(self) -> int:
        return len(self.pictures_NHWC)

    def to(self, device: torch.device) -> NextFrames:
        """Sent, from pinned memory without waiting for it."""
        parts = (self.warp.grid_NHW2, self.warp.visible_N1HW, self.pictures_NHWC)
        grid, visible, pictures = (part.to(device, non_blocking=True) for part in parts)
        return replace(self, warp=Warp(grid, visible), pictures_NHWC=pictures)

    def pinned(self) -> NextFrames:
        """A copy in pinned memory, from which `to` sends without waiting."""
        warp = Warp(self.warp.grid_NHW2.pin_memory(), self.warp.visible_N1HW.pin_memory())
        return replace(self, warp=warp, pictures_NHWC=self.pictures_NHWC.pin_memory())

    @property
    def rgb01(self) -> Tensor:
        """The pictures as float32 (N, 3, H, W) in 0..1."""
        return self.pictures_NHWC.permute(0, 3, 1, 2).float() / 255


def alpha_of_step(seed: int, step: int) -> float:
    """The strength that blocks are looked at with: 1, where a picture moves most, in every second step, else any."""
    return 1.0 if step % 2 else float(np.random.default_rng((seed, step)).random())


def next_frames(pairs: Sequence[Pair], side: int, *, alpha: float, together: int) -> NextFrames:
    """The next frames of square pictures, as one batch."""
    place_NHW2 = np.stack([pair.motion.place_HW2 for pair in pairs] or [np.zeros((side, side, 2), np.float32)])
    seen_NHW = np.stack([pair.motion.seen_HW for pair in pairs] or [np.zeros((side, side), np.bool_)])
    pictures_NHWC = np.stack([pair.after_HWC for pair in pairs] or [np.zeros((side, side, 3), np.uint8)])
    count = len(pairs)  # a process that has none has empty batches
    warp = Warp(
        torch.from_numpy((2 * place_NHW2 + 1) / side - 1)[:count],
        torch.from_numpy(seen_NHW).unsqueeze(1).float()[:count],
    )
    return NextFrames(warp, torch.from_numpy(pictures_NHWC)[:count], alpha, together)
