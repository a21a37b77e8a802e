"""The right source for a file name: a video, a picture, a moving picture, or a pattern for numbered pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from stylefader.realtime.media.transparency import Colour
from stylefader.realtime.sources.deinterlacing import Deinterlace
from stylefader.realtime.sources.files.moving_picture import MovingPictureSource, is_moving_picture
from stylefader.realtime.sources.files.pictures import PictureSequenceSource, StillSource, is_picture, is_sequence
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.geometry import DEFAULT_FIT, Fit
from stylefader.training.errors import SourceError
from stylefader.training.reading.pictures import picture_kind

FileSource = VideoFileSource | StillSource | PictureSequenceSource | MovingPictureSource


def open_file_source(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = DEFAULT_FIT,
    start: Fraction | None = None,
    stop: Fraction | None = None,
    rate: Fraction | None = None,
    deinterlace: Deinterlace = "auto",
    background: Colour | None = None,
    one_picture: bool = False,
) -> FileSource:
    """The source for `path`, made but not yet opened: use it with `with`.

    size: (width, height) to scale to, by fit. start, stop: the range in seconds. rate: frames a second of numbered
    pictures and of the pages of a TIFF file, 25 by default. deinterlace: of a video, as `VideoFileSource` has it.
    background: what is put behind transparent places, for good. one_picture: of a moving picture only the first is
    wanted. Raises SourceError for settings that make no sense for this kind of file.
    """
    if is_sequence(path):
        return PictureSequenceSource(
            path, rate=rate or Fraction(25), size=size, fit=fit, start=start, stop=stop, background=background
        )
    # What a file holds counts more than its name: FFmpeg would open one tile of a HEIC picture as a video.
    picture = is_picture(path) or picture_kind(Path(path)) is not None
    if picture and not one_picture and is_moving_picture(path):
        return MovingPictureSource(
            path, size=size, fit=fit, start=start, stop=stop, page_rate=rate, background=background
        )
    if rate is not None:
        raise SourceError(f"a rate is for numbered pictures only; {path} is not a pattern like frame_%04d.png")
    if picture:
        if start is not None or stop is not None:
            raise SourceError(f"{path} is a single picture, which has no time; leave out start and end")
        return StillSource(path, size=size, fit=fit, background=background)
    return VideoFileSource(
        path, size=size, fit=fit, start=start, stop=stop, deinterlace=deinterlace, background=background
    )
