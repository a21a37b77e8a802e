"""How a finished pack is measured: on photographs kept out of training, along its range of alpha."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import PhotoFolder, Picture
from stylefader.training.evaluation.held_out import FixedLook, measure_losses
from stylefader.training.loop.recipe import Recipe
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_header import STYLES

MEASURED_SIDE, MEASURED_STEPS = 256, 9
"""Pixels a side of the photographs, and how many alphas."""
Report = Callable[[int], None]


def held_out_photos(recipe: Recipe, most: int | None = None) -> Picture:
    """The middles of the recipe's held-out photographs, all or the first `most`: uint8 (N, 256, 256, 3) RGB.

    Raises TrainingError where there are none that can be read.
    """
    assert recipe.held_out is not None
    photos = PhotoFolder(recipe.held_out, split="val")
    return photos.centre_crops(min(most or len(photos), len(photos)), MEASURED_SIDE)


def measured_alphas(recipe: Recipe) -> list[float]:
    """Nine strengths, evenly over the range of alpha."""
    return [float(alpha) for alpha in np.linspace(recipe.low, recipe.high, MEASURED_STEPS)]


def with_measured_styles(
    pack: StylePack,
    targets: Mapping[str, StyleTarget],
    network_of: Callable[[Tensor], FixedLook],
    recipe: Recipe,
    *,
    compute: Compute,
    report: Report,
) -> StylePack:
    """The pack with the losses of some of its styles, on `measured` of the recipe's held-out photographs.

    Args:
        pack: With style vectors.
        targets: Of the styles to measure, by their names.
        network_of: Makes the network of one style, from its vector.
        recipe: That the pack was made from.
        compute: As for `measure_losses`.
        report: Gets the number of photographs done, for each style from 1 on.

    Raises:
        TrainingError: No held-out photograph can be read.
    """
    photos, alphas = held_out_photos(recipe, recipe.measured), measured_alphas(recipe)
    styles = []
    for style, row in zip(pack.header.styles, pack.tensors[STYLES].float(), strict=True):
        if style.name in targets:
            target = {"1": targets[style.name]}
            curve = measure_losses(network_of(row), target, photos, alphas, compute=compute, report=report)
            style = replace(style, losses=curve)
        styles.append(style)
    return replace(pack, header=replace(pack.header, styles=tuple(styles)))
