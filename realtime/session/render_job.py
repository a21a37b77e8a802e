"""A whole render as one value: what goes in, what comes out, the style and how its strength moves.

`RenderJob` describes it and `run_job` does it. A `Watcher` is told how it goes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stylefader.engines import Engine, Precision
    from stylefader.realtime.masks.base import MaskChoice
    from stylefader.realtime.media.transparency import Colour
    from stylefader.realtime.parameters.style_pad import Corners
    from stylefader.realtime.session.mask_words import MaskWords
    from stylefader.realtime.sinks.open_file import FileSink
    from stylefader.realtime.sources.deinterlacing import Deinterlace
    from stylefader.realtime.sources.geometry import Fit
    from stylefader.training.packs.pack_file import PackFile


_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """What a render is made from.

    Attributes:
        source: A video, a picture, a moving picture, or numbered pictures as `shots/%04d.png`.
        output: What to write, of the same kind.
        style: A name or a pack file; with `style_image` None is the first palette that says style vectors.
        style_image: A painting whose style that palette plays.
        alpha: Keyframes as on the command line, or one strength; None is the pack's default.
        mix: The same for mix, from the original picture (0) to the stylized one (1); None is 1.
        colour: The same for colour, from the style's colours (0) to the original's (1); None is 0.
        alpha_outside, mix_outside, colour_outside: The same outside of the mask; None is the pack's default, 0 and 0.
        mask_words: What was said of masks. Where no word decides, the masks that a take has count.
        mask: A source of masks of one's own, in place of words.
        weights: Of a palette's styles, by name or as `starry_night=0.5,udnie=0.5`; None is the style that is named.
        free: Whether these count as they stand, and not by their sum.
        pad: Four styles at the corners of a palette's pad, as `A,B,C,D`; None is its first four.
        fade_in: The share of alpha's way, from its 0, that brings mix from 0 to its value; None is none.
        steady: How still the picture stands where the clip does, 0 to 1; None is 0.
        stroke: As `mix`, for the size of the strokes: 0.67, 1, 1.5, 2 or 3, of which the nearest counts; None is 1.
        automation: Keyframes from a CSV file, or from a MIDI file with `map`.
        map: A mapping file.
        start: Seconds of the clip at which the render begins.
        stop: Seconds before which it ends.
        size: (width, height) to render at.
        fit: How a picture of other proportions is brought to the size.
        rate: Frames a second of numbered pictures.
        background: RGB to put behind transparent places; None keeps them if the output can hold them.
        engine: A name, or `auto`.
        precision: Of the engine, as for `open_engine`.
        cache_dir: Where built engines are kept; None is the user's cache folder.
        codec: Of a video that is written.
        crf: Its quality; lower is better.
        deinterlace: `auto` or `off`.
        exact_size: Whether a video keeps an odd size.
        overwrite: Whether the output may replace a file.
    """

    source: str
    output: str
    style: str | None = None
    style_image: Path | None = None
    alpha: str | float | None = None
    mix: str | float | None = None
    colour: str | float | None = None
    alpha_outside: str | float | None = None
    mix_outside: str | float | None = None
    colour_outside: str | float | None = None
    weights: str | Mapping[str, float] | None = None
    free: bool = False
    pad: str | Corners | None = None
    mask_words: MaskWords | None = None
    mask: MaskChoice | None = None
    fade_in: float | None = None
    steady: float | None = None
    stroke: str | float | None = None
    automation: Path | None = None
    map: Path | None = None
    start: Fraction | None = None
    stop: Fraction | None = None
    size: tuple[int, int] | None = None
    fit: Fit = "cover"
    rate: Fraction | None = None
    background: Colour | None = None
    engine: str = "auto"
    precision: Precision = "auto"
    cache_dir: Path | None = None
    codec: str | None = None
    crf: int | None = None
    deinterlace: Deinterlace = "auto"
    exact_size: bool = False
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class RenderResult:
    """What a render wrote. seconds: of all; render_seconds: without opening; engine_seconds: in the engine's calls.

    notes: what could not be kept exactly, in words.
    """

    output: str
    frames: int
    width: int
    height: int
    style: str
    engine: str
    precision: str
    seconds: float
    render_seconds: float
    engine_seconds: float
    notes: tuple[str, ...]

    @property
    def fps(self) -> float:
        """Frames a second while rendering."""
        return self.frames / self.render_seconds


class Watcher:
    """Told how a job goes, in the thread that runs it. This class does nothing; subclasses override its methods."""

    @contextmanager
    def reading(self, file: Path) -> Iterator[Callable[[float], None]]:
        """Around the reading of a file that may be large: gives what is told how much is done, from 0 to 1."""
        yield lambda share: None

    def opening(self, sink: FileSink) -> None:
        """The output is about to be opened, the engine after it. `sink.abort` leaves nothing of it."""

    def note(self, words: str) -> None:
        """Something could not be kept exactly, or is not as asked for."""

    def kept_within(self, name: str, low: float, high: float) -> None:
        """The values of a parameter that were asked for leave the style's range, in which they are kept."""

    def report(self, words: str) -> None:
        """Something that takes long begins."""

    def opened(self, sink: FileSink, engine: Engine, why: str) -> None:
        """All is open. why: which engine it is, in a short line."""

    def begins(self, title: str, width: int, height: int, *, seconds_each: float, total: int | None) -> None:
        """The frames begin. seconds_each: about how long one takes; total: how many there are, where that is known."""

    @contextmanager
    def rendering(self, total: int | None) -> Iterator[Callable[[int], None]]:
        """Around the frames: gives what is told how many are done."""
        yield lambda frames: None


def run_job(job: RenderJob, watcher: Watcher | None = None) -> RenderResult:
    """Render it.

    Raises:
        StylefaderError: It cannot be rendered, with the reason in one line; no partial output is left.
    """
    watcher = watcher or Watcher()
    _log.info("render %s", job)
    try:
        result = _run(job, watcher)
    except Exception as error:
        _log.error("the render ended: %s", error, exc_info=error)
        raise
    _log.info("rendered %s", result)
    return result


def _pack_of(job: RenderJob) -> PackFile:
    """What plays. Raises PackError or SourceError."""
    from stylefader.training.errors import PackError
    from stylefader.training.packs.open_style import open_style

    asked = [] if job.style is None else [open_style(job.style)]
    if job.style_image is not None:
        from stylefader.engines.predicting import with_paintings

        return with_paintings(asked, [job.style_image])
    if not asked:
        raise PackError("a render needs a style: --style NAME, or --style-image PAINTING for a palette's own choice")
    return asked[0]


def _run(job: RenderJob, watcher: Watcher) -> RenderResult:
    from stylefader.realtime.controls.mapping.mapping import Mapping, read_mapping
    from stylefader.realtime.masks.clip import ClipOptions
    from stylefader.realtime.parameters.fade_in import check_fade_in
    from stylefader.realtime.parameters.parameter import parameters_of, sizes_of
    from stylefader.realtime.session.mask_words import MaskWords
    from stylefader.realtime.session.render_alpha import alpha_over_time, read_take, with_steady
    from stylefader.realtime.session.render_mask import idle_parameters, mask_of_render, without_effect
    from stylefader.realtime.session.render_palette import corners_of, with_mix
    from stylefader.realtime.sources.geometry import check_fit
    from stylefader.realtime.sources.options import LiveOptions

    pack = _pack_of(job)
    header = pack.header
    if pack.family is not None:
        watcher.note(f"{pack.style} is rendered by its largest size, {pack.size} ({header.name})")
    mapping = read_mapping(job.map) if job.map is not None else Mapping()
    fade_in = check_fade_in(job.fade_in)
    taken = read_take(job.automation, alpha=job.alpha)
    choice, said_of_choice = mask_of_render(
        job.mask_words or MaskWords(), job.mask, taken=taken, moved=mapping.moved,
        clip=ClipOptions(placed=LiveOptions(fit=check_fit(job.fit)), rate=job.rate),
    )  # fmt: skip
    # What a mask has may be moved without it, with a note: a take has all that was played.
    parameters = parameters_of(header, () if choice is None else choice.parameters, chosen=pack.chosen)
    idle = idle_parameters(taken, parameters)
    parameters = (*parameters, *idle)
    corners = corners_of(job.pad, pack, parameters)
    names = ("mix", "colour", "stroke", "alpha_outside", "mix_outside", "colour_outside")
    others = {name: getattr(job, name) for name in names}
    keyframes, notes = alpha_over_time(
        job.alpha, taken or job.automation, mapping, job.map, parameters, others=others, reading=watcher.reading
    )
    keyframes = with_mix(keyframes, pack, parameters, weights=job.weights, free=job.free, corners=corners)
    if job.free and not header.styles:
        notes = [*notes, f"--free does nothing: {pack.style} is no palette"]
    if job.steady is not None:
        keyframes = with_steady(keyframes, job.steady)
    keyframes.check(sizes_of(parameters))
    if fade_in and not parameters[0].size:
        notes = [*notes, "--fade-in does nothing: this style has no alpha"]
    notes += [*said_of_choice, *without_effect(keyframes, header, idle, masked=choice is not None)]

    # Heavy imports only once the words have proved to be good.
    from stylefader.realtime.sources.deinterlacing import parse_deinterlace
    from stylefader.realtime.sources.files.pictures import is_picture
    from stylefader.realtime.sources.open_file import open_file_source

    with open_file_source(
        job.source,
        size=job.size,
        fit=check_fit(job.fit),
        start=job.start,
        stop=job.stop,
        rate=job.rate,
        deinterlace=parse_deinterlace(job.deinterlace),
        background=job.background,
        one_picture=is_picture(job.output),
    ) as source:
        from stylefader.realtime.session.render_alpha import modulated
        from stylefader.realtime.sinks.open_file import open_file_sink

        sink = open_file_sink(
            job.output, source=source, codec=job.codec, crf=job.crf, overwrite=job.overwrite, exact_size=job.exact_size
        )
        from stylefader.engines import open_engine
        from stylefader.realtime.masks.base import notes_of
        from stylefader.realtime.parameters.parameter import STROKE, within
        from stylefader.realtime.pipeline.render import render, seconds_per_frame
        from stylefader.realtime.session.stroke_engines import StrokeEngines

        began = time.monotonic()
        with ExitStack() as stack:
            # The sink first: it refuses a bad output at once, the engine takes seconds to compile.
            watcher.opening(sink)
            stack.enter_context(sink)
            played = modulated(
                keyframes, mapping, source, parameters, origin=str(job.map), closing=stack, corners=corners
            )
            for parameter in parameters:
                asked, (lowest, highest) = keyframes.bounds(parameter.name), parameter.bounds()
                if parameter.size and asked is not None and (asked[0] < lowest or asked[1] > highest):
                    watcher.kept_within(parameter.name, lowest, highest)
            said = len(sink.notes)
            for note in [*notes, *sink.notes]:
                _log.info("note: %s", note)
                watcher.note(note)
            engines = StrokeEngines(
                header, source.height, source.width, report=watcher.report,
                opens=lambda height, width: open_engine(
                    pack, height, width, backend=job.engine, precision=job.precision, goal="throughput",
                    cache_dir=job.cache_dir, report=watcher.report, masked=choice is not None,
                ),
            )  # fmt: skip
            stack.callback(engines.close)
            first = within(played.values(job.start or Fraction(0), parameters), parameters)
            engine, why = engines.open(first, keyframes.bounds(STROKE))
            mask = None if choice is None else choice.open(source.height, source.width)
            if mask is not None:
                stack.callback(mask.close)
            each = seconds_per_frame(engine)
            total = source.frame_count
            _log.info("engine: %s; %s", why, "; ".join(engine.reasons))
            watcher.opened(sink, engine, why)
            watcher.begins(header.title, source.width, source.height, seconds_each=each, total=total)
            with watcher.rendering(total) as report:
                done = render(
                    source, sink, engine, played, parameters, styles=pack.style_vectors(), mask=mask, fade_in=fade_in,
                    choose=engines, report=report,
                )  # fmt: skip
        if done.empty:
            notes = [
                *notes,
                f"every weight was 0 in {done.empty} frame{'s' if done.empty != 1 else ''}: the mix before held",
            ]
            watcher.note(notes[-1])
        said_of_mask = notes_of(mask)
        for note in [*source.notes, *said_of_mask, *sink.notes[said:]]:
            watcher.note(note)
        width, height = getattr(sink, "size", (source.width, source.height))
        return RenderResult(
            output=job.output,
            frames=done.frames,
            width=width,
            height=height,
            style=pack.style,
            engine=engine.name,
            precision=engine.precision,
            seconds=time.monotonic() - began,
            render_seconds=done.seconds,
            engine_seconds=done.engine_seconds,
            notes=(*notes, *source.notes, *said_of_mask, *sink.notes),
        )
