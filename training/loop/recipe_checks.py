"""Recipes as they come out of their tables: filled in, put together with their parts, and checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stylefader.training.errors import TrainingError
from stylefader.training.loop.recipe import PALETTE, PREDICTOR, Part, Recipe, StylePicture
from stylefader.training.loop.recipe_fields import fill
from stylefader.training.networks.architectures import ARCHITECTURES

_MADE = ("parts", "paintings", "palette")
"""Fields of a recipe that are no keys of its table."""
_NO_STYLES: Mapping[str, StylePicture] = {}


def made_recipe(
    words: Mapping[str, Any], *, known: tuple[str, ...], parts: tuple[Part, ...],
    palette: Mapping[str, StylePicture] = _NO_STYLES, paintings: tuple[Path, ...] = (),
) -> Recipe:  # fmt: skip
    """The recipe of a table.

    Args:
        words: The keys that stand at its top.
        known: Tables and keys beside them, for hints.
        parts: What it trains.
        palette: The styles of a palette, by their names.
        paintings: What a student is measured by.

    Raises:
        TrainingError: Something does not fit.
    """
    filled: Recipe = fill(Recipe, dict(words), where="the recipe", known=known, made=_MADE)
    recipe = replace(filled, parts=parts, palette=palette, paintings=paintings)
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    if recipe.architecture not in ARCHITECTURES:
        raise TrainingError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {recipe.architecture!r:.60}")
    if recipe.measured < 1:
        raise TrainingError(f"measured must be 1 or more photographs, not {recipe.measured}")
    if recipe.add_to is not None and recipe.objective not in (PALETTE, PREDICTOR):
        raise TrainingError(f"add_to has no effect on a {recipe.objective} recipe: only palettes have many paintings")
    if recipe.n_blocks not in ((0,) if recipe.objective == "fixed" else (1, 3)):
        raise TrainingError(f"n_blocks must be 1 or 3, not {recipe.n_blocks}")
    if not recipe.low <= recipe.default <= recipe.high:
        raise TrainingError(f"must have low <= default <= high, not {recipe.low}, {recipe.default}, {recipe.high}")
    if recipe.output.suffix != ".safetensors":
        raise TrainingError(f"a style pack's name ends in .safetensors, not {recipe.output.name!r}")
    main, blocks = recipe.part("main"), recipe.part("blocks")
    if main and blocks and recipe.objective != PALETTE:
        same = main.style.picture == blocks.style.picture
        if recipe.objective == "pair" and same:
            raise TrainingError("a pair is of two pictures, but main and blocks have the same one")
        if recipe.objective in ("level", "scale") and not same:
            raise TrainingError(f"main and blocks of a {recipe.objective} recipe have the same style picture")
        if recipe.objective == "scale" and main.settings.style_size == blocks.settings.style_size:
            raise TrainingError("scale is one picture at two sizes, but main and blocks have the same style_size")
    lo, hi = recipe.part("lo"), recipe.part("hi")
    if lo and hi and lo.style.picture == hi.style.picture:
        raise TrainingError("a dual pack runs between two pictures, but lo and hi have the same one")
