"""Between pictures and the network's colours."""

from __future__ import annotations

import torch
from torch import Tensor

from training.networks import COLOUR_MEAN, COLOUR_STD


def normalise(rgb01_NCHW: Tensor) -> Tensor:
    """RGB in 0..1 -> the network's colours."""
    mean, std = _mean_and_std(rgb01_NCHW)
    return (rgb01_NCHW - mean) / std


def denormalise(y_NCHW: Tensor) -> Tensor:
    """The network's colours -> RGB, mostly in 0..1 (not clamped)."""
    mean, std = _mean_and_std(y_NCHW)
    return y_NCHW * std + mean


def _mean_and_std(like: Tensor) -> tuple[Tensor, Tensor]:
    mean = torch.tensor(COLOUR_MEAN, device=like.device).view(1, 3, 1, 1)
    return mean, torch.tensor(COLOUR_STD, device=like.device).view(1, 3, 1, 1)
