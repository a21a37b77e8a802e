"""The mask of a render: by words, by a program, or as a take has it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from fractions import Fraction

from stylefader.realtime.automation.csv_file import AutomationFile
from stylefader.realtime.automation.keyframes import AlphaOverTime
from stylefader.realtime.automation.take_words import MaskMoment, mask_moments
from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.masks.clip import ClipOptions
from stylefader.realtime.masks.timed import TimedChoice, TimedMask, parameters_of_choices
from stylefader.realtime.masks.where import MASK, MaskFiles, mask_choice, word_parameters
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.session.mask_words import MaskWords
from stylefader.training.errors import MaskError
from stylefader.training.packs.added_inputs import side_inputs
from stylefader.training.packs.pack_header import PackHeader


def mask_of_render(
    words: MaskWords,
    given: MaskChoice | None,
    *,
    clip: ClipOptions,
    taken: AutomationFile | None,
    moved: Set[str] = frozenset(),
) -> tuple[MaskChoice | None, list[str]]:
    """The mask of a render.

    Args:
        words: What was said.
        given: A choice of a program's own, in place of words.
        clip: How a mask from a file is played: as the frames.
        taken: The automation file, whose masks count where neither words nor a program say another one.
        moved: Names of parameters that are moved besides.

    Returns:
        It, None where all is inside; and what there is to say of it.

    Raises:
        MaskError: The words mean nothing, or one of them has no effect.
    """
    moments = mask_moments(taken.comments) if taken is not None else []
    files = MaskFiles(mask=words.file, clip=clip, person_model=words.person_model)
    if given is None and words.where is None and taken is not None and moments:
        names = moved | set(taken.automation.names)
        return _taken(moments, words, files, origin=taken.automation.origin, moved=names), []
    other = "another one was given" if given is not None else f"--where {words.where} takes their place"
    notes = [f"the masks of {taken.automation.origin} have no effect: {other}"] if taken and moments else []
    return given if given is not None else _by_words(words, files), notes


def idle_parameters(taken: AutomationFile | None, parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """What a take moves of other masks than those of the render."""
    names = taken.automation.names if taken is not None else []
    there = {one.name for one in parameters}
    return tuple(one for one in word_parameters() if one.name in names and one.name not in there)


def without_effect(
    keyframes: AlphaOverTime, header: PackHeader, idle: Sequence[Parameter], *, masked: bool
) -> list[str]:
    """What keyframes move of masks to no effect, in words."""
    names = [] if masked else [spec.name for spec in side_inputs(header.inputs) if keyframes.bounds(spec.name)]
    names += [one.name for one in idle]
    if not names:
        return []
    why = "with this mask" if masked else "without a mask"
    return [f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} no effect {why}"]


def _by_words(words: MaskWords, files: MaskFiles) -> MaskChoice | None:
    choice = mask_choice(words.word, files)
    _check_used(words, [words.word])
    return choice


def _taken(
    moments: Sequence[MaskMoment], words: MaskWords, files: MaskFiles, *, origin: str, moved: Set[str]
) -> MaskChoice:
    """The masks of a take, one after another."""
    choices: dict[str, MaskChoice | None] = {}
    for moment in moments:
        try:
            choices.setdefault(moment.use.where, mask_choice(moment.use.where, files))
        except MaskError as error:
            raise MaskError(f"{origin}: {error}") from error
    _check_used(words, list(choices))
    timed: list[TimedChoice] = []
    began = Fraction(0)
    for place, (time, use) in enumerate(moments):
        if not place or moments[place - 1].use.where != use.where:
            began = time
        choice = choices[use.where]
        timed.append(TimedChoice(time=time, began=began, choice=choice, off=use.off, inverted=use.inverted))
    return MaskChoice(
        words=f"as in {origin}", parameters=parameters_of_choices(list(choices.values())),
        open=lambda height, width: TimedMask(timed, height, width, moved=moved),
    )  # fmt: skip


def _check_used(words: MaskWords, where: Sequence[str]) -> None:
    """Raise MaskError for a file that none of these words of `--where` needs."""
    plain = {word.replace("not:", "").partition(":")[0] for word in where}
    if words.file is not None and MASK not in plain:
        other = f"with --where {words.where}: leave one of them out"
        if words.where is None:
            other = f"on the masks of the take: --where {MASK} takes their place"
        raise MaskError(f"--mask {words.file} has no effect {other}")
    if words.person_model is not None and not plain & {"person", "background"}:
        raise MaskError("--person-model has no effect: it is for --where person or background")
