"""The right source for a file name: a video, one picture, or a pattern for numbered pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from realtime.sources.deinterlacing import Deinterlace
from realtime.sources.geometry import DEFAULT_FIT, Fit
from realtime.sources.pictures import PictureSequenceSource, StillSource, is_picture, is_sequence
from realtime.sources.video_file import VideoFileSource
from realtime.transparency import Colour
from training.errors import SourceError

FileSource = VideoFileSource | StillSource | PictureSequenceSource


def open_file_source(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    start: Fraction | None = None,
    stop: Fraction | None = None,
    rate: Fraction | None = None,
    fit: Fit | None = DEFAULT_FIT,
    deinterlace: Deinterlace = "auto",
    background: Colour | None = None,
) -> FileSource:
    """The source for `path`, made but not yet opened: use it with `with`.

    size: (width, height) to scale to. start, stop: the range in seconds. rate: frames a second of numbered
    pictures, 25 by default. fit, deinterlace, background: of a video, as `VideoFileSource` has them. Raises
    SourceError for settings that make no sense for this kind of file.
    """
    if is_sequence(path):
        return PictureSequenceSource(path, rate=rate or Fraction(25), size=size, start=start, stop=stop)
    if rate is not None:
        raise SourceError(f"a rate is for numbered pictures only; {path} is not a pattern like frame_%04d.png")
    if is_picture(path):
        if start is not None or stop is not None:
            raise SourceError(f"{path} is a single picture, which has no time; leave out start and end")
        return StillSource(path, size=size)
    return VideoFileSource(
        path, size=size, start=start, stop=stop, fit=fit, deinterlace=deinterlace, background=background
    )
