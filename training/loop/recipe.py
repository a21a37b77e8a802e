"""Recipes: all that one style pack is trained from, in one TOML file. Reading one needs no torch.

A recipe has some words about the pack, `[styles.NAME]` with the pictures that it learns from, `[train]` with
settings that hold for every part, and a table a part: `[main]` and `[blocks]`, or `[lo]` and `[hi]` for the two
sides of a dual network. Paths are as seen from where the command is run.

A recipe with a `teacher` has one part, `[student]`: what the pack is of, its range and its blocks are the teacher's.
The student of a palette is a palette of the same styles; its `paintings` are those to measure it by.

A recipe for a `palette` learns from all of its pictures at once: those of `[styles.NAME]`, and of a folder, if one is
given as `paintings`. The styles have the names of their tables and files. With a table `[meta]` it has that one part,
which trains a network to be adapted. A recipe for `adain` has the same pictures and one part, `decoder`. One for a
`predictor` has them, too, and the finished palette that it is for as `add_to`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from stylefader.training.errors import PackError, TrainingError
from stylefader.training.files import PICTURE_SUFFIXES
from stylefader.training.networks.architectures import ARCHITECTURES, JOHNSON
from stylefader.training.packs.header_reading import read_header
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack_header import PackHeader
from stylefader.training.packs.style_names import style_name, style_title
from stylefader.training.reading.json_fields import MOST_LETTERS
from stylefader.training.reading.plain_values import DEEPEST
from stylefader.training.reading.toml_text import parse_value, read_toml
from stylefader.training.settings import MetaSettings, PredictorSettings, StudentSettings, TrainSettings

T = TypeVar("T")
_LARGEST = 3e38
Objective = Literal["level", "pair", "scale", "dual", "fixed", "palette", "predictor", "adain"]
RECIPES = Path(__file__).parents[1] / "recipes"

_PARTS: dict[str, tuple[str, ...]] = {
    "level": ("main", "blocks"),
    "pair": ("main", "blocks"),
    "scale": ("main", "blocks"),
    "dual": ("main", "lo", "hi"),
    "fixed": ("main",),
    "palette": ("main", "blocks"),
    "predictor": ("predictor",),
    "adain": ("decoder",),
}
_RANGES = {"level": (0, 1, 0.5), "pair": (0, 1, 0), "scale": (-0.5, 1.5, 0.5), "dual": (-1, 1, 0), "fixed": (0, 0, 0),
           "palette": (0, 1, 0.5), "adain": (0, 1, 1)}  # fmt: skip
_STUDENT, PALETTE, PREDICTOR, ADAIN, META = "student", "palette", "predictor", "adain", "meta"
_OF_THE_PALETTE = ("n_blocks", "architecture", "width", "main_pack", "start_from", "low", "high", "default", "clips",
                   "measured")  # fmt: skip
_OF_ITS_PARTS = ("style_weight", "smoothness", "temporal", "style_size", "pyramid", "style")
"""What a predictor's recipe cannot say."""
_NOT_OF_ADAIN = ("architecture", "width", "n_blocks", "main_pack", "add_to", "clips")
"""What a recipe for AdaIN cannot say."""
ENDS = {"main": "0", "blocks": "1", "hi": "1", "lo": "-1", "decoder": "1"}
"""The alpha at which each part of a recipe is seen by itself."""


@dataclass(frozen=True, kw_only=True)
class StylePicture:
    """A picture to learn from, and what people should know of it."""

    picture: Path
    title: str
    artist: str = ""
    year: str = ""
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class _Painting:
    """A style picture that a student is measured by; the rest is known of its teacher."""

    picture: Path


@dataclass(frozen=True, kw_only=True)
class Part:
    """One training run of a recipe: `main`, `blocks`, `lo` or `hi`; or `student`, which has no picture of its own.

    painting: to learn from; of a palette and a predictor None, since they learn from all of the recipe's.
    """

    name: str
    settings: TrainSettings
    painting: StylePicture | None

    @property
    def style(self) -> StylePicture:
        """The picture to learn from."""
        assert self.painting is not None, "a student learns from its teacher"
        return self.painting


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a style pack is trained from, checked.

    output: the pack to write; checkpoints and previews stand beside it.
    clips: a folder of clips, each a folder of frames, that half of the temporal term's pairs are taken from.
    family: the style that the pack is one size of; empty where that is its own name.
    held_out: photographs that the finished pack is measured on, kept out of training; None measures nothing.
    n_blocks: 3 tuning-blocks or 1 (0 for `fixed`).
    main_pack: a pack, by name or file, whose main network is taken as it is; then there is no part `main`.
    start_from: a pack, by name or file, whose weights the parts begin with in place of random ones.
    low, high, default: the pack's useful range of alpha and where a session starts.
    measured: on how many of the held-out photographs each style of a palette is measured.
    add_to: a palette, by name or file, that the paintings or a predictor are added to; its network and its styles stay
    as they are.
    palette: the styles of a palette, or what a predictor learns from, by their names.
    teacher: a pack, by name or file, that a student learns from. paintings: its style pictures, where the student is to
    be measured by them.
    """

    objective: Objective
    title: str
    output: Path
    photos: Path
    loss_network: Path
    clips: Path | None = None
    held_out: Path | None = None
    photos_from: str = ""
    family: str = ""
    licence: str = "MIT"
    architecture: str = JOHNSON.name
    width: int = 32
    n_blocks: int = 3
    main_pack: Path | None = None
    start_from: Path | None = None
    low: float
    high: float
    default: float
    teacher: Path | None = None
    measured: int = 16
    add_to: Path | None = None
    palette: Mapping[str, StylePicture] = field(default_factory=dict)
    paintings: tuple[Path, ...] = ()
    parts: tuple[Part, ...] = ()

    def part(self, name: str) -> Part | None:
        """The part of that name; None where the recipe has none."""
        return next((part for part in self.parts if part.name == name), None)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """All style pictures, by the parts that learn from them or the student that is measured by them."""
        of_parts = (part.style.picture for part in self.parts if part.painting)
        return (*of_parts, *self.paintings, *(style.picture for style in self.palette.values()))

    def checkpoint(self, part: Part) -> Path:
        """Where the checkpoint of a part is written, beside the output."""
        return self.output.with_suffix(f".{part.name}.checkpoint.pt")

    @property
    def log(self) -> Path:
        """Where the log is written, beside the output."""
        return self.output.with_suffix(".log.csv")

    @property
    def preview(self) -> Path:
        """Where the preview is written, beside the output."""
        return self.output.with_suffix(".preview.png")


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
    names = _PARTS.get(objective, ()) if isinstance(objective, str) else ()
    if "teacher" in table:
        names = (_STUDENT,)
    if META in table:
        names = (META,)
    if "main_pack" in table:
        names = tuple(name for name in names if name != "main")
    own = [_table(table.get(name, {}), name) for name in names]
    for key in _table(table.get("train", {}), "train"):
        if (among is None or f"train.{key}" in among) and own and all(key in values for values in own):
            have = "have their" if len(names) > 1 else "has its"
            raise TrainingError(f"train.{key} has no effect, because {' and '.join(names)} {have} own {key}")


def _recipe(table: Mapping[str, Any]) -> Recipe:
    if "teacher" in table:
        return _student_recipe(table)
    objective = table.get("objective")
    if not isinstance(objective, str) or objective not in get_args(Objective):
        raise TrainingError(f"objective must be one of {', '.join(get_args(Objective))}, not {objective!r:.60}")
    if objective == PALETTE:
        return _palette_recipe(table)
    if objective == PREDICTOR:
        return _predictor_recipe(table)
    if objective == ADAIN:
        return _adain_recipe(table)
    names = _PARTS[objective]
    if "main_pack" in table:
        if objective == "fixed":
            raise TrainingError("a fixed network has no blocks to train on a main_pack")
        if "main" in table:
            raise TrainingError("main_pack is a main network that is there already: [main] has no effect")
        names = tuple(name for name in names if name != "main")
    styles = {
        name: _fill(StylePicture, value, where=f"styles.{name}")
        for name, value in _table(table.get("styles", {}), "styles").items()
    }
    if not styles:
        raise TrainingError("no [styles.NAME] says which picture to learn from")
    common, own = _table(table.get("train", {}), "train"), {name: _table(table.get(name, {}), name) for name in names}
    parts = tuple(_part(name, {**common, **own[name]}, styles) for name in names)
    words = {key: value for key, value in table.items() if key not in ("styles", "train", *names)}
    low, high, default = _RANGES[objective]
    words = {"low": low, "high": high, "default": default, "title": parts[0].style.title, **words}
    if objective == "fixed":
        words["n_blocks"] = 0
    recipe: Recipe = replace(_fill(Recipe, words, where="the recipe", known=(*names, "styles", "train")), parts=parts)
    _check(recipe)
    return recipe


def _student_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe with a teacher. Raises TrainingError."""
    known = (_STUDENT, "styles", "train", "paintings")
    for key in table.keys() & {"objective", "n_blocks", "main_pack", "low", "high", "default"}:
        raise TrainingError(f"{key} has no effect, because it is the teacher's")
    try:
        header = read_header(find_pack(str(_value(table["teacher"], Path, "teacher"))))
    except PackError as error:
        raise TrainingError(f"the teacher: {error}") from error
    if header.objective not in _PARTS or header.objective == ADAIN or len(header.blocks) not in (0, 1, 3):
        raise TrainingError(f"{header.name} is no teacher: it has the objective {header.objective} "
                            f"and {len(header.blocks)} tuning-blocks")  # fmt: skip
    styles = _table(table.get("styles", {}), "styles")
    paintings = [_fill(_Painting, style, where=f"styles.{name}").picture for name, style in styles.items()]
    if "paintings" in table:
        if not header.styles:
            raise TrainingError(f"paintings has no effect, because {header.name} has one style: give [styles.NAME]")
        found = folder_styles(_value(table["paintings"], Path, "paintings"))
        paintings += [Path(words["picture"]) for words in found.values()]
    settings = {**_table(table.get("train", {}), "train"), **_table(table.get(_STUDENT, {}), _STUDENT)}
    for key in settings.keys() & {"style", "style_size"}:
        raise TrainingError(f"{_STUDENT}.{key} has no effect, because a student learns from its teacher's pictures")
    part = Part(name=_STUDENT, settings=_fill(StudentSettings, settings, where=_STUDENT), painting=None)
    words = {key: value for key, value in table.items() if key not in known}
    alpha = header.alpha
    words = {"title": header.title, "licence": header.licence, **words, "objective": header.objective,
             "n_blocks": len(header.blocks), "low": alpha.low, "high": alpha.high,
             "default": alpha.default}  # fmt: skip
    recipe: Recipe = replace(
        _fill(Recipe, words, where="the recipe", known=known), parts=(part,), paintings=tuple(paintings)
    )
    _check(recipe)
    return recipe


def _palette_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe for a palette. Raises TrainingError."""
    parts_of = (META,) if META in table else _PARTS[PALETTE]
    known = ("styles", "train", "paintings", *parts_of)
    for name in set(_PARTS[PALETTE]) & table.keys() if META in table else ():
        raise TrainingError(f"[{name}] has no effect, because [meta] trains the whole network")
    if META in table and "add_to" in table:
        raise TrainingError("add_to has no effect on meta-training, which moves the whole network")
    if "main_pack" in table:
        raise TrainingError("main_pack has no effect on a palette: start_from begins with a pack, add_to adds to one")
    styles = _paintings(table)
    common = _table(table.get("train", {}), "train")
    parts = []
    for name in parts_of:
        settings = {**common, **_table(table.get(name, {}), name)}
        kind = MetaSettings if name == META else TrainSettings
        parts.append(Part(name=name, settings=_fill(kind, settings, where=name), painting=None))
    words = {key: value for key, value in table.items() if key not in known}
    low, high, default = _RANGES[PALETTE]
    words = {"low": low, "high": high, "default": default, "title": "A palette", **words}
    recipe: Recipe = replace(
        _fill(Recipe, words, where="the recipe", known=known), parts=tuple(parts), palette=styles
    )  # fmt: skip
    _check(recipe)
    return recipe


def _paintings(table: Mapping[str, Any]) -> dict[str, StylePicture]:
    """The pictures of a recipe for a palette, by their names. Raises TrainingError."""
    found = folder_styles(_value(table["paintings"], Path, "paintings")) if "paintings" in table else {}
    for name, words in _table(table.get("styles", {}), "styles").items():
        found[name] = {**found.get(name, {"title": style_title(name)}), **_table(words, f"styles.{name}")}
    if not found:
        raise TrainingError("no [styles.NAME] and no folder `paintings` say which pictures to learn from")
    for name in found:
        if style_name(name) != name:
            raise TrainingError(f"a style of a palette is named by a-z, 0-9 and _, a letter first, not {name!r:.60}")
    return {name: _fill(StylePicture, words, where=f"styles.{name}") for name, words in found.items()}


def _predictor_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe for a prediction network of a finished palette. Raises TrainingError."""
    known = ("styles", "train", "paintings", PREDICTOR)
    if "add_to" not in table:
        raise TrainingError("add_to says no palette: a predictor is added to a finished one")
    for key in table.keys() & set(_OF_THE_PALETTE):
        raise TrainingError(f"{key} has no effect, because it is the palette's")
    try:
        header = read_header(find_pack(str(_value(table["add_to"], Path, "add_to"))))
    except PackError as error:
        raise TrainingError(f"add_to: {error}") from error
    if not header.styles:
        raise TrainingError(f"add_to must be a palette, and {header.name} has one style")
    settings = {**_table(table.get("train", {}), "train"), **_table(table.get(PREDICTOR, {}), PREDICTOR)}
    for key in settings.keys() & set(_OF_ITS_PARTS):
        raise TrainingError(f"{PREDICTOR}.{key} has no effect, because it is that of the palette's own training")
    part = Part(
        name=PREDICTOR, painting=None,
        settings=_fill(PredictorSettings, {**settings, **_looked_at(header)}, where=PREDICTOR),
    )  # fmt: skip
    words = {key: value for key, value in table.items() if key not in known}
    alpha = header.alpha
    words = {"title": header.title, "licence": header.licence, "family": header.family, **words,
             "n_blocks": len(header.blocks), "architecture": header.architecture, "width": header.width,
             "low": alpha.low, "high": alpha.high, "default": alpha.default}  # fmt: skip
    recipe: Recipe = replace(
        _fill(Recipe, words, where="the recipe", known=known), parts=(part,), palette=_paintings(table)
    )
    _check(recipe)
    return recipe


def _looked_at(header: PackHeader) -> dict[str, int]:
    """At which size and in how many sizes a palette's paintings were looked at in its training."""
    sizes = {
        (run.get("style_size"), run.get("pyramid"))
        for run in (header.training.get(name, {}) for name in _PARTS[PALETTE])
    }
    if len(sizes) > 1 or None in next(iter(sizes)):
        raise TrainingError(f"{header.name} does not say one style_size and pyramid that it was trained with")
    style_size, pyramid = next(iter(sizes))
    return {"style_size": style_size, "pyramid": pyramid}


def _adain_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe for AdaIN. Raises TrainingError."""
    (name,) = _PARTS[ADAIN]
    known = ("styles", "train", "paintings", name)
    for key in _NOT_OF_ADAIN:
        if key in table:
            raise TrainingError(f"{key} has no effect on AdaIN, whose network is what it is")
    settings = {**_table(table.get("train", {}), "train"), **_table(table.get(name, {}), name)}
    part = Part(name=name, settings=_fill(TrainSettings, settings, where=name), painting=None)
    words = {key: value for key, value in table.items() if key not in known}
    low, high, default = _RANGES[ADAIN]
    words = {"low": low, "high": high, "default": default, "title": "AdaIN", **words, "n_blocks": 1}
    recipe: Recipe = replace(
        _fill(Recipe, words, where="the recipe", known=known), parts=(part,), palette=_paintings(table)
    )
    _check(recipe)
    return recipe


def folder_styles(folder: Path) -> dict[str, dict[str, Any]]:
    """A style for each picture of a folder, `picture` and `title` by a name that is made of the file's."""
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


def _part(name: str, table: Mapping[str, Any], styles: Mapping[str, StylePicture]) -> Part:
    style = table.get("style", next(iter(styles)) if len(styles) == 1 else None)
    if not isinstance(style, str) or style not in styles:
        raise TrainingError(f"{name}.style must be one of {', '.join(styles):.200}, not {style!r:.60}")
    settings = _fill(TrainSettings, {k: v for k, v in table.items() if k != "style"}, where=name, known=("style",))
    return Part(name=name, settings=settings, painting=styles[style])


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


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TrainingError(f"{where} must be a table, not {value!r:.60}")
    return value


def _fill(cls: type[T], table: Any, *, where: str, known: tuple[str, ...] = ()) -> Any:
    """Make a dataclass of a table: every value of its field's type, every key known."""
    table = _table(table, where)
    types = get_type_hints(cls)
    names = {one.name for one in fields(cls)} - {"parts", "paintings", "palette"}  # type: ignore[arg-type]
    for key in table.keys() - names:
        near = difflib.get_close_matches(key, [*names, *known], n=1)
        raise TrainingError(f"{where:.60} has no {key!r:.60}{f': did you mean {near[0]!r}?' if near else ''}")
    for known_field in fields(cls):  # type: ignore[arg-type]
        missing = known_field.default is MISSING and known_field.default_factory is MISSING
        if missing and known_field.name not in table:
            raise TrainingError(f"{where} says no {known_field.name}")
    return cls(**{key: _value(value, types[key], f"{where}.{key}") for key, value in table.items()})


def _value(value: Any, kind: Any, where: str) -> Any:
    """`value` as the type of its field: int, float, str or one of some words, or Path. Raises TrainingError."""
    where = f"{where:.80}"
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= _LARGEST:
            raise TrainingError(f"{where} must be a finite number, not {value:g}")
        return float(value)
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # a year
    if kind not in (int, float) and isinstance(value, str):
        if kind is not str and Path in (kind, *get_args(kind)):
            if not value or "\0" in value:
                raise TrainingError(f"{where} must be a path, not {'one with a NUL' if value else 'an empty text'}")
            return Path(value).expanduser()
        if not value.isprintable() or len(value) > MOST_LETTERS:
            raise TrainingError(f"{where} must be a printable text of {MOST_LETTERS} letters at most, "
                                f"not {value!r:.60}")  # fmt: skip
        return value
    wanted = {int: "a whole number", float: "a number"}.get(kind, "a text")
    raise TrainingError(f"{where} must be {wanted}, not {value!r:.60}")
