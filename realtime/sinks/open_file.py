"""The right sink for a file name and for what comes in: a video, one picture, or numbered pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from stylefader.realtime.sinks.files.pictures import PictureSequenceSink, StillSink
from stylefader.realtime.sinks.files.video_file import VideoFileSink
from stylefader.realtime.sources.files.pictures import PictureSequenceSource, StillSource, is_picture, is_sequence
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.open_file import FileSource
from stylefader.training.errors import SinkError

FileSink = VideoFileSink | StillSink | PictureSequenceSink


def open_file_sink(
    path: str | Path,
    *,
    source: FileSource,
    width: int | None = None,
    height: int | None = None,
    codec: str | None = None,
    crf: int | None = None,
    overwrite: bool = False,
    exact_size: bool = False,
) -> FileSink:
    """The sink for `path`, made but not yet opened: use it with `with`. `source` must be open.

    width, height: of the frames that will come, those of the source by default. codec, crf, exact_size: of a video,
    into which sound, subtitles, chapters and metadata are carried over. A source with a `start` is written from time 0,
    a whole one at its own times. Raises SinkError for a pair of input and output that makes no sense.
    """
    path = Path(path)
    still = isinstance(source, StillSource)
    if is_picture(path) and not still:
        raise SinkError(
            f"{path} is a single picture, but {source.path} has many frames; "
            f"give a pattern like {path.stem}_%04d{path.suffix}, or a video file"
        )
    if still and not is_picture(path):
        raise SinkError(f"{source.path} is a single picture, so the output must be one too, not {path}; try out.png")
    sink: StillSink | PictureSequenceSink
    if still:
        sink = StillSink(path, overwrite=overwrite, inputs=[source.path])
    elif is_sequence(path):
        first = source.first_number if isinstance(source, PictureSequenceSource) else 1
        sink = PictureSequenceSink(path, first=first, overwrite=overwrite, inputs=_files_read(source))
        tracks = source.tracks if isinstance(source, VideoFileSource) else []
        if tracks or source.rate is None:
            sink.notes.append("pictures keep neither sound nor other tracks nor the time of each frame")
    else:
        assert not isinstance(source, StillSource)
        video = source if isinstance(source, VideoFileSource) else None
        return VideoFileSink(
            path,
            width=width or source.width,
            height=height or source.height,
            rate=source.rate,
            time_base=source.time_base,
            codec=codec,
            crf=crf,
            copy_from=video,
            origin=source.origin if source.start else Fraction(0),
            sample_aspect_ratio=source.sample_aspect_ratio,
            colour=source.colour,
            overwrite=overwrite,
            alpha=source.has_alpha,
            exact_size=exact_size,
        )
    if codec is not None or crf is not None:
        sink.notes.append("codec and quality have no effect on pictures")
    return sink


def _files_read(source: FileSource) -> list[Path]:
    if isinstance(source, PictureSequenceSource):
        return source.files()
    return [source.path]
