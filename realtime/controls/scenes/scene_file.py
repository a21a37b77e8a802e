"""Scenes: a style, strengths and the time to fade there, under a name, in a TOML file; docs/control.md has it by key.

A file is checked in two steps: by itself when it is read, and against the styles of a session when it is cast. What is
wrong is said with its line.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stylefader.realtime.controls.mapping.file_edits import rewrite
from stylefader.realtime.controls.mapping.mapping import FLAGS
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
from stylefader.realtime.parameters.alpha_desk import Alpha, carried_over
from stylefader.training.errors import ControlError, PackError
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack_file import PackFile

_LONGEST_S = 3600
_MOST_LETTERS = 64
MOST_SCENES = 1000
_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What stands in one `[[scene]]`, None for what it leaves as it is. line: where it stands in the file."""

    name: str
    style: str | None = None
    alpha: tuple[float, ...] | float | None = None
    fade: float | None = None
    bypass: bool | None = None
    freeze: bool | None = None
    blackout: bool | None = None
    line: int = field(default=0, compare=False)

    @property
    def flags(self) -> dict[str, bool]:
        """The flags that it sets."""
        return {flag: value for flag in FLAGS if (value := getattr(self, flag)) is not None}


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
    if not words.keys() & {"style", "alpha", *FLAGS}:
        raise table.refuse(None, f"the scene {words['name']!r} changes nothing: give style, alpha, {', '.join(FLAGS)}")
    if "fade" in words and not words.keys() & {"style", "alpha"}:
        raise table.refuse("fade", "fade has no effect here: it is for style and alpha")
    if isinstance(words.get("alpha"), list):
        words["alpha"] = tuple(map(float, words["alpha"]))
    return Scene(**words, line=table.line)


def is_scene_name(value: object) -> bool:
    return is_text(value) and isinstance(value, str) and len(value) <= _MOST_LETTERS


def _is_alpha(value: object) -> bool:
    return is_number(value) or (isinstance(value, list) and value != [] and all(map(is_number, value)))


SCENE_NAME = f"a scene's name of {_MOST_LETTERS} letters at most"
_KEYS: dict[str, Check] = {
    "name": (is_scene_name, SCENE_NAME),
    "style": (is_text, "a style's name or a pack file"),
    "alpha": (_is_alpha, "a number, or a number for each block as in [0.2, 1, 0.5]"),
    "fade": (lambda value: is_number(value) and 0 <= value <= _LONGEST_S, f"seconds from 0 to {_LONGEST_S}"),
    **dict.fromkeys(FLAGS, (is_bool, "true or false")),
}


# -- the styles that they name -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Casting:
    """Scenes and a session's styles. styles: for every scene which pack, None where it names none. added: packs to
    put behind those that there are. notes: what is worth a word."""

    styles: list[int | None]
    added: list[PackFile]
    notes: list[str]


def cast(scenes: Sequence[Scene], packs: Sequence[PackFile], path: Path) -> Casting:
    """Find the styles of scenes that were read from `path`, and see whether their alphas fit.

    A style is one of `packs`, by its file or else its name, a style of the gallery, or a pack file beside `path`.
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
        if (why := _why_no_fit(scene, every if style is None else [every[style]])) is not None:
            raise ControlError(f"{where}: {why}")
        if (note := _beyond(scene, every if style is None else [every[style]])) is not None:
            notes.append(f"{where}: {note}")
    return Casting(styles=styles, added=every[len(packs) :], notes=notes)


def _place_of(style: str, packs: list[PackFile], folder: Path) -> int:
    """Which of the packs, the first where several do; one that is not among them is put at the end."""
    missing: PackError | None = None
    # A path is seen from the scenes file; a name is the gallery's.
    is_path = style.endswith(".safetensors") or "/" in style or os.sep in style
    try:
        file = find_pack(str(folder / style) if is_path else style)
        for place, pack in enumerate(packs):
            if pack.file.resolve() == file.resolve():
                return place
    except PackError as error:
        missing = error
    for place, pack in enumerate(packs):
        if pack.header.name == style:
            return place
    if missing is not None:
        raise missing
    packs.append(PackFile(file))
    return len(packs) - 1


def _why_no_fit(scene: Scene, packs: Sequence[PackFile]) -> str | None:
    """Why the alpha of a scene suits none of these styles."""
    most = max((pack.n_blocks for pack in packs), default=None)
    if scene.alpha is None or most is None:
        return None
    which = packs[0].header.name if len(packs) == 1 else "every style of this session"
    if most == 0:
        return f"alpha has no effect here: {which} has no tuning-block"
    if not isinstance(scene.alpha, tuple):
        return None
    wrong = len(scene.alpha) != most if scene.style is not None else len(scene.alpha) > most
    return f"alpha has {len(scene.alpha)} numbers; {which} has {most} blocks{_most(scene)}" if wrong else None


def _most(scene: Scene) -> str:
    return "" if scene.style is not None else " at most"


def _beyond(scene: Scene, packs: Sequence[PackFile]) -> str | None:
    """Words for an alpha that is kept within what the style, or any of these, can do."""
    if scene.alpha is None or not packs:
        return None
    low, high = min(pack.header.alpha.low for pack in packs), max(pack.header.alpha.high for pack in packs)
    alphas = scene.alpha if isinstance(scene.alpha, tuple) else (scene.alpha,)
    if all(low <= alpha <= high for alpha in alphas):
        return None
    whose = f"{packs[0].header.name}'s" if len(packs) == 1 else "the styles'"
    return f"alpha is kept within {whose} range, {low:g} to {high:g}"


# -- scenes made by performing -----------------------------------------------------------------------------------------


def standing(name: str, pack: PackFile, targets: Alpha, path: Path) -> Scene:
    """How a session stands, as a scene for the file `path`. targets: float32, of this pack or the one before it."""
    alphas = tuple(round(float(alpha), _DIGITS) for alpha in carried_over(targets, pack.n_blocks))
    alpha = None if not alphas else alphas[0] if len(set(alphas)) == 1 else alphas
    return Scene(name=name, style=_word_for(pack, path.parent), alpha=alpha)


def _word_for(pack: PackFile, folder: Path) -> str:
    """What to write for a pack in a scenes file of that folder."""
    try:
        if find_pack(pack.file.stem).resolve() == pack.file.resolve():
            return pack.file.stem
    except PackError:
        pass
    try:
        beside = Path(os.path.relpath(pack.file.resolve(), folder.resolve()))
    except ValueError:  # on Windows, another drive
        beside = pack.file.resolve()
    word = beside.as_posix()
    return word if "/" in word or word.endswith(".safetensors") else f"./{word}"


def saved(text: str, scenes: Sequence[Scene], *, origin: str) -> str:
    """A scenes file's text with the style and alpha of these, each in its own place or at the end; comments stay.

    A scene of a name that is there keeps its fade and flags. Raises ControlError where that cannot be.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    there = {scene.name for scene in parse_scenes(text, origin=origin)} | {scene.name for scene in scenes}
    if len(there) > MOST_SCENES:
        raise ControlError(f"{origin}: there would be more than {MOST_SCENES} scenes")
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:  # which is stricter in places
        raise ControlError(f"{origin} cannot be edited: {error}") from error
    tables: Any = document.get("scene")
    if tables is not None and not isinstance(tables, tomlkit.items.AoT):
        raise ControlError(f"{origin}: write [[scene]] for each, so that one can be added")
    if tables is None:
        tables = tomlkit.aot()
        document.add("scene", tables)
    by_name = {table["name"]: table for table in tables}
    for scene in scenes:
        new: dict[str, Any] = {"style": scene.style}
        if scene.alpha is not None:
            new["alpha"] = list(scene.alpha) if isinstance(scene.alpha, tuple) else scene.alpha
        if scene.name in by_name:
            if scene.alpha is None:
                by_name[scene.name].pop("alpha", None)
            by_name[scene.name].update(new)
            continue
        table = tomlkit.table()
        table.update({"name": scene.name, **new})
        if len(tables):
            tables[-1].add(tomlkit.nl())
        tables.append(table)
        by_name[scene.name] = table
    text = document.as_string()
    parse_scenes(text, origin=origin)
    return text


def write_saved(path: Path, scenes: Sequence[Scene]) -> None:
    """The same, in a file. Raises ControlError, also where it cannot be written or would be too large to be read."""
    rewrite(path, "scenes file", lambda text: saved(text, scenes, origin=str(path)))
