"""What a render takes its alpha from: keyframes, a MIDI file, and what a mapping adds on top."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stylefader.realtime.automation.csv_file import AutomationFile
    from stylefader.realtime.automation.keyframes import AlphaOverTime
    from stylefader.realtime.controls.mapping.mapping import Mapping
    from stylefader.realtime.controls.mapping.sound_section import SoundMap
    from stylefader.realtime.parameters.lfo import LfoMap
    from stylefader.realtime.parameters.parameter import Parameter
    from stylefader.realtime.parameters.style_pad import Corners
    from stylefader.realtime.sources.open_file import FileSource

Reading = Callable[[Path], AbstractContextManager[Callable[[float], None]]]
"""Around the reading of a file that may be large: gives what is told how much is done, from 0 to 1."""


def alpha_over_time(
    alpha: str | float | None,
    automation: Path | AutomationFile | None,
    mapping: Mapping,
    map: Path | None,
    parameters: Sequence[Parameter],
    *,
    others: MappingOf[str, str | float | None],
    reading: Reading,
) -> tuple[AlphaOverTime, list[str]]:
    """What was asked for on the line, the pack's default where nothing was; notes on what a file has besides.

    Args:
        alpha: Keyframes or a strength.
        automation: A MIDI file, or what was read of another one (`read_take`).
        mapping: What a mapping file says.
        map: That file.
        parameters: Of the style.
        others: The same as `alpha` for other parameters, by name.
        reading: Around the reading of a large file.

    Raises:
        AutomationError: Words do not go together.
    """
    base, notes = _alpha_over_time(alpha, automation, mapping, map, parameters, reading)
    over = {name: given for name, given in others.items() if given is not None}
    if not over:
        return base, notes
    from stylefader.realtime.automation.keyframes import parse_inline
    from stylefader.realtime.automation.overlaid_automation import OverlaidAutomation

    lines = {
        name: parse_inline(str(given), origin=f"--{name.replace('_', '-')}", name=name) for name, given in over.items()
    }
    return OverlaidAutomation(base, lines), notes


def _alpha_over_time(
    alpha: str | float | None,
    automation: Path | AutomationFile | None,
    mapping: Mapping,
    map: Path | None,
    parameters: Sequence[Parameter],
    reading: Reading,
) -> tuple[AlphaOverTime, list[str]]:
    """What alpha, a file and a mapping come to."""
    from stylefader.realtime.automation.csv_file import AutomationFile
    from stylefader.realtime.automation.keyframes import parse_inline
    from stylefader.realtime.parameters.parameter import sizes_of
    from stylefader.realtime.parameters.targets import why_missing
    from stylefader.training.errors import AutomationError

    moving: list[LfoMap | SoundMap] = [*mapping.lfos, *mapping.sounds]
    missing = [(entry.line, why_missing(entry.moves, sizes_of(parameters))) for entry in moving]
    notes = [f"{map}, line {line}: {why}" for line, why in missing if why is not None]
    if automation is not None and not isinstance(automation, AutomationFile):
        if map is None:
            raise AutomationError(f"{automation} is a MIDI file: say with --map FILE.toml what its controls move")
        from stylefader.realtime.automation.midi_automation import read_midi_automation

        with reading(automation) as tell:
            played = read_midi_automation(automation, mapping.maps, parameters, tell=tell)
        return played, [*notes, *played.notes]
    if map is not None and not (mapping.lfos or mapping.sounds):
        raise AutomationError(
            f"{map} has no [[lfo]] or [[sound]], so it moves nothing here: its [[map]] are for a MIDI file, "
            "with --automation FILE.mid"
        )
    if automation is not None:
        return automation.automation, notes
    if alpha is not None:
        return parse_inline(str(alpha)), notes
    default = parameters[0].default  # of alpha, which a style without tuning-blocks has with no components
    return parse_inline(f"{default[0] if default else 0.0}"), notes


def read_take(file: Path | None, *, alpha: str | float | None) -> AutomationFile | None:
    """What stands in an automation file; None where there is none, or a MIDI file.

    Raises:
        AutomationError: It cannot be read, or `alpha` is given as well.
    """
    from stylefader.realtime.automation.csv_file import read_automation_file
    from stylefader.realtime.automation.midi_file import is_midi_file
    from stylefader.training.errors import AutomationError

    if alpha is not None and file is not None:
        raise AutomationError("give either --alpha or --automation, not both")
    return None if file is None or is_midi_file(file) else read_automation_file(file)


def with_steady(keyframes: AlphaOverTime, steady: float) -> AlphaOverTime:
    """The same with `steady` at this value. Raises AutomationError for one that is not finite."""
    from stylefader.realtime.automation.held_value import HeldValue
    from stylefader.realtime.parameters.parameter import STEADY
    from stylefader.training.errors import AutomationError

    if not (isinstance(steady, int | float) and math.isfinite(steady)):
        raise AutomationError(f"steady is a finite number, not {steady!r:.80}")
    return HeldValue(keyframes, STEADY, float(steady), origin="--steady")


def modulated(
    keyframes: AlphaOverTime,
    mapping: Mapping,
    source: FileSource,
    parameters: Sequence[Parameter],
    *,
    origin: str,
    closing: ExitStack,
    corners: Corners | None = None,
) -> AlphaOverTime:
    """The same with the LFOs and the sound of a mapping on top. origin: the mapping file. corners: of a pad.

    The file that sound is read from is closed with `closing`. Raises ControlError for sound of a source without any.
    """
    from stylefader.realtime.automation.modulated_automation import ModulatedAutomation, TimedModulation
    from stylefader.realtime.parameters.lfo import Lfos, free_beat
    from stylefader.realtime.sound.track_sound import sound_of

    parts: list[TimedModulation] = []
    if mapping.lfos:
        parts.append(Lfos(mapping.lfos, beat=free_beat(mapping.bpm)))
    sound = sound_of(mapping, source, origin=origin)
    if sound is not None:
        closing.callback(sound.close)
        parts.append(sound)
    if not parts:
        return keyframes
    return ModulatedAutomation(keyframes, *parts, parameters=parameters, corners=corners)
