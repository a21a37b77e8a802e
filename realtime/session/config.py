"""What a live session is asked to be: frozen data, filled by the command line or by a program, checked by `plan.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from stylefader.engines import Precision
from stylefader.realtime.media.transparency import BLACK, Colour
from stylefader.realtime.sinks.live.function import TakesFrame
from stylefader.realtime.sources.deinterlacing import Deinterlace
from stylefader.realtime.sources.geometry import DEFAULT_FIT, Fit
from stylefader.realtime.sources.options import Degrees

FADE_S = 1.0
"""Of a cross-fade, where nothing is said."""
DEFAULT_STYLE = "great_wave_lite"


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """The picture of the session, and how sources are brought to it.

    width, height: pixels. adaptive_fps: hold this rate by a smaller network. crop: x, y, width, height in pixels of
    the source's picture after mirror and rotation. every: process only every Nth frame.
    """

    width: int = 640
    height: int = 360
    adaptive_fps: float | None = None
    fit: Fit = DEFAULT_FIT
    mirror: bool = False
    rotate: Degrees = 0
    crop: tuple[int, int, int, int] | None = None
    every: int = 1


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """Where frames come from. word: `testcard`, a camera's number or name, a URL, `screen`, or a file.

    rate: frames a second asked of it. loop: files begin again at their end. background: behind transparent places.
    """

    word: str = "0"
    rate: Fraction | None = None
    loop: bool = False
    deinterlace: Deinterlace = "auto"
    background: Colour = BLACK


@dataclass(frozen=True, kw_only=True)
class StyleConfig:
    """Styles by name or pack file, the first one first. scenes: a file of scenes. fade_s: seconds of a cross-fade.

    alpha: strength at first, None for the style's own. slew: the most that alpha moves in a second. muted: sources
    that move no alpha. backend, precision, cache_dir: of the engines, as `open_engine` has them.
    """

    names: tuple[str, ...] = (DEFAULT_STYLE,)
    scenes: Path | None = None
    fade_s: float = FADE_S
    alpha: float | None = None
    slew: float | None = None
    muted: tuple[str, ...] = ()
    backend: str = "auto"
    precision: Precision = "auto"
    cache_dir: Path | None = None


@dataclass(frozen=True, kw_only=True)
class SinkConfig:
    """Where frames go. words: one a sink, as `live_sink` has them.

    functions: called with every frame, each on a thread of its own.
    exact_size: recordings keep an odd size. overwrite: recordings and takes may replace files.
    """

    words: tuple[str, ...] = ()
    functions: tuple[TakesFrame, ...] = ()
    exact_size: bool = False
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """shown: whether there is a window, where there is a display. overlay: whether numbers stand on its picture.

    monitor: which one it opens on, from 1; None leaves it to the system.
    """

    shown: bool = True
    overlay: bool = True
    full_screen: bool = False
    monitor: int | None = None


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """mapping: the file of MIDI controls, keys, LFOs, sound and tempo. midi: parts of ports' names. osc: [HOST:]PORT.

    terminal: whether keys are read from the terminal where there is no window.
    """

    mapping: Path | None = None
    midi: tuple[str, ...] = ()
    osc: str | None = None
    terminal: bool = False


@dataclass(frozen=True, kw_only=True)
class SessionConfig:
    """All of a live session.

    sound: an input to hear, as `live_sound` has it. take: an automation file that records what is played from the
    first frame on. stats: a file of JSON lines, a snapshot a second. seconds: end after so long, None: never.
    """

    source: SourceConfig = field(default_factory=SourceConfig)
    picture: PictureConfig = field(default_factory=PictureConfig)
    style: StyleConfig = field(default_factory=StyleConfig)
    sinks: SinkConfig = field(default_factory=SinkConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    controls: ControlConfig = field(default_factory=ControlConfig)
    sound: str | None = None
    take: Path | None = None
    stats: Path | None = None
    seconds: float | None = None
