"""A live session of a camera, a stream, the screen or a file, held by a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.style_pad import parse_corners
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.config import (
    ControlConfig,
    PictureConfig,
    SessionConfig,
    SinkConfig,
    SourceConfig,
    StyleConfig,
    WindowConfig,
)
from stylefader.realtime.session.mask_words import find_live_mask, mask_words
from stylefader.realtime.session.open_session import open_session
from stylefader.realtime.session.painting_lessons import LessonConfig
from stylefader.realtime.session.plan import source_options
from stylefader.training.errors import ControlError

if TYPE_CHECKING:
    from stylefader.realtime.session.events import Listener
    from stylefader.realtime.session.session import Session
    from stylefader.realtime.session.snapshot import Snapshot

_WAIT_S = 0.1
_JOIN_S = 2.0


def live(
    source: int | str | Path = 0,
    *,
    style: str | Path | Sequence[str | Path] = "great_wave_lite",
    style_image: str | Path | Sequence[str | Path] = (),
    lessons: LessonConfig | None = None,
    size: tuple[int, int] = (640, 360),
    fps: float | None = None,
    alpha: float | None = None,
    mix: float | None = None,
    colour: float | None = None,
    alpha_outside: float | None = None,
    mix_outside: float | None = None,
    colour_outside: float | None = None,
    weights: Mapping[str, float] | None = None,
    free: bool = False,
    pad: Sequence[str] | None = None,
    fade_in: float | None = None,
    where: str | None = None,
    mask: MaskChoice | str | Path | None = None,
    person_model: str | Path | None = None,
    steady: float | None = None,
    stroke: float | None = None,
    window: bool = False,
    sinks: str | Sequence[str] = (),
    on_frame: Callable[[Frame], None] | None = None,
    map: str | Path | None = None,
    midi: Sequence[str] = (),
    osc: str | int | None = None,
    scenes: str | Path | None = None,
    loop: bool = False,
    mirror: bool = False,
    engine: str = "auto",
    overwrite: bool = False,
    seconds: float | None = None,
    listener: Listener | None = None,
) -> Live:
    """Stylize a camera, a stream, the screen or a file as it comes, newest frame first.

        with stylefader.live(source=0, style="great_wave_lite") as session:
            session.alpha = 0.8
            for frame in session.frames():
                ...

    Args:
        source: A camera's number or name, a URL, `screen`, `testcard`, or a file.
        style: A style's name or a pack file, or several, between which `session.style` changes. Of a style in several
            sizes the largest plays that holds the frame rate; `NAME:SIZE` is one of them.
        style_image: A painting, or several, whose styles a palette among the styles plays at once; it needs a
            prediction network.
        lessons: How such styles get better while the session plays. None leaves them as they are.
        size: (width, height) of the picture.
        fps: The frame rate that such a style must hold. None is that of the source.
        alpha: Strength at first. None is the style's own.
        mix: From the original picture (0) to the stylized one (1), at first. None is 1.
        colour: From the style's colours (0) to those of the original (1), at first. None is 0.
        alpha_outside: As alpha, outside of the mask.
        mix_outside: As mix, outside of the mask. None is 0.
        colour_outside: As colour, outside of the mask.
        weights: Of the styles of a palette at first, by name. None is the style that is named, else the first.
        free: Whether these count as they stand, and not by their sum.
        pad: Four styles at the corners of a palette's pad. None are its first four.
        fade_in: The share of alpha's way that brings mix first, from 0 to below 1. None is none.
        where: Which part is stylized, as `--where` has it: `person`, `background`, `ellipse`, ...
        mask: A file whose white is inside, or a source of masks of your own.
        person_model: A segmenter for `person`. None is the one that was fetched.
        steady: How still the picture stands at rest at first, 0 to 1. None is 0.
        stroke: The size of the strokes at first: 0.67, 1, 1.5, 2 or 3. None is 1.
        window: Show it in a window. Then call `run` in the main thread.
        sinks: Where else it goes, as `--sink` has it: `show.mkv`, `virtualcam`, `rtmp://...`.
        on_frame: Called with every stylized frame, on a thread of its own; the newest ones where it is slow.
        map: A mapping file, for MIDI, keys, LFOs and sound.
        midi: Parts of the names of MIDI ports to listen to.
        osc: Listen to OSC at this port, or `HOST:PORT`.
        scenes: A file of scenes.
        loop: Files begin again at their end.
        mirror: Left and right exchanged.
        engine: `auto`, or an engine's name.
        overwrite: Replace recordings that exist.
        seconds: End after so long.
        listener: Told every event (`stylefader.realtime.session.events`), from any thread.

    Returns:
        The session, opened; `with` starts and closes it.

    Raises:
        StylefaderError: What is asked for cannot be had. Nothing stays open.
    """
    words = str(source)
    styles = (style,) if isinstance(style, str | Path) else tuple(style)
    images = (style_image,) if isinstance(style_image, str | Path) else tuple(style_image)
    if not styles:
        raise ControlError("a session needs a style at least")
    newest: NewestMailbox[Frame] = NewestMailbox()
    functions = (newest.put,) if on_frame is None else (newest.put, on_frame)
    source_config, picture = (
        SourceConfig(word=words, loop=loop),
        PictureConfig(width=size[0], height=size[1], fps=fps, mirror=mirror),
    )
    masks = mask_words(where, mask, person_model)
    find = find_live_mask(masks, source_options(source_config, picture))
    config = SessionConfig(
        source=source_config,
        picture=picture,
        style=StyleConfig(
            names=tuple(str(name) for name in styles),
            images=tuple(Path(image) for image in images),
            alpha=alpha,
            mix=mix,
            colour=colour,
            alpha_outside=alpha_outside,
            mix_outside=mix_outside,
            colour_outside=colour_outside,
            fade_in=fade_in,
            steady=steady,
            stroke=stroke,
            weights=weights,
            free=free,
            pad=None if pad is None else parse_corners(",".join(pad)),
            backend=engine,
            scenes=None if scenes is None else Path(scenes),
        ),
        sinks=SinkConfig(
            words=(sinks,) if isinstance(sinks, str) else tuple(sinks), overwrite=overwrite, functions=functions
        ),
        window=WindowConfig(shown=window),
        controls=ControlConfig(
            mapping=None if map is None else Path(map), midi=tuple(midi), osc=None if osc is None else str(osc)
        ),
        mask=mask if isinstance(mask, MaskChoice) else find(masks.word),
        find_mask=find,
        lessons=lessons,
        seconds=seconds,
    )
    return Live(open_session(config, listener=listener), newest, window=window)


class Live:
    """A live session, opened by `live`. Without a window it runs in the background between `with` and its end.

    Everything may be called from any thread, but `run`, which belongs to the main one.
    """

    def __init__(self, session: Session, newest: NewestMailbox[Frame], *, window: bool) -> None:
        self._session, self._newest, self._window = session, newest, window

    @property
    def alpha(self) -> npt.NDArray[np.float32]:
        """Where the strengths stand: float32, one a tuning-block. Set one number for all blocks, or one for each."""
        return self._session.alpha

    @alpha.setter
    def alpha(self, value: float | Sequence[float] | npt.NDArray[Any]) -> None:
        try:
            self._session.alpha = np.asarray(value, np.float32)
        except (TypeError, ValueError) as error:
            raise ControlError(f"alpha is one number, or one for each block, not {value!r:.80}") from error

    @property
    def mix(self) -> float:
        """From the original picture (0) to the stylized one (1). Set it."""
        return self._session.mix

    @mix.setter
    def mix(self, value: float) -> None:
        self._session.mix = value

    @property
    def colour(self) -> float:
        """From the style's colours (0) to those of the original picture (1). Set it."""
        return self._session.colour

    @colour.setter
    def colour(self, value: float) -> None:
        self._session.colour = value

    def move(self, parameter: str, value: float) -> None:
        """Move a parameter by its name, as `mix_outside` or `alpha_outside0`. Raises StylefaderError."""
        self._session.move(parameter, value)

    def change_mask(self, choice: MaskChoice | None) -> None:
        """Take masks of another source from now on, or of none. Raises StylefaderError, and the present one stays."""
        self._session.change_mask(choice)

    @property
    def style(self) -> str:
        """The style that was chosen last. Set another one of the session's to change over to it, with a cross-fade."""
        return self._session.style

    @style.setter
    def style(self, name: str) -> None:
        self._session.style = name

    def frames(self) -> Iterator[Frame]:
        """The newest stylized frames, until the session ends; those that come while you are busy are left out.

        Yields:
            Frames: `image` is uint8 (H, W, 3) RGB, stylized; `original` the picture before. Both are read-only, since
            other sinks have them too: copy what you draw on.

        Raises:
            StylefaderError: What the session died of.
        """
        quiet = 0
        while quiet < 2:  # after the end as well: the last frame may be under way
            frame = self._newest.take(_WAIT_S)
            if frame is not None:
                quiet = 0
                yield frame
            else:
                quiet = quiet + 1 if self.over and self._session.idle else 0
        self._session.wait(_JOIN_S)

    def snapshot(self) -> Snapshot:
        """Rates, latencies, drops, the style and its strengths at this moment."""
        return self._session.snapshot()

    def add_sink(self, word: str) -> str:
        """Send it to one more sink from now on, as `--sink` has it; returns the sink's name. Raises StylefaderError."""
        return self._session.add_sink(word)

    def remove_sink(self, name: str) -> None:
        """End a sink; a recording is finished first. Raises StylefaderError."""
        self._session.remove_sink(name)

    def play_painting(self, painting: str | Path) -> None:
        """Change to the style of a painting, said by a palette of the session. Raises StylefaderError if none says it.

        It becomes one more style; the listener is told how it went.
        """
        self._session.play_painting(Path(painting))

    def change_source(self, word: int | str | Path) -> None:
        """Take the frames of another source from now on. Raises StylefaderError, and the present one goes on then."""
        self._session.change_source(str(word))

    @property
    def over(self) -> bool:
        """Whether it has ended: by `close`, its source's end, or its time."""
        return self._session.over

    def run(self) -> None:
        """With a window: show it, in the main thread, until somebody closes it or the source ends.

        Without one: wait for the end. Raises StylefaderError.
        """
        if self._window:
            self._session.run()
        else:
            self._session.wait()

    def close(self) -> None:
        """End it within two seconds and finish recordings; harmless twice."""
        self._session.close()

    def __enter__(self) -> Self:
        self._session.start()
        if not self._window:
            self._session.run_in_background()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self._session.wait(0)
