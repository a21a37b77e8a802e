"""Which run a recipe needs."""

from __future__ import annotations

from typing import Any

from stylefader.training.loop.palette_run import PaletteRun
from stylefader.training.loop.predictor_run import PredictorRun
from stylefader.training.loop.recipe import PALETTE, PREDICTOR, Recipe
from stylefader.training.loop.run import Run
from stylefader.training.loop.student_run import StudentRun


def run_of(recipe: Recipe, **options: Any) -> Run:
    """The run of a recipe: with a teacher, of a palette, of a predictor, or of a single pack; options as in `Run`."""
    if recipe.teacher is not None:
        return StudentRun(recipe, **options)
    if recipe.objective == PREDICTOR:
        return PredictorRun(recipe, **options)
    return PaletteRun(recipe, **options) if recipe.objective == PALETTE else Run(recipe, **options)
