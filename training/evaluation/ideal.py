"""The picture that a loss asks for: one picture optimised by itself, without a network (Gatys et al. 2016).

It shows in a minute or two how the packs of a recipe could look, and what they cannot, before hours are spent on
training. `training.loop.trainer` minimises the same loss over the weights of a network.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import Picture, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.lattice import lattice
from stylefader.training.losses.perceptual import StyleTarget, perceptual_losses, random_window, total_variation
from stylefader.training.settings import TrainSettings

Method = Literal["adam", "lbfgs"]
_ADAM_RATE = 0.02
_LBFGS_INNER = 5
"""Moves of L-BFGS under one window; then the window moves, and what L-BFGS knows of the loss is out of date."""


@dataclass(frozen=True, kw_only=True)
class Ideal:
    """An optimised picture.

    picture: uint8 (H, W, 3) RGB. steps: of the optimiser. seconds: how long they took.
    """

    picture: Picture
    steps: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the loss says of one picture, and how much of a lattice it has.

    total: content + style_weight * style + smoothness * variation.
    variation: total variation of the picture, RGB of 0 to 1.
    lattice: see `training.evaluation.lattice`.
    """

    total: float
    content: float
    style: float
    variation: float
    lattice: float


def optimise(
    photo_HWC: Picture,
    target: StyleTarget,
    settings: TrainSettings,
    *,
    steps: int,
    method: Method = "adam",
    compute: Compute,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> Ideal:
    """Optimise a photograph, uint8 (H, W, 3) RGB, under the loss of `settings`, beginning with the photograph itself.

    target: made of the style picture as training does. report: gets each step and the loss before it.
    The photograph is continued beyond its edges by its mirror image, so that the moving window sees all of it alike.
    Raises TrainingError for a photograph that is smaller than the window's way, and for a loss that is not finite.
    """
    if steps < 1:
        raise TrainingError(f"an ideal picture takes 1 step or more, not {steps}")
    period, side = target.grid_period, min(photo_HWC.shape[:2])
    if side < target.smallest:
        raise TrainingError(f"the photograph must be at least {target.smallest} pixels on each side, not {side}")
    photo = F.pad(to_rgb01(photo_HWC), (period,) * 4, mode="reflect")
    picture = photo.clone().requires_grad_(True)
    optimizer: torch.optim.Optimizer
    if method == "adam":
        optimizer = torch.optim.Adam([picture], lr=_ADAM_RATE)
    else:
        optimizer = torch.optim.LBFGS([picture], max_iter=_LBFGS_INNER, line_search_fn="strong_wolfe")
    began = time.monotonic()
    for step in range(steps):
        first: list[float] = []

        def loss(step: int = step, first: list[float] = first) -> float:
            optimizer.zero_grad()
            with compute.autocast():
                window = random_window(photo, picture, period=period, seed=settings.seed, step=step)
                content, style = perceptual_losses(target, *window)
            total = content + settings.style_weight * style + settings.smoothness * total_variation(picture)
            total.backward()  # type: ignore[no-untyped-call]
            first.append(total.item())
            return first[-1]

        if method == "adam":
            optimizer.param_groups[0]["lr"] = _ADAM_RATE * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        else:
            optimizer.state.clear()  # of the window before
        optimizer.step(loss)  # type: ignore[no-untyped-call]
        if not math.isfinite(first[0]):
            raise TrainingError(f"the loss is not finite at step {step + 1}", failure=True)
        with torch.no_grad():
            picture.clamp_(0, 1)
        report(step + 1, first[0])
    inside = picture.detach()[0, :, period:-period, period:-period]
    rgb = (inside * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return Ideal(picture=rgb, steps=steps, seconds=time.monotonic() - began)


@torch.inference_mode()
def judge(
    photo_HWC: Picture, picture_HWC: Picture, target: StyleTarget, settings: TrainSettings, *, compute: Compute
) -> Judged:
    """Measure a picture made of a photograph, both uint8 (H, W, 3) RGB of one size, by the loss of `settings`.

    Means over the windows at four places of the grid.
    """
    photo, picture = to_rgb01(photo_HWC), to_rgb01(picture_HWC)
    found: list[tuple[Tensor, Tensor]] = []
    with compute.autocast():
        for step in range(4):
            window = random_window(photo, picture, period=target.grid_period, seed=settings.seed, step=step)
            found.append(perceptual_losses(target, *window))
    content, style = (float(torch.stack(losses).mean()) for losses in zip(*found, strict=True))
    variation = float(total_variation(picture))
    return Judged(
        total=content + settings.style_weight * style + settings.smoothness * variation,
        content=content, style=style, variation=variation, lattice=lattice(picture_HWC),
    )  # fmt: skip
