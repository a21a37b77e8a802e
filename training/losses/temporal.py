"""Temporal loss: keeps a style stable on video, learnt from photographs alone.

A photograph and its copy under a small smooth warp are two frames of a clip whose exact flow is known, and so is
what both of them show. A network that is stable gives the second picture as the first one's warp, camera noise or
not: the loss is the mean square of what differs (the short-term loss of Lai et al. 2018 and of Gupta et al. 2017,
with synthetic motion in place of clips).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stylefader.training.settings import Temporal

TEMPORAL_WEIGHTS: dict[Temporal, float] = {"off": 0.0, "weak": 200.0, "strong": 400.0}
"""Weight of the temporal loss, in RGB of 0..1, where content weighs 1."""
_MOST_SHIFT_PIXELS = 8.0
_MOST_TURN = 0.04
_MOST_ZOOM = 0.04
_MOST_BEND_PIXELS = 2.0
_BENDS = 4
_MOST_NOISE = 0.02
_MARGIN_PIXELS = 8


def generator_for(seed: int, number: int) -> torch.Generator:
    """Random numbers that are a function of seed and number alone."""
    state = np.random.SeedSequence((seed, number)).generate_state(2)
    return torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)


@dataclass(frozen=True, eq=False)
class Warp:
    """Where each pixel of the warped pictures comes from.

    grid_NHW2: float32 places (x, y) in -1..1 over the pictures' outer edges, as `grid_sample` reads them.
    visible_N1HW: 1.0 where that place lies inside the picture, away from the edges whose padding moves with no one.
    """

    grid_NHW2: Tensor
    visible_N1HW: Tensor

    def __call__(self, x_NCHW: Tensor) -> Tensor:
        """The pictures warped, (N, C, H, W) float32 -> the same."""
        return F.grid_sample(x_NCHW, self.grid_NHW2, padding_mode="border", align_corners=False)


def random_warp(n: int, height: int, width: int, generator: torch.Generator) -> Warp:
    """One warp a picture: shift, turn and zoom, and a slow bend of a few pixels."""

    def symmetric(*shape: int, most: float) -> Tensor:
        return (2 * torch.rand(shape, generator=generator) - 1) * most

    size = torch.tensor([width, height])
    angle, zoom = symmetric(n, most=_MOST_TURN), 1 + symmetric(n, most=_MOST_ZOOM)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    # In pixels from the middle, so that a turn stays a turn in pictures that are not square.
    matrix_N22 = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    from_middle_HW2 = torch.stack([x, y], -1) + 0.5 - size / 2
    bend_N2HW = F.interpolate(
        symmetric(n, 2, _BENDS, _BENDS, most=_MOST_BEND_PIXELS), (height, width), mode="bicubic", align_corners=True
    )
    place_NHW2 = (
        torch.einsum("nij,hwj->nhwi", matrix_N22, from_middle_HW2)
        + symmetric(n, 1, 1, 2, most=_MOST_SHIFT_PIXELS)
        + bend_N2HW.permute(0, 2, 3, 1)
    )
    inside_NHW2 = place_NHW2.abs() <= size / 2 - _MARGIN_PIXELS
    here_HW2 = from_middle_HW2.abs() <= size / 2 - _MARGIN_PIXELS
    visible_N1HW = (inside_NHW2 & here_HW2).all(-1).unsqueeze(1).float()
    return Warp(place_NHW2 / (size / 2), visible_N1HW)


def camera_noise(shape_NCHW: tuple[int, int, int, int], generator: torch.Generator) -> Tensor:
    """Gaussian noise of a strength drawn once for each picture."""
    strength_N111 = torch.rand((shape_NCHW[0], 1, 1, 1), generator=generator) * _MOST_NOISE
    return torch.randn(shape_NCHW, generator=generator) * strength_N111


def temporal_loss(
    warped_rgb01: Tensor, of_warped_rgb01: Tensor, visible_N1HW: Tensor, *, seen: float | None = None
) -> Tensor:
    """Mean square over what both pictures show, float32 scalar. (N, 3, H, W) each.

    seen: over how many colours of pixels the mean is; by default those visible here.
    """
    square = (warped_rgb01 - of_warped_rgb01).square() * visible_N1HW
    return square.sum() / (seen_of(visible_N1HW) if seen is None else seen)


def seen_of(visible_N1HW: Tensor) -> float:
    """How many colours of pixels are visible, at least 1."""
    return float((3 * visible_N1HW.sum()).clamp(min=1))


@dataclass(frozen=True, eq=False)
class NextFrames:
    """What makes the next frames of the first few pictures of a batch, a function of seed and step alone.

    alpha: the strength that blocks are looked at with. seen: over all processes, a share of it for each; `warp` and
    `noise_NCHW` are for the pictures of this process only, and may be of none.
    """

    warp: Warp
    noise_NCHW: Tensor
    alpha: float
    seen: float

    def __len__(self) -> int:
        return len(self.noise_NCHW)

    def to(self, device: torch.device) -> NextFrames:
        """Sent, from pinned memory without waiting for it."""
        parts = (self.warp.grid_NHW2, self.warp.visible_N1HW, self.noise_NCHW)
        grid, visible, noise = (part.to(device, non_blocking=True) for part in parts)
        return replace(self, warp=Warp(grid, visible), noise_NCHW=noise)

    def pinned(self) -> NextFrames:
        """A copy in pinned memory, from which `to` sends without waiting."""
        warp = Warp(self.warp.grid_NHW2.pin_memory(), self.warp.visible_N1HW.pin_memory())
        return replace(self, warp=warp, noise_NCHW=self.noise_NCHW.pin_memory())

    def of(self, photos_NCHW: Tensor) -> Tensor:
        """The next frames of as many pictures, RGB in 0..1."""
        return (self.warp(photos_NCHW) + self.noise_NCHW).clamp(0, 1)


def next_frames(n: int, side: int, *, seed: int, step: int, rank: int = 0, size: int = 1) -> NextFrames:
    """Of n square pictures in all, those that process `rank` of `size` has: every size-th."""
    generator = generator_for(seed, step)
    warp = random_warp(n, side, side, generator)
    noise = camera_noise((n, 3, side, side), generator)
    mine = slice(rank, None, size)
    return NextFrames(
        warp=Warp(warp.grid_NHW2[mine], warp.visible_N1HW[mine]),
        noise_NCHW=noise[mine],
        alpha=float(torch.rand(1, generator=generator)),
        seen=seen_of(warp.visible_N1HW),
    )
