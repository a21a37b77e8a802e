"""Reading a recipe: which file is meant, the changes that are made to it, and whether it all fits. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from stylefader.training.errors import TrainingError
from stylefader.training.loop.recipe import (
    ADAIN,
    META,
    PALETTE,
    PARTS,
    PREDICTOR,
    RANGES,
    STUDENT,
    Objective,
    Part,
    Recipe,
    StylePicture,
)
from stylefader.training.loop.recipe_checks import made_recipe
from stylefader.training.loop.recipe_fields import fill, table_of
from stylefader.training.loop.recipe_kinds import adain_recipe, palette_recipe, predictor_recipe, student_recipe
from stylefader.training.reading.plain_values import DEEPEST
from stylefader.training.reading.toml_text import parse_value, read_toml
from stylefader.training.settings import TrainSettings

RECIPES = Path(__file__).parents[1] / "recipes"


def find_recipe(name_or_file: str) -> Path:
    """The recipe that a user means: one that comes with stylefader, by name, or a file. Raises TrainingError."""
    path = Path(name_or_file)
    if os.path.isfile(path):  # False, not an error, for names that no file can have
        return path
    if os.path.isfile(RECIPES / f"{name_or_file}.toml") and len(path.parts) == 1:
        return RECIPES / f"{name_or_file}.toml"
    known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
    raise TrainingError(f"no recipe at {name_or_file:.500}; those that come with stylefader are {known}")


def read_recipe(path: Path, changes: Iterable[str] = (), *, output: Path | None = None) -> Recipe:
    """Read a recipe with changes like `main.iterations=100` made to it, and with that output where one is given.

    Raises TrainingError with what does not fit.
    """
    table = read_toml(path, "recipe", error=TrainingError)
    try:
        _check_train(table)
        wished = {_make_change(table, change) for change in changes}
        if output is not None:
            table["output"] = str(output)
        _check_train(table, among=wished)
        return _recipe(table)
    except TrainingError as error:
        raise TrainingError(f"recipe {path.name}: {error}") from error


def _make_change(table: dict[str, Any], change: str) -> str:
    """Make one change, and return its key."""
    key, equals, text = change.partition("=")
    *tables, last = key.strip().split(".")
    if key.strip() == "main_pack":
        table.pop("main", None)  # what is taken needs no training
    if not equals or not last or not all(tables) or len(tables) > DEEPEST:
        raise TrainingError(f"a change to a recipe is KEY=VALUE, as in main.iterations=100, not {change!r:.60}")
    for name in tables:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise TrainingError(f"{change!r:.60}: {name} holds a value, so nothing can stand below it")
    table[last] = parse_value(text, origin=f"{key.strip():.60}", error=TrainingError)  # words need no quotes here
    return key.strip()


def _check_train(table: Mapping[str, Any], among: Collection[str] | None = None) -> None:
    """Raise TrainingError where a value of [train] holds for no part, because each has its own.

    It is looked for in the file as it is written, and `among` the changes: one for every part leaves nothing to a value
    that the file has for all, and is meant so.
    """
    objective = table.get("objective")
    names = PARTS.get(objective, ()) if isinstance(objective, str) else ()
    if "teacher" in table:
        names = (STUDENT,)
    if META in table:
        names = (META,)
    if "main_pack" in table:
        names = tuple(name for name in names if name != "main")
    own = [table_of(table.get(name, {}), name) for name in names]
    for key in table_of(table.get("train", {}), "train"):
        if (among is None or f"train.{key}" in among) and own and all(key in values for values in own):
            have = "have their" if len(names) > 1 else "has its"
            raise TrainingError(f"train.{key} has no effect, because {' and '.join(names)} {have} own {key}")


def _recipe(table: Mapping[str, Any]) -> Recipe:
    if "teacher" in table:
        return student_recipe(table)
    objective = table.get("objective")
    if not isinstance(objective, str) or objective not in get_args(Objective):
        raise TrainingError(f"objective must be one of {', '.join(get_args(Objective))}, not {objective!r:.60}")
    if objective == PALETTE:
        return palette_recipe(table)
    if objective == PREDICTOR:
        return predictor_recipe(table)
    if objective == ADAIN:
        return adain_recipe(table)
    names = PARTS[objective]
    if "main_pack" in table:
        if objective == "fixed":
            raise TrainingError("a fixed network has no blocks to train on a main_pack")
        if "main" in table:
            raise TrainingError("main_pack is a main network that is there already: [main] has no effect")
        names = tuple(name for name in names if name != "main")
    styles = {
        name: fill(StylePicture, value, where=f"styles.{name}")
        for name, value in table_of(table.get("styles", {}), "styles").items()
    }
    if not styles:
        raise TrainingError("no [styles.NAME] says which picture to learn from")
    common, own = (
        table_of(table.get("train", {}), "train"),
        {name: table_of(table.get(name, {}), name) for name in names},
    )
    parts = tuple(_part(name, {**common, **own[name]}, styles) for name in names)
    words = {key: value for key, value in table.items() if key not in ("styles", "train", *names)}
    low, high, default = RANGES[objective]
    words = {"low": low, "high": high, "default": default, "title": parts[0].style.title, **words}
    if objective == "fixed":
        words["n_blocks"] = 0
    return made_recipe(words, known=(*names, "styles", "train"), parts=parts)


def _part(name: str, table: Mapping[str, Any], styles: Mapping[str, StylePicture]) -> Part:
    style = table.get("style", next(iter(styles)) if len(styles) == 1 else None)
    if not isinstance(style, str) or style not in styles:
        raise TrainingError(f"{name}.style must be one of {', '.join(styles):.200}, not {style!r:.60}")
    settings = fill(TrainSettings, {k: v for k, v in table.items() if k != "style"}, where=name, known=("style",))
    return Part(name=name, settings=settings, painting=styles[style])
