"""Clips: their frames one by one, and whole renders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.realtime.session.render_job import RenderJob, RenderResult, Watcher, run_job
from stylefader.training.errors import SourceError

if TYPE_CHECKING:
    from stylefader.realtime.masks.base import MaskChoice
    from stylefader.realtime.media.frame import Frame


def frames(
    source: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fit: str = "cover",
    start: float | Fraction | None = None,
    stop: float | Fraction | None = None,
) -> Iterator[Frame]:
    """The frames of a file, in order, none left out.

    Args:
        source: A video, a picture, a moving picture (GIF, APNG, WebP, AVIF), or numbered pictures as `shots/%04d.png`.
        size: (width, height) to have them at. None is their own size.
        fit: With `size`: `cover`, `contain` or `stretch`.
        start: Begin at this time in seconds.
        stop: End before this time in seconds.

    Yields:
        Frames: `image` is uint8 (H, W, 3) RGB and yours to keep, `pts` its time in seconds, exact.

    Raises:
        StylefaderError: The file cannot be read.
    """
    from stylefader.realtime.sources.geometry import check_fit
    from stylefader.realtime.sources.open_file import open_file_source

    opened = open_file_source(source, size=size, fit=check_fit(fit), start=_exact(start), stop=_exact(stop))
    with opened as source_of_frames:
        yield from source_of_frames


def render(
    source: str | Path,
    output: str | Path,
    *,
    style: str | Path,
    alpha: str | float | Sequence[float] | None = None,
    mix: str | float | None = None,
    colour: str | float | None = None,
    size: tuple[int, int] | None = None,
    start: float | Fraction | None = None,
    stop: float | Fraction | None = None,
    where: str | None = None,
    mask: MaskChoice | str | Path | None = None,
    person_model: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    **others: Any,
) -> RenderResult:
    """Stylize a whole file: same timestamps, sound and subtitles kept, alpha moving by keyframes.

    Args:
        source: A video, a picture, a moving picture, or numbered pictures as `shots/%04d.png`.
        output: What to write, of the same kind.
        style: A style's name, or a pack file.
        alpha: Keyframes such as `"0s:0 2s:1 4s:0.2,1,0.5"`, one strength, or one for each
            block. None is the style's default.
        mix: Keyframes or a number, from the original picture (0) to the stylized one (1). None is 1.
        colour: The same from the style's colours (0) to those of the original (1). None is 0.
        size: (width, height) to render at. None is the source's own.
        start: Begin at this time in seconds.
        stop: End before this time in seconds.
        where: Which part is stylized, as `--where` has it: `person`, `background`, `ellipse`, ...
        mask: A file whose white is inside, or a source of masks of your own.
        person_model: A segmenter for `person`. None is the one that was fetched.
        overwrite: Replace the output if it exists.
        progress: Told how many frames are done, and of how many where that is known.
        **others: Whatever else a `stylefader.realtime.session.render_job.RenderJob` has, as `codec` or `automation`.

    Returns:
        What was written: frames, size, seconds, and notes on what could not be kept exactly.

    Raises:
        StylefaderError: It cannot be rendered. No partial output is left.
    """
    for name in ("automation", "map", "cache_dir", "style_image"):
        if isinstance(others.get(name), str):
            others[name] = Path(others[name])
    from stylefader.realtime.session.mask_words import mask_words

    job = RenderJob(
        source=str(source),
        output=str(output),
        style=str(style),
        alpha=alpha if alpha is None or isinstance(alpha, str | int | float) else ",".join(map(str, alpha)),
        mix=mix,
        colour=colour,
        mask_words=mask_words(where, mask, person_model),
        mask=None if isinstance(mask, str | Path) else mask,
        size=size,
        start=_exact(start),
        stop=_exact(stop),
        overwrite=overwrite,
        **others,
    )
    return run_job(job, None if progress is None else _Progress(progress))


class _Progress(Watcher):
    def __init__(self, progress: Callable[[int, int | None], None]) -> None:
        self._progress = progress

    @contextmanager
    def rendering(self, total: int | None) -> Iterator[Callable[[int], None]]:
        yield lambda frames: self._progress(frames, total)


def _exact(seconds: float | Fraction | None) -> Fraction | None:
    try:
        return None if seconds is None else Fraction(seconds).limit_denominator(10**9)
    except (TypeError, ValueError, OverflowError) as error:
        raise SourceError(f"a time is a number of seconds, not {seconds!r:.80}") from error
