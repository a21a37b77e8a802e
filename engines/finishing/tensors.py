"""Finishing by PyTorch's operations, for engines on a GPU: the same as `pictures.py`, without rounding in between.

It reads and writes fixed tensors, waits for nothing and looks at no value, so it can be recorded once and replayed.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from stylefader.training.packs.added_inputs import COLOUR, MASK, MIX, outside

_LUMA = (0.299, 0.587, 0.114)
"""Of R, G and B, by BT.601, as OpenCV has it."""


def finish_tensors(picture: Tensor, original: Tensor, values: Mapping[str, Tensor]) -> None:
    """Finish a network's picture in place.

    Args:
        picture: uint8 (H, W, 3) RGB.
        original: The frame, alike.
        values: `mix` and `colour`, float32 (1,) each; with a mask `mask`, uint8 (H, W), and those of the outside. An
            engine may lack those whose names its pack has for inputs of its own.
    """
    base = original.float()
    change = picture.float() - base
    luma = (change * torch.tensor(_LUMA, device=change.device)).sum(-1, keepdim=True)
    by = _side(change, luma, values, MIX, COLOUR)
    if MASK in values:
        inside = values[MASK].unsqueeze(-1).float() / 255
        beyond = _side(change, luma, values, outside(MIX), outside(COLOUR))
        # Each side's picture is bytes before the two are blended, as on the processor.
        finished = (base + by).clamp(0, 255) * inside + (base + beyond).clamp(0, 255) * (1 - inside)
    else:
        finished = base + by
    picture.copy_(finished.clamp(0, 255).round())


def _side(change: Tensor, luma: Tensor, values: Mapping[str, Tensor], mix_name: str, colour_name: str) -> Tensor:
    """What is added to the original."""
    mix = values.get(mix_name, 1.0)
    colour = values.get(colour_name, 0.0)
    return mix * (change + colour * (luma - change))
