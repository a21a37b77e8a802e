"""Between pictures and the network's colours."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD


def normalise(rgb01_NCHW: Tensor) -> Tensor:
    """RGB in 0..1 -> the network's colours."""
    mean, std = _mean_and_std(rgb01_NCHW.device)
    return (rgb01_NCHW - mean) / std


def denormalise(y_NCHW: Tensor) -> Tensor:
    """The network's colours -> RGB, mostly in 0..1 (not clamped)."""
    mean, std = _mean_and_std(y_NCHW.device)
    return y_NCHW * std + mean


@lru_cache(maxsize=8)  # sending them to a GPU each time would make it wait
def _mean_and_std(device: torch.device) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # so that they are good for training as well, whoever asks first
        mean = torch.tensor(COLOUR_MEAN, device=device).view(1, 3, 1, 1)
        return mean, torch.tensor(COLOUR_STD, device=device).view(1, 3, 1, 1)
