"""What a render of a palette mixes: weights and a pad from the line, or an automation's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from stylefader.realtime.automation.held_value import HeldValue
from stylefader.realtime.automation.keyframes import AlphaOverTime, Automation, Keyframe
from stylefader.realtime.automation.midi_automation import MidiAutomation
from stylefader.realtime.automation.overlaid_automation import OverlaidAutomation
from stylefader.realtime.automation.pad_automation import PadAutomation
from stylefader.realtime.parameters.parameter import PAD_X, PAD_Y, STYLE_FREE, Layout, Parameter, sizes_of
from stylefader.realtime.parameters.style_pad import Corners, check_corners, pad_of, parse_corners
from stylefader.realtime.parameters.style_weights import check_weights, parse_weights
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import AutomationError
from stylefader.training.packs.added_inputs import STYLE
from stylefader.training.packs.pack_file import PackFile


def corners_of(pad: str | Corners | None, pack: PackFile, parameters: Sequence[Parameter]) -> Corners | None:
    """The corners of the pad that was asked for. Raises StylefaderError for such that the palette has not."""
    if pad is None:
        return None
    if not pack.header.styles:
        raise AutomationError(f"a pad is for the styles of a palette: {pack.style} is one style")
    corners = parse_corners(pad) if isinstance(pad, str) else pad
    check_corners(corners, sizes_of(parameters)[STYLE])
    return corners


def with_mix(
    keyframes: AlphaOverTime,
    pack: PackFile,
    parameters: Sequence[Parameter],
    *,
    weights: str | Mapping[str, float] | None,
    free: bool,
    corners: Corners | None,
) -> AlphaOverTime:
    """Keyframes with what the line says of a palette's styles; without a word of it the style that was named.

    Raises:
        StylefaderError: The words do not fit the palette, or the automation says it as well.
    """
    if weights is not None:
        keyframes = _with_weights(keyframes, pack, parse_weights(weights) if isinstance(weights, str) else weights)
    if not pack.header.styles:
        return keyframes
    if free:
        keyframes = HeldValue(keyframes, STYLE_FREE, 1.0, origin="--free")
    pad = pad_of(Layout(parameters), corners)
    if pad is not None and not _moves(keyframes, STYLE) and (corners is not None or _moves(keyframes, PAD_X, PAD_Y)):
        keyframes = PadAutomation(keyframes, pad)
    return keyframes


def _with_weights(keyframes: AlphaOverTime, pack: PackFile, weights: Mapping[str, float]) -> AlphaOverTime:
    check_weights(weights, pack)
    if _moves(keyframes, STYLE):
        raise AutomationError("--weights: the automation moves the weights of the styles already")
    columns = [str(Target(STYLE, name)) for name in weights]
    still = Keyframe(time=Fraction(0), values=tuple(map(float, weights.values())))
    return OverlaidAutomation(keyframes, {STYLE: Automation([still], columns=columns, origin="--weights")})


def _moves(keyframes: AlphaOverTime, *names: str) -> bool:
    """Whether it says anything of one of these parameters."""
    if isinstance(keyframes, MidiAutomation):
        return keyframes.moves_any(names)
    return any(keyframes.bounds(name) is not None for name in names)
