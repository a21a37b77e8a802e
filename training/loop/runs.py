"""Which run a recipe needs."""

from __future__ import annotations

from typing import Any

from stylefader.training.loop.adain_run import AdainRun
from stylefader.training.loop.meta_run import MetaRun
from stylefader.training.loop.palette_run import PaletteRun
from stylefader.training.loop.palette_student_run import PaletteStudentRun
from stylefader.training.loop.predictor_run import PredictorRun
from stylefader.training.loop.recipe import ADAIN, META, PALETTE, PREDICTOR, Recipe
from stylefader.training.loop.run import Run
from stylefader.training.loop.student_run import StudentRun
from stylefader.training.packs.header_reading import read_header
from stylefader.training.packs.library import find_pack


def run_of(recipe: Recipe, **options: Any) -> Run:
    """The run of a recipe: with a teacher, of a palette, of a predictor, of AdaIN, or of a single pack.

    Args:
        recipe: Checked already.
        options: As in `Run`, and so are the errors.
    """
    if recipe.teacher is not None:
        palette = bool(read_header(find_pack(str(recipe.teacher))).styles)
        return PaletteStudentRun(recipe, **options) if palette else StudentRun(recipe, **options)
    if recipe.objective == PREDICTOR:
        return PredictorRun(recipe, **options)
    if recipe.objective == ADAIN:
        return AdainRun(recipe, **options)
    if recipe.part(META) is not None:
        return MetaRun(recipe, **options)
    return PaletteRun(recipe, **options) if recipe.objective == PALETTE else Run(recipe, **options)
