"""Scenes: a style, values of its parameters and the time to fade there, under a name, in a TOML file.

docs/control.md has it by key.

A file is checked in two steps: by itself when it is read, and against the styles of a session when it is cast. Errors
name the line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stylefader.realtime.controls.actions import parameter_target
from stylefader.realtime.controls.mapping.toml_tables import (
    Check,
    Form,
    Table,
    is_bool,
    is_number,
    is_text,
    parse_tables,
    read_text,
)
from stylefader.realtime.parameters.flags import FLAGS
from stylefader.realtime.parameters.parameter import ALPHA, Parameter, most_of, parameters_of
from stylefader.realtime.parameters.targets import Target, parse_target, why_missing
from stylefader.training.errors import ControlError, PackError
from stylefader.training.packs.open_style import each_style, open_style, place_of
from stylefader.training.packs.pack_file import PackFile

_LONGEST_S = 3600
_MOST_LETTERS = 64
MOST_SCENES = 1000
_OF_A_MASK = "mask_"
"""What the parameters of sources of masks begin with."""


Wished = tuple[float, ...] | float
"""Of a parameter: a number for each component, or one for all."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What stands in one `[[scene]]`, None for what it leaves as it is. line: where it stands in the file.

    parameters: those besides alpha, by name.
    """

    name: str
    style: str | None = None
    alpha: Wished | None = None
    parameters: Mapping[str, Wished] = field(default_factory=dict)
    fade: float | None = None
    bypass: bool | None = None
    freeze: bool | None = None
    blackout: bool | None = None
    mask_off: bool | None = None
    mask_inverted: bool | None = None
    mask_shown: bool | None = None
    line: int = field(default=0, compare=False)

    @property
    def flags(self) -> dict[str, bool]:
        """The flags that it sets."""
        return {flag: value for flag in FLAGS if (value := getattr(self, flag)) is not None}

    @property
    def values(self) -> dict[str, Wished]:
        """The parameters that it moves, alpha among them."""
        return {**({} if self.alpha is None else {ALPHA: self.alpha}), **self.parameters}


_SECTIONS: dict[str, Form] = {"scene": "many"}


def read_scenes(path: Path) -> tuple[Scene, ...]:
    """Read a scenes file. Raises ControlError with line and reason."""
    return parse_scenes(read_text(path, "scenes file"), origin=str(path))


def parse_scenes(text: str, *, origin: str) -> tuple[Scene, ...]:
    """Read the text of a scenes file. Raises ControlError with line and reason."""
    scenes: dict[str, Scene] = {}
    tables = parse_tables(text, _SECTIONS, origin=origin)["scene"]
    if len(tables) > MOST_SCENES:
        raise tables[MOST_SCENES].refuse(None, f"a file has {MOST_SCENES} scenes at most")
    for table in tables:
        scene = _scene(table)
        if scene.name in scenes:
            raise table.refuse(
                "name", f"there is a scene {scene.name!r} already, which begins at line {scenes[scene.name].line}"
            )
        scenes[scene.name] = scene
    return tuple(scenes.values())


def _scene(table: Table) -> Scene:
    words = table.check(_KEYS, needed=("name",))
    if not words.keys() & {"style", "alpha", "parameters", *FLAGS}:
        raise table.refuse(
            None, f"the scene {words['name']!r} changes nothing: give style, alpha, {', '.join(FLAGS)} or parameters"
        )
    if "fade" in words and not words.keys() & {"style", "alpha", "parameters"}:
        raise table.refuse("fade", "fade has no effect here: it is for style, alpha and parameters")
    if "alpha" in words:
        words["alpha"] = _wished(words["alpha"])
    if "parameters" in words:
        words["parameters"] = {name: _wished(value) for name, value in words["parameters"].items()}
    return Scene(**words, line=table.line)


def is_scene_name(value: object) -> bool:
    """Whether it can be the name of a scene."""
    return is_text(value) and isinstance(value, str) and len(value) <= _MOST_LETTERS


def _is_wish(value: object) -> bool:
    return is_number(value) or (isinstance(value, list) and value != [] and all(map(is_number, value)))


def _are_wishes(value: object) -> bool:
    """A table of parameters besides alpha, or of components that have names of their own, a number each."""
    return isinstance(value, dict) and all(_is_named(name, wish) for name, wish in value.items())


def _is_named(name: str, wish: object) -> bool:
    target = parameter_target(name)
    if target is None or name == ALPHA or isinstance(target.component, int):
        return False
    return is_number(wish) if target.component is not None else _is_wish(wish)


def _wished(value: list[float] | float) -> Wished:
    return tuple(map(float, value)) if isinstance(value, list) else value


SCENE_NAME = f"a scene's name of {_MOST_LETTERS} letters at most"
_KEYS: dict[str, Check] = {
    "name": (is_scene_name, SCENE_NAME),
    "style": (is_text, "a style's name or a pack file"),
    "alpha": (_is_wish, "a number, or a number for each block as in [0.2, 1, 0.5]"),
    "parameters": (_are_wishes, 'numbers by name, as in { mix = 0.5, zones = [0, 1, 0.5], "style/starry_night" = 1 }'),
    "fade": (lambda value: is_number(value) and 0 <= value <= _LONGEST_S, f"seconds from 0 to {_LONGEST_S}"),
    **dict.fromkeys(FLAGS, (is_bool, "true or false")),
}


# -- the styles that they name -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Casting:
    """Which style of a session each scene has.

    Attributes:
        styles: For every scene the number of its pack; None where it names no style.
        added: Packs to add behind those of the session.
        notes: What the user should know, in words.
    """

    styles: list[int | None]
    added: list[PackFile]
    notes: list[str]


def cast(scenes: Sequence[Scene], packs: Sequence[PackFile], path: Path, mask: Sequence[Parameter] = ()) -> Casting:
    """Find the styles of scenes that were read from `path`, and see whether their alphas fit.

    A style is one of `packs`, by its file or else its name, a style or a family by name, or a pack file beside `path`.
    What is outside of a mask fits always, since one may be switched on; mask: what sources of masks have to be moved.
    Raises ControlError with line and reason.
    """
    every = list(packs)
    styles: list[int | None] = []
    for scene in scenes:
        try:
            styles.append(None if scene.style is None else _place_of(scene.style, every, path.parent))
        except PackError as error:
            raise ControlError(f"{path}, line {scene.line}: scene {scene.name!r}: {error}") from error
    notes: list[str] = []
    for scene, style in zip(scenes, styles, strict=True):
        where = f"{path}, line {scene.line}: scene {scene.name!r}"
        if (why := _why_no_fit(scene, every if style is None else [every[style]], mask)) is not None:
            raise ControlError(f"{where}: {why}")
        for note in (_unknown(scene, mask), _beyond(scene, every if style is None else [every[style]], mask)):
            if note is not None:
                notes.append(f"{where}: {note}")
    return Casting(styles=styles, added=every[len(packs) :], notes=notes)


def _place_of(style: str, packs: list[PackFile], folder: Path) -> int:
    """Which of the packs, the first where several do; one that is not among them is put at the end."""
    missing: PackError | None = None
    try:
        found = _opened(style, folder)
        with suppress(ValueError):
            if found.header.styles:
                return place_of(found, packs)
        for place, pack in enumerate(packs):
            same = pack.style == found.style if found.family else pack.file.resolve() == found.file.resolve()
            if same and bool(pack.family) == bool(found.family):
                return place
    except PackError as error:
        missing = error
    for place, pack in enumerate(packs):
        if pack.style == style:
            return place
    if missing is not None:
        raise missing
    packs += each_style([found])
    return place_of(found, packs)


def _opened(style: str, folder: Path) -> PackFile:
    """A path is seen from the scenes file; a name is the gallery's. Raises PackError."""
    if not (style.endswith(".safetensors") or "/" in style or os.sep in style):
        return open_style(style)
    try:
        return open_style(str(folder / style))
    except PackError:
        if style.endswith(".safetensors") or style.startswith(".") or os.path.isabs(style):
            raise
    return open_style(style)  # PALETTE/STYLE


def _why_no_fit(scene: Scene, packs: Sequence[PackFile], mask: Sequence[Parameter]) -> str | None:
    """Why the values of a scene suit none of these styles; without any, only those of masks are looked at."""
    sizes = most_of([mask, *(parameters_of(pack.header, mask) for pack in packs)])
    which = packs[0].style if len(packs) == 1 else "every style of this session"
    for text, wished in scene.values.items():
        target = parse_target(text) or Target(text)
        name = target.name
        if name not in sizes and (not packs or name.startswith(_OF_A_MASK)):
            continue
        if name not in sizes:
            without_mask = most_of(parameters_of(pack.header) for pack in packs)
            return why_missing(target, without_mask, f"{which} has")
        if target.component is not None:
            if (why := why_missing(target, sizes, f"{which} has")) is not None:
                return why
            continue
        most = sizes[name]
        if most == 0:
            return f"{name} has no effect here: {which} has none to move"
        if name.startswith(_OF_A_MASK) and isinstance(wished, tuple) and len(wished) != most:
            return f"{name} has {len(wished)} numbers; it takes {most}"
        if isinstance(wished, tuple) and (len(wished) != most if scene.style is not None else len(wished) > most):
            return f"{name} has {len(wished)} numbers; {which} takes {most}{_most(scene)}"
    return None


def _unknown(scene: Scene, mask: Sequence[Parameter]) -> str | None:
    """Words for what would be of a mask and is of none that is known: a program's own may have it later."""
    known = [one.name for one in mask]
    unknown = [name for name in scene.values if name.startswith(_OF_A_MASK) and name not in known]
    return f"no mask has {', '.join(unknown)}: there are {', '.join(known)}" if unknown and known else None


def _most(scene: Scene) -> str:
    return "" if scene.style is not None else " at most"


def _beyond(scene: Scene, packs: Sequence[PackFile], mask: Sequence[Parameter]) -> str | None:
    """Words for values that are kept within what the style, or any of these, can do."""
    kept = []
    for name, wished in scene.values.items():
        parameter = (parse_target(name) or Target(name)).name
        every = [mask, *(parameters_of(pack.header, mask) for pack in packs)]
        declared = [one for parameters in every for one in parameters if one.name == parameter]
        whose = f"{packs[0].style}'s" if len(packs) == 1 else "the styles'"
        whose = "its" if name.startswith(_OF_A_MASK) else whose
        if declared and not _within(wished, declared):
            low, high = min(one.bounds()[0] for one in declared), max(one.bounds()[1] for one in declared)
            kept.append(f"{name} is kept within {whose} range, {low:g} to {high:g}")
    return ", ".join(kept) or None


def _within(wished: Wished, declared: Sequence[Parameter]) -> bool:
    """Whether every component of a wish is within what some of these can do."""
    low, high = min(one.bounds()[0] for one in declared), max(one.bounds()[1] for one in declared)
    return all(low <= value <= high for value in (wished if isinstance(wished, tuple) else (wished,)))
