"""Scenes made by performing: how a session stands, written into a scenes file whose comments stay."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylefader.realtime.controls.mapping.file_edits import rewrite
from stylefader.realtime.controls.scenes.scene_file import MOST_SCENES, Scene, Wished, parse_scenes
from stylefader.realtime.parameters.parameter import ALPHA, PAD_X, PAD_Y, Values, carried_to, parameters_of
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import ControlError, PackError
from stylefader.training.packs.library import find_family, find_pack
from stylefader.training.packs.pack_file import PackFile

_DIGITS = 4


def standing(name: str, pack: PackFile, targets: Mapping[str, Values], path: Path) -> Scene:
    """How a session stands, as a scene for the file `path`. targets: float32, of this pack or the one before it."""
    wished: dict[str, Wished] = {}
    parameters = parameters_of(pack.header, ())
    own = carried_to(targets, parameters)
    of_the_mask = {parameter: values for parameter, values in targets.items() if parameter not in own}
    labelled = {parameter.name: parameter.labels for parameter in parameters if parameter.labels}
    for parameter, values in (own | of_the_mask).items():
        if parameter in (PAD_X, PAD_Y):
            continue  # what it came to are the weights
        if parameter in labelled:
            wished |= _by_label(parameter, labelled[parameter], values)
            continue
        each = tuple(round(float(value), _DIGITS) for value in values)
        if each:
            wished[parameter] = each[0] if len(set(each)) == 1 else each
    alpha = wished.pop(ALPHA, None)
    return Scene(name=name, style=_word_for(pack, path.parent), alpha=alpha, parameters=wished)


def _by_label(parameter: str, labels: Sequence[str], values: Values) -> dict[str, Wished]:
    """The components that are not 0, by their own names; the first one where all are."""
    found = {
        str(Target(parameter, label)): round(float(value), _DIGITS) for label, value in zip(labels, values, strict=True)
    }
    return {name: value for name, value in found.items() if value} or {str(Target(parameter, labels[0])): 0.0}


def _word_for(pack: PackFile, folder: Path) -> str:
    """What to write for a pack in a scenes file of that folder, or for a style of it."""
    if pack.chosen:
        return f"{_word_for(pack.network_pack, folder)}/{pack.chosen}"
    if pack.family is not None:
        return pack.style
    for word in (pack.file.stem, f"{pack.file.stem}:{pack.size}"):
        try:
            if find_family(word) is None and find_pack(word).resolve() == pack.file.resolve():
                return word
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
            new["alpha"] = _written(scene.alpha)
        if scene.parameters:
            new["parameters"] = tomlkit.inline_table()
            new["parameters"].update({name: _written(wished) for name, wished in scene.parameters.items()})
        if scene.name in by_name:
            for key in ("alpha", "parameters"):
                if key not in new:
                    by_name[scene.name].pop(key, None)
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


def _written(wished: Wished) -> list[float] | float:
    return list(wished) if isinstance(wished, tuple) else wished


def write_saved(path: Path, scenes: Sequence[Scene]) -> None:
    """The same, in a file. Raises ControlError, also where it cannot be written or would be too large to be read."""
    rewrite(path, "scenes file", lambda text: saved(text, scenes, origin=str(path)))
