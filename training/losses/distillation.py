"""Losses of a student: how far its pictures are from those of its teacher, a larger network (Hinton et al. 2015).

The teacher's picture is the goal for each pixel and for the shallow features of the loss network. Both alone would be
met best by a blurred picture where the student cannot follow, so the statistics of the features count as well: the
style loss of Gatys et al. (2016), with the teacher's picture as the style of each picture. A pixel shuffle can leave a
faint grid, which hardly counts for any of these; it has a term of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.losses.perceptual import gram

_SHALLOW = 2
"""Features are compared at so many style layers, from the first on."""
_GRID = 8
"""Every stride and pixel shuffle of a network divides it."""
_SMOOTH = 1e-3
"""Up to about here, a quarter of a level, a grid counts by its square: what nobody sees moves no weights."""
_BEYOND = 0.15
"""Strengths are drawn from a range that is longer by this share at each end, and cut to it: the ends come often."""


def lesson_strengths(
    n_blocks: int, pictures: int, *, low: float, high: float, seed: int, step: int
) -> npt.NDArray[np.float32]:
    """Strengths for the pictures of one step, (n_blocks, pictures) from low to high, by seed and step alone.

    For half of the pictures all blocks have the same strength, for the others each has its own.
    """
    rng = np.random.default_rng((seed, step, n_blocks))
    share = rng.uniform(-_BEYOND, 1 + _BEYOND, (n_blocks, pictures)).clip(0, 1)
    alike = rng.random(pictures) < 0.5
    share = np.where(alike, share[:1], share)
    return (low + (high - low) * share).astype(np.float32)


def pixel_loss(rgb01_NCHW: Tensor, lesson_NCHW: Tensor) -> Tensor:
    """Mean absolute difference, RGB in 0..1, float32 scalar."""
    return (rgb01_NCHW - lesson_NCHW).abs().mean()


def grid_loss(rgb01_NCHW: Tensor, lesson_NCHW: Tensor) -> Tensor:
    """What of the difference is a grid: it repeats every 8 pixels all over the picture; float32 scalar.

    By the mean difference at each of the 8x8 places of the grid, in each colour, against that of all places: 0 where
    the difference has no grid. Of RGB in 0..1, of 8 pixels or more each way.
    """
    height, width = (side // _GRID * _GRID for side in rgb01_NCHW.shape[2:])
    off = (rgb01_NCHW - lesson_NCHW).float()[..., :height, :width]
    tiled = off.reshape(*off.shape[:2], height // _GRID, _GRID, width // _GRID, _GRID)
    places = tiled.mean((2, 4))
    grid = places - places.mean((2, 3), keepdim=True)
    return ((grid.square() + _SMOOTH**2).sqrt() - _SMOOTH).mean()


def teaching_losses(
    network: LossNetwork, lesson_NCHW: Tensor, rgb01_NCHW: Tensor, *, pyramid: int
) -> tuple[Tensor, Tensor]:
    """Difference of shallow features, and of Gram matrices relative to the lesson's: two float32 scalars.

    Both are means over pictures, so those of a batch in two processes are the means of theirs.

    Args:
        network: Its layer means are 1, so that layers weigh alike.
        lesson_NCHW: The teacher's pictures, RGB in 0..1, without a graph.
        rgb01_NCHW: The student's.
        pyramid: Over how many sizes Gram matrices are compared, each half the one before.
    """
    shallow, style_layers = network.layers.style[:_SHALLOW], network.layers.style
    style = torch.zeros((), dtype=torch.float32, device=rgb01_NCHW.device)
    content = style
    for level in range(pyramid):
        if level:
            lesson_NCHW, rgb01_NCHW = F.avg_pool2d(lesson_NCHW, 2), F.avg_pool2d(rgb01_NCHW, 2)
        with torch.no_grad():
            wanted = network(lesson_NCHW)
        found = network(rgb01_NCHW)
        if not level:
            parts = [(found[layer].float() - wanted[layer].float()).square().mean() for layer in shallow]
            content = torch.stack(parts).mean()
        for layer in style_layers:
            goal_NCC = gram(wanted[layer]).float()
            off_N = (gram(found[layer]).float() - goal_NCC).square().mean((1, 2))
            style = style + (off_N / goal_NCC.square().mean((1, 2))).mean()
    return content, style / (pyramid * len(style_layers))
