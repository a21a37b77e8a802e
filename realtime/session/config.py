"""What a live session is asked to be: frozen data, filled by the command line or by a program, checked by `plan.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from stylefader.engines import Precision
from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.media.transparency import BLACK, Colour
from stylefader.realtime.parameters.style_pad import Corners
from stylefader.realtime.session.mask_words import FindMask
from stylefader.realtime.session.painting_lessons import LessonConfig
from stylefader.realtime.sinks.live.function import TakesFrame
from stylefader.realtime.sources.deinterlacing import Deinterlace
from stylefader.realtime.sources.geometry import DEFAULT_FIT, Fit
from stylefader.realtime.sources.options import Degrees

FADE_S = 1.0
"""Seconds of a cross-fade by default."""
DEFAULT_STYLE = "great_wave_lite"


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """The picture of the session, and how sources are brought to it.

    Attributes:
        width: In pixels.
        height: In pixels.
        fps: The frame rate that a style of several sizes must hold; None is that of the source.
        adaptive_fps: Hold this rate, in frames a second, by a smaller size of the network; None keeps the size.
        fit: How a picture of other proportions is brought to the size.
        mirror: Exchange left and right.
        rotate: Degrees clockwise.
        crop: x, y, width and height of the part that is used, in pixels after mirror and rotation.
        every: Process only every Nth frame.
    """

    width: int = 640
    height: int = 360
    fps: float | None = None
    adaptive_fps: float | None = None
    fit: Fit = DEFAULT_FIT
    mirror: bool = False
    rotate: Degrees = 0
    crop: tuple[int, int, int, int] | None = None
    every: int = 1


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """Where frames come from.

    Attributes:
        word: `testcard`, a camera's number or name, a URL, `screen`, or a file.
        rate: Frames a second that the source is asked for.
        loop: Start files again at their end.
        deinterlace: `auto` or `off`.
        background: Behind transparent places.
    """

    word: str = "0"
    rate: Fraction | None = None
    loop: bool = False
    deinterlace: Deinterlace = "auto"
    background: Colour = BLACK


@dataclass(frozen=True, kw_only=True)
class StyleConfig:
    """The styles of the session, and its engines.

    Attributes:
        names: Styles by name or pack file; the session begins with the first one. Of a style of several sizes the
            largest plays that holds the frame rate.
        images: Paintings that become styles of the first palette of these that says style vectors; the session begins
            with the first one.
        scenes: A file of scenes.
        fade_s: Seconds of a cross-fade.
        alpha: Strength at first; None for the style's own.
        mix: Likewise, from the original picture (0) to the stylized one (1).
        colour: Likewise, from the style's colours (0) to those of the original (1).
        alpha_outside: As alpha, outside of a mask, at first; of a mask that is chosen later, too.
        mix_outside: Likewise for mix; None is 0.
        colour_outside: Likewise for colour.
        fade_in: The share of alpha's way that brings mix first, from 0 to below 1.
        steady: How still the picture stands at rest at first, 0 to 1; None is 0.
        stroke: The size of the strokes at first: 0.67, 1, 1.5, 2 or 3, of which the nearest counts; None is 1.
        slew: The most that alpha moves in a second.
        weights: Of the styles of the first style's palette at first, by name; None for that style alone.
        free: Whether weights count as they stand at first, and not by their sum.
        pad: The styles at the corners of a palette's pad; None for its first four.
        muted: Sources that move no alpha.
        backend: Of the engines, as for `open_engine`.
        precision: Likewise.
        cache_dir: Likewise.
    """

    names: tuple[str, ...] = (DEFAULT_STYLE,)
    images: tuple[Path, ...] = ()
    scenes: Path | None = None
    fade_s: float = FADE_S
    alpha: float | None = None
    mix: float | None = None
    colour: float | None = None
    alpha_outside: float | None = None
    mix_outside: float | None = None
    colour_outside: float | None = None
    fade_in: float | None = None
    steady: float | None = None
    stroke: float | None = None
    slew: float | None = None
    weights: Mapping[str, float] | None = None
    free: bool = False
    pad: Corners | None = None
    muted: tuple[str, ...] = ()
    backend: str = "auto"
    precision: Precision = "auto"
    cache_dir: Path | None = None


@dataclass(frozen=True, kw_only=True)
class SinkConfig:
    """Where frames go.

    Attributes:
        words: One for each sink, as for `live_sink`.
        functions: Called with every frame, each on its own thread.
        exact_size: Recordings keep an odd size.
        overwrite: Recordings and takes may replace files.
    """

    words: tuple[str, ...] = ()
    functions: tuple[TakesFrame, ...] = ()
    exact_size: bool = False
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """The window.

    Attributes:
        shown: Whether there is a window, if there is a display.
        overlay: Whether numbers are drawn over the picture.
        full_screen: Whether it begins in full screen.
        monitor: The monitor that it opens on, counted from 1; None leaves that to the system.
    """

    shown: bool = True
    overlay: bool = True
    full_screen: bool = False
    monitor: int | None = None


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """What plays the session.

    Attributes:
        mapping: The file of MIDI controls, keys, LFOs, sound and tempo.
        midi: Parts of the names of MIDI ports.
        osc: [HOST:]PORT.
        terminal: Whether keys are read from the terminal if there is no window.
    """

    mapping: Path | None = None
    midi: tuple[str, ...] = ()
    osc: str | None = None
    terminal: bool = False


@dataclass(frozen=True, kw_only=True)
class SessionConfig:
    """Everything about a live session.

    Attributes:
        source: Where frames come from.
        picture: The size, and how sources are brought to it.
        style: The styles and their engines.
        sinks: Where frames go.
        window: The window.
        controls: What plays the session.
        mask: A source of masks, by which inside and outside have strengths of their own.
        find_mask: Finds other sources of masks by the words of `--where`, while it plays; None finds none.
        sound: A sound input, as for `live_sound`.
        take: An automation file that records what is played from the first frame on.
        stats: A file of JSON lines, one snapshot a second.
        seconds: End after so many seconds; None: never.
        lessons: How paintings that it is given get better while it plays; None leaves them as they are.
    """

    source: SourceConfig = field(default_factory=SourceConfig)
    picture: PictureConfig = field(default_factory=PictureConfig)
    style: StyleConfig = field(default_factory=StyleConfig)
    sinks: SinkConfig = field(default_factory=SinkConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    controls: ControlConfig = field(default_factory=ControlConfig)
    mask: MaskChoice | None = None
    find_mask: FindMask | None = None
    sound: str | None = None
    take: Path | None = None
    stats: Path | None = None
    seconds: float | None = None
    lessons: LessonConfig | None = None
