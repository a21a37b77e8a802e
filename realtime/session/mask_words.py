"""What the command line or a program says of masks, and the masks of a live session by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.masks.clip import ClipOptions
from stylefader.realtime.masks.where import ALL, MASK, MaskFiles, mask_choice, word_parameters
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.sources.files.pictures import is_sequence
from stylefader.realtime.sources.options import LiveOptions

FindMask = Callable[[str], MaskChoice | None]
"""The source of masks that a word of `--where` means; None where all is inside. Raises MaskError."""


@dataclass(frozen=True, kw_only=True)
class MaskWords:
    """What was said of masks.

    Attributes:
        where: As `--where` has it; None for `mask` where there is a file, else for all of the picture.
        file: A picture, a video or numbered pictures.
        person_model: A segmenter; None for the one that was fetched.
    """

    where: str | None = None
    file: str | None = None
    person_model: Path | None = None

    @property
    def word(self) -> str:
        """What decides at first."""
        if self.where is not None:
            return self.where
        return ALL if self.file is None else MASK


def mask_words(where: str | None, mask: MaskChoice | str | Path | None, person_model: str | Path | None) -> MaskWords:
    """What a program said. mask: a file; a choice of its own takes the place of all words."""
    return MaskWords(
        where=where, file=str(mask) if isinstance(mask, str | Path) else None,
        person_model=None if person_model is None else Path(person_model),
    )  # fmt: skip


def parameters_for_scenes(choice: MaskChoice | None) -> tuple[Parameter, ...]:
    """What scenes may move of masks: that of the present one, and of all that words can choose."""
    own = () if choice is None else choice.parameters
    names = {one.name for one in own}
    return (*own, *(one for one in word_parameters() if one.name not in names))


def find_live_mask(words: MaskWords, placed: LiveOptions) -> FindMask:
    """Finds the masks of a live session by their words, also while it plays.

    Args:
        words: What was said.
        placed: How frames are mirrored, turned, cut and fitted: a mask from a file is, too.
    """
    clip = ClipOptions(
        placed=placed, rate=placed.rate if _is_numbered(words.file) else None, from_first=True, loop=placed.loop
    )
    files = MaskFiles(mask=words.file, clip=clip, person_model=words.person_model)
    return lambda word: mask_choice(word, files)


def _is_numbered(file: str | None) -> bool:
    return file is not None and is_sequence(file)
