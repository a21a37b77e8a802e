"""What a session's config comes to, checked before anything is opened: packs, the source, sinks, the window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stylefader.engines.opening import check_engine_words
from stylefader.engines.predicting import with_paintings
from stylefader.realtime.controls.player import check_source
from stylefader.realtime.controls.scenes.scene_file import cast, read_scenes
from stylefader.realtime.display.sdl import check_monitor, why_no_display
from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.parameters.fade_in import check_fade_in
from stylefader.realtime.parameters.parameter import STEADY, STROKE, STYLE_FREE, most_of, parameters_of
from stylefader.realtime.parameters.style_pad import Corners, check_corners, has_corners
from stylefader.realtime.parameters.style_weights import check_weights
from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.session.config import DEFAULT_STYLE, FADE_S, PictureConfig, SessionConfig, SourceConfig
from stylefader.realtime.session.events import NoEffect, NoWindow, Outside, ValueOutOfRange
from stylefader.realtime.session.mask_words import parameters_for_scenes
from stylefader.realtime.session.painting_lessons import LessonConfig
from stylefader.realtime.sinks.open_live import LiveSinkOptions, live_sink
from stylefader.realtime.sources.open_live import LiveChoice, live_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import ControlError, PackError, SinkError
from stylefader.training.packs.added_inputs import ALPHA, COLOUR, MIX, STYLE
from stylefader.training.packs.open_style import each_style, open_style, place_of
from stylefader.training.packs.pack_file import PackFile

_OUTSIDE: tuple[Outside, ...] = ("alpha_outside", "mix_outside", "colour_outside")
_STRENGTHS = (ALPHA, MIX, COLOUR, *_OUTSIDE, STEADY, STROKE)
"""Parameters whose value at first is a setting."""


@dataclass(frozen=True, kw_only=True)
class SessionPlan:
    """What a session will open.

    Attributes:
        packs: The styles, of a palette each of its own; those that only scenes name come last.
        first: Which of them the session begins with.
        source: What gives the frames.
        window: Whether there is a window.
        events: What the user should be told about the plan.
        start: Values to begin with, by parameter.
        fade_in: The share of alpha's way that brings mix first.
        mask: The source of masks.
    """

    packs: tuple[PackFile, ...]
    first: int
    source: LiveChoice
    window: bool
    events: tuple[Event, ...]
    start: Mapping[str, float]
    fade_in: float
    mask: MaskChoice | None

    @property
    def sizes(self) -> dict[str, int]:
        """The parameters of the session at first: see `sizes_with`."""
        return sizes_with(self.packs, self.mask)


def sizes_with(packs: Sequence[PackFile], mask: MaskChoice | None) -> dict[str, int]:
    """The parameters of some styles, and of a source of masks, each with the most components that it has in a style."""
    own = None if mask is None else mask.parameters
    return most_of(parameters_of(pack.header, own) for pack in packs)


def plan_session(config: SessionConfig) -> SessionPlan:
    """Check a config; nothing is opened.

    Raises:
        StylefaderError: What cannot be, in one line that says what to do.
    """
    style, sinks = config.style, config.sinks
    check_engine_words(style.backend, style.precision)
    for name in style.muted:
        check_source(name)
    asked = [open_style(name) for name in style.names]
    if style.images:
        asked = [with_paintings(asked, style.images), *asked]
    packs = each_style(asked)
    if config.lessons is not None:
        _check_lessons(config.lessons, packs)
    if style.scenes is not None:
        movable = parameters_for_scenes(config.mask)
        packs += cast(read_scenes(style.scenes), packs, style.scenes, movable).added
    if not packs:
        packs = each_style([open_style(DEFAULT_STYLE)])
    first = _first_style(asked[0], packs, style.pad) if asked else 0
    if style.weights is not None:
        check_weights(style.weights, packs[first])
    if style.pad is not None and any(pack.chosen for pack in packs):
        check_corners(style.pad, sizes_with(packs, None)[STYLE])
    events: list[Event] = []
    window = config.window.shown
    if window and (why := why_no_display()) is not None:
        window = False
        events.append(NoWindow(why=why))
    elif window:
        check_monitor(config.window.monitor)
    if not window and not sinks.words and not sinks.functions:
        raise SinkError("there is nothing to show the picture on: give --sink, such as --sink show.mkv")
    check_recordings(sinks.words)
    for word in sinks.words:
        live_sink(word, LiveSinkOptions())
    source = live_source(config.source.word, source_options(config.source, config.picture))
    events += _without_effect(config, packs=packs, window=window)
    if style.fade_in and not any(pack.n_blocks for pack in packs):
        events.append(NoEffect(setting="fade_in", why="no style of this session has an alpha"))
    start = {name: _first(name, value) for name in _STRENGTHS if (value := getattr(style, name)) is not None}
    if style.free:
        start[STYLE_FREE] = 1.0
    events += _beyond(start, packs[first], config.mask)
    return SessionPlan(
        packs=tuple(packs), first=first, source=source, window=window, events=tuple(events), start=start,
        fade_in=check_fade_in(style.fade_in), mask=config.mask,
    )  # fmt: skip


def _check_lessons(lessons: LessonConfig, packs: Sequence[PackFile]) -> None:
    """Raise StylefaderError where no painting could be learnt in this session."""
    palette = next((pack for pack in packs if pack.header.predictor is not None), None)
    if palette is None:
        raise PackError("adapting needs a style of a palette that says styles of paintings, such as --style gallery")
    lessons.check(palette.network_pack)


def _first_style(asked: PackFile, packs: Sequence[PackFile], corners: Corners | None) -> int:
    """The style to begin with: the one that was named first, of a palette with a pad the pad's first corner."""
    names = [one.name for one in asked.header.styles]
    if corners is not None and names and not asked.chosen and has_corners(corners, names):
        asked = asked.with_style(corners[0])
    return place_of(asked, packs)


def _first(name: str, value: float) -> float:
    """A value to begin with. Raises ControlError."""
    if not (isinstance(value, int | float) and math.isfinite(value)):
        raise ControlError(f"{name} at first is one finite number, not {value!r:.80}")
    return value


def _beyond(start: Mapping[str, float], first: PackFile, mask: MaskChoice | None) -> list[Event]:
    """Which values to begin with are kept within the range that they have in the first style, or have no effect yet."""
    own = () if mask is None else mask.parameters
    found: list[Event] = []
    for parameter in parameters_of(first.header, own):
        low, high = parameter.bounds()
        if parameter.size and parameter.name in start and not low <= start[parameter.name] <= high:
            found.append(ValueOutOfRange(name=parameter.name, low=low, high=high))
    if mask is None:
        found += [NoEffect(setting=name, why="there is no mask yet") for name in _OUTSIDE if name in start]
    return found


def source_options(source: SourceConfig, picture: PictureConfig) -> LiveOptions:
    """What any source of a session is asked for. Raises SourceError."""
    return LiveOptions(
        size=(picture.width, picture.height), rate=source.rate, loop=source.loop, mirror=picture.mirror,
        rotate=picture.rotate, crop=picture.crop, fit=picture.fit, deinterlace=source.deinterlace,
        background=source.background,
    )  # fmt: skip


def is_recording(word: str) -> bool:
    """Whether a sink's word is a file."""
    return "://" not in word and word.lower().endswith((".mkv", ".mp4"))


def check_recordings(words: tuple[str, ...]) -> None:
    """Raise SinkError where two recordings would go into one file."""
    recordings = [Path(word).resolve() for word in words if is_recording(word)]
    if len(set(recordings)) < len(recordings):
        raise SinkError("two recordings cannot go into one file")


def _without_effect(config: SessionConfig, *, packs: Sequence[PackFile], window: bool) -> list[NoEffect]:
    """Settings that do nothing in this session."""
    found = []
    recorded = config.take is not None or any(is_recording(word) for word in config.sinks.words)
    if len(packs) == 1 and config.style.scenes is None and not window and config.style.fade_s != FADE_S:
        found.append(NoEffect(setting="fade", why="there is one style"))
    if config.picture.fps is not None and not any(pack.family for pack in packs):
        found.append(NoEffect(setting="fps", why="no style of this session has several sizes"))
    if not any(pack.chosen for pack in packs):
        why = "no style of this session is a palette's"
        if config.style.pad is not None:
            found.append(NoEffect(setting="pad", why=why))
        if config.style.free:
            found.append(NoEffect(setting="free", why=why))
    if config.sinks.overwrite and not recorded:
        found.append(NoEffect(setting="overwrite", why="nothing is recorded into a file"))
    if config.window.full_screen and not window:
        found.append(NoEffect(setting="full_screen", why="there is no window"))
    if config.window.monitor is not None and not window:
        found.append(NoEffect(setting="monitor", why="there is no window"))
    return found
