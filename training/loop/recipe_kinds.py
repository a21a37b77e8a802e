"""Recipes of other kinds than that of one painting: students, palettes, prediction networks and AdaIN."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylefader.training.errors import PackError, TrainingError
from stylefader.training.files import PICTURE_SUFFIXES
from stylefader.training.loop.recipe import (
    ADAIN,
    META,
    PALETTE,
    PARTS,
    PREDICTOR,
    RANGES,
    STUDENT,
    Part,
    Recipe,
    StylePicture,
)
from stylefader.training.loop.recipe_checks import made_recipe
from stylefader.training.loop.recipe_fields import fill, table_of, value_of
from stylefader.training.packs.header_reading import read_header
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack_header import PackHeader
from stylefader.training.packs.style_names import style_name, style_title
from stylefader.training.settings import MetaSettings, PredictorSettings, StudentSettings, TrainSettings

_OF_THE_PALETTE = ("n_blocks", "architecture", "width", "main_pack", "start_from", "low", "high", "default", "clips",
                   "measured")  # fmt: skip
_OF_ITS_PARTS = ("style_weight", "smoothness", "temporal", "style_size", "pyramid", "style")
"""What a predictor's recipe cannot say."""
_NOT_OF_ADAIN = ("architecture", "width", "n_blocks", "main_pack", "add_to", "clips")
"""What a recipe for AdaIN cannot say."""


@dataclass(frozen=True, kw_only=True)
class _Painting:
    """A style picture that a student is measured by; the rest is known of its teacher."""

    picture: Path


def student_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe with a teacher. Raises TrainingError."""
    known = (STUDENT, "styles", "train", "paintings")
    for key in table.keys() & {"objective", "n_blocks", "main_pack", "low", "high", "default"}:
        raise TrainingError(f"{key} has no effect, because it is the teacher's")
    try:
        header = read_header(find_pack(str(value_of(table["teacher"], Path, "teacher"))))
    except PackError as error:
        raise TrainingError(f"the teacher: {error}") from error
    if header.objective not in PARTS or header.objective == ADAIN or len(header.blocks) not in (0, 1, 3):
        raise TrainingError(f"{header.name} is no teacher: it has the objective {header.objective} "
                            f"and {len(header.blocks)} tuning-blocks")  # fmt: skip
    styles = table_of(table.get("styles", {}), "styles")
    paintings = [fill(_Painting, style, where=f"styles.{name}").picture for name, style in styles.items()]
    if "paintings" in table:
        if not header.styles:
            raise TrainingError(f"paintings has no effect, because {header.name} has one style: give [styles.NAME]")
        found = folder_styles(value_of(table["paintings"], Path, "paintings"))
        paintings += [Path(words["picture"]) for words in found.values()]
    settings = {**table_of(table.get("train", {}), "train"), **table_of(table.get(STUDENT, {}), STUDENT)}
    for key in settings.keys() & {"style", "style_size"}:
        raise TrainingError(f"{STUDENT}.{key} has no effect, because a student learns from its teacher's pictures")
    part = Part(name=STUDENT, settings=fill(StudentSettings, settings, where=STUDENT), painting=None)
    words = {key: value for key, value in table.items() if key not in known}
    alpha = header.alpha
    words = {"title": header.title, "licence": header.licence, **words, "objective": header.objective,
             "n_blocks": len(header.blocks), "low": alpha.low, "high": alpha.high,
             "default": alpha.default}  # fmt: skip
    return made_recipe(words, known=known, parts=(part,), paintings=tuple(paintings))


def palette_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe for a palette. Raises TrainingError."""
    parts_of = (META,) if META in table else PARTS[PALETTE]
    known = ("styles", "train", "paintings", *parts_of)
    for name in set(PARTS[PALETTE]) & table.keys() if META in table else ():
        raise TrainingError(f"[{name}] has no effect, because [meta] trains the whole network")
    if META in table and "add_to" in table:
        raise TrainingError("add_to has no effect on meta-training, which moves the whole network")
    if "main_pack" in table:
        raise TrainingError("main_pack has no effect on a palette: start_from begins with a pack, add_to adds to one")
    styles = _paintings(table)
    common = table_of(table.get("train", {}), "train")
    parts = []
    for name in parts_of:
        settings = {**common, **table_of(table.get(name, {}), name)}
        kind = MetaSettings if name == META else TrainSettings
        parts.append(Part(name=name, settings=fill(kind, settings, where=name), painting=None))
    words = {key: value for key, value in table.items() if key not in known}
    low, high, default = RANGES[PALETTE]
    words = {"low": low, "high": high, "default": default, "title": "A palette", **words}
    if "add_to" in table:
        header = _palette_to_add_to(table)
        if twice := sorted(styles.keys() & {style.name for style in header.styles}):
            raise TrainingError(f"{header.name} has a style {twice[0]} already: give the new one another name")
        words = {**words, **_network_of(header)}
    return made_recipe(words, known=known, parts=tuple(parts), palette=styles)


def _paintings(table: Mapping[str, Any]) -> dict[str, StylePicture]:
    """The pictures of a recipe for a palette, by their names. Raises TrainingError."""
    found = folder_styles(value_of(table["paintings"], Path, "paintings")) if "paintings" in table else {}
    for name, words in table_of(table.get("styles", {}), "styles").items():
        found[name] = {**found.get(name, {"title": style_title(name)}), **table_of(words, f"styles.{name}")}
    if not found:
        raise TrainingError("no [styles.NAME] and no folder `paintings` say which pictures to learn from")
    for name in found:
        if style_name(name) != name:
            raise TrainingError(f"a style of a palette is named by a-z, 0-9 and _, a letter first, not {name!r:.60}")
    return {name: fill(StylePicture, words, where=f"styles.{name}") for name, words in found.items()}


def predictor_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe for a prediction network of a finished palette. Raises TrainingError."""
    known = ("styles", "train", "paintings", PREDICTOR)
    if "add_to" not in table:
        raise TrainingError("add_to says no palette: a predictor is added to a finished one")
    for key in table.keys() & set(_OF_THE_PALETTE):
        raise TrainingError(f"{key} has no effect, because it is the palette's")
    header = _palette_to_add_to(table)
    settings = {**table_of(table.get("train", {}), "train"), **table_of(table.get(PREDICTOR, {}), PREDICTOR)}
    for key in settings.keys() & set(_OF_ITS_PARTS):
        raise TrainingError(f"{PREDICTOR}.{key} has no effect, because it is that of the palette's own training")
    part = Part(
        name=PREDICTOR, painting=None,
        settings=fill(PredictorSettings, {**settings, **_looked_at(header)}, where=PREDICTOR),
    )  # fmt: skip
    words = {key: value for key, value in table.items() if key not in known}
    words = {**_words_of(header), **words, **_network_of(header)}
    return made_recipe(words, known=known, parts=(part,), palette=_paintings(table))


def _palette_to_add_to(table: Mapping[str, Any]) -> PackHeader:
    """The header of the finished palette that a recipe adds to. Raises TrainingError."""
    if "start_from" in table:
        raise TrainingError("start_from has no effect where something is added to a palette: its network stays")
    try:
        header = read_header(find_pack(str(value_of(table["add_to"], Path, "add_to"))))
    except PackError as error:
        raise TrainingError(f"add_to: {error}") from error
    if header.kind != PALETTE:
        raise TrainingError(f"add_to must be a palette, and {header.name} is of kind {header.kind}")
    return header


def _words_of(header: PackHeader) -> dict[str, Any]:
    """What people should know of a palette, for a recipe that does not say it."""
    return {"title": header.title, "licence": header.licence, "family": header.family}


def _network_of(header: PackHeader) -> dict[str, Any]:
    """What is a palette's own in a recipe that adds to it."""
    alpha = header.alpha
    return {
        "n_blocks": len(header.blocks), "architecture": header.architecture, "width": header.width, "low": alpha.low,
        "high": alpha.high, "default": alpha.default,
    }  # fmt: skip


def _looked_at(header: PackHeader) -> dict[str, int]:
    """At which size and in how many sizes a palette's paintings were looked at in its training."""
    sizes = {
        (run.get("style_size"), run.get("pyramid"))
        for run in (header.training.get(name, {}) for name in PARTS[PALETTE])
    }
    if len(sizes) > 1 or None in next(iter(sizes)):
        raise TrainingError(f"{header.name} does not say one style_size and pyramid that it was trained with")
    style_size, pyramid = next(iter(sizes))
    return {"style_size": style_size, "pyramid": pyramid}


def adain_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe for AdaIN. Raises TrainingError."""
    (name,) = PARTS[ADAIN]
    known = ("styles", "train", "paintings", name)
    for key in _NOT_OF_ADAIN:
        if key in table:
            raise TrainingError(f"{key} has no effect on AdaIN, whose network is what it is")
    settings = {**table_of(table.get("train", {}), "train"), **table_of(table.get(name, {}), name)}
    part = Part(name=name, settings=fill(TrainSettings, settings, where=name), painting=None)
    words = {key: value for key, value in table.items() if key not in known}
    low, high, default = RANGES[ADAIN]
    words = {"low": low, "high": high, "default": default, "title": "AdaIN", **words, "n_blocks": 1}
    return made_recipe(words, known=known, parts=(part,), palette=_paintings(table))


def folder_styles(folder: Path) -> dict[str, dict[str, Any]]:
    """A style for each picture of a folder: tables with `picture` and `title`, by names that are made of the files'.

    Raises TrainingError where there is no such folder, or two files would have one name.
    """
    if not os.path.isdir(folder):
        raise TrainingError(f"no folder of paintings at {folder}")
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in PICTURE_SUFFIXES or not file.is_file():
            continue
        name = style_name(file.stem)
        if name in found:
            raise TrainingError(f"{file} and {found[name]['picture']} would both be the style {name}")
        found[name] = {"picture": str(file), "title": style_title(name)}
    return found
