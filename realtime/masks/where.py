"""What `--where` says, in one word: which part of the picture is inside, and by which source of masks.

    person  background  bright  dark  chroma:#00ff00  ellipse  rectangle  mask  all

`not:` before a word exchanges inside and outside. Settings follow the word: `chroma:#00ff00,tolerance=0.3`,
`ellipse:x=0.3,width=0.4`. They are where the parameters of the source begin.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stylefader.realtime.masks.base import MaskChoice, MaskSource
from stylefader.realtime.masks.clip import ClipOptions, MaskClip
from stylefader.realtime.masks.inverted import Inverted
from stylefader.realtime.masks.keys import ChromaKey, LuminanceKey, chroma_parameters, luminance_parameters
from stylefader.realtime.masks.person.installed import person_model
from stylefader.realtime.masks.shapes import Kind, Shape, ShapeMask, shape_parameters
from stylefader.realtime.media.transparency import parse_colour
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.sources.files.pictures import is_sequence
from stylefader.realtime.sources.open_container import check_there
from stylefader.training.errors import MaskError, SourceError

PLAIN_WORDS = ("person", "background", "bright", "dark", "ellipse", "rectangle")
"""Words that need nothing else."""
ALL, MASK = "all", "mask"
WORDS = f"{', '.join(PLAIN_WORDS)}, chroma:COLOUR, {ALL}, or {MASK} with --mask FILE; not:WORD is the rest"
_NOT, _CHROMA = "not:", "chroma"
_PREFIX = "mask_"
_SETTING = re.compile(r"([a-z]+)=(.*)")
Open = Callable[[int, int], MaskSource]


@dataclass(frozen=True, kw_only=True)
class MaskFiles:
    """The files that some words need.

    Attributes:
        mask: A picture, a video or a pattern of numbered pictures for `mask`.
        clip: How it is played.
        person_model: A segmenter for `person` and `background`; None for the one that was fetched.
    """

    mask: str | None = None
    clip: ClipOptions
    person_model: Path | None = None


def mask_choice(text: str, files: MaskFiles) -> MaskChoice | None:
    """The source of masks that a word means; nothing is opened yet.

    Args:
        text: What somebody wrote.
        files: What else they gave.

    Returns:
        The choice; None where all of the picture is inside.

    Raises:
        MaskError: It means nothing, or something that it needs is not there.
    """
    word, inverted = _without_nots(text.strip())
    name, _, rest = word.partition(":")
    colour, settings = _settings(rest, word=name, colour=name == _CHROMA)
    if name == "background":
        name, inverted = "person", not inverted
    if name == ALL and not rest:
        if inverted:
            raise MaskError(f"--where {text[:40]!r} would leave nothing inside")
        return None
    open_it, parameters = _source(name, colour, files)
    parameters = _beginning(parameters, settings, word=name)
    return MaskChoice(
        words=text, open=(lambda height, width: Inverted(open_it(height, width))) if inverted else open_it,
        parameters=parameters,
    )  # fmt: skip


def word_parameters() -> tuple[Parameter, ...]:
    """All that performers move in the source of any word."""
    every = (*shape_parameters(Shape()), *luminance_parameters(), *chroma_parameters())
    return tuple({one.name: one for one in every}.values())


def _without_nots(text: str) -> tuple[str, bool]:
    inverted = False
    while text.startswith(_NOT):
        text, inverted = text.removeprefix(_NOT), not inverted
    return text, inverted


def _source(name: str, colour: str, files: MaskFiles) -> tuple[Open, tuple[Parameter, ...]]:
    """What opens the source of a word, and what of it performers move."""
    if name in ("ellipse", "rectangle"):
        kind: Kind = "ellipse" if name == "ellipse" else "rectangle"
        return lambda height, width: ShapeMask(kind, height, width), shape_parameters(Shape())
    if name in ("bright", "dark"):
        key = LuminanceKey("bright" if name == "bright" else "dark")
        return lambda height, width: key, luminance_parameters()
    if name == _CHROMA:
        return _chroma(colour), chroma_parameters()
    if name == "person":
        return _person(files.person_model), ()
    if name == MASK:
        return _clip(files), ()
    raise MaskError(f"--where {name[:40]!r} is not known; give {WORDS}")


def _chroma(colour: str) -> Open:
    if not colour:
        raise MaskError("a chroma key needs its colour, as in chroma:#00ff00")
    try:
        key = ChromaKey(parse_colour(colour))
    except SourceError as error:
        raise MaskError(str(error)) from error
    return lambda height, width: key


def _person(given: Path | None) -> Open:
    model = given if given is not None else person_model()

    def opened(height: int, width: int) -> MaskSource:
        from stylefader.realtime.masks.person.source import PersonMask

        return PersonMask(model, height, width)

    return opened


def _clip(files: MaskFiles) -> Open:
    file = files.mask
    if file is None:
        raise MaskError(f"--where {MASK} needs a file: --mask FILE")
    if not is_sequence(file):
        try:
            check_there(Path(file))
        except SourceError as error:
            raise MaskError(f"the mask cannot be read: {error}") from error

    def opened(height: int, width: int) -> MaskSource:
        placed = replace(files.clip.placed, size=(width, height))
        return MaskClip(file, replace(files.clip, placed=placed))

    return opened


def _settings(text: str, *, word: str, colour: bool) -> tuple[str, dict[str, float]]:
    """The colour before the settings, where there may be one, and the settings."""
    first = ""
    # A colour may have commas itself: 0,255,0.
    parts = re.split(r",(?=[a-z]+=)", text) if text else []
    if colour and parts and _SETTING.fullmatch(parts[0]) is None:
        first = parts.pop(0)
    settings = {}
    for part in parts:
        found = _SETTING.fullmatch(part)
        if found is None:
            raise MaskError(f"{part[:40]!r} after {word[:40]} is no setting; write name=number, as in softness=0.2")
        settings[found[1]] = _number(found[1], found[2])
    return first, settings


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise MaskError(f"{name[:40]} is a number, not {text[:40]!r}")
    return number


def _beginning(parameters: tuple[Parameter, ...], settings: Mapping[str, float], *, word: str) -> tuple[Parameter, ...]:
    """The parameters, each beginning where its setting says."""
    names = {parameter.name.removeprefix(_PREFIX): parameter for parameter in parameters}
    for name, value in settings.items():
        parameter = names.get(name)
        if parameter is None:
            raise MaskError(f"{word} has no {name[:40]!r}; it has {', '.join(names) or 'no settings'}")
        low, high = parameter.bounds()
        if not low <= value <= high:
            raise MaskError(f"{name} of {word} is {low:g} to {high:g}, not {value:g}")
        names[name] = replace(parameter, default=(value,))
    return tuple(names.values())
