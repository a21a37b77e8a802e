"""The conversions of `stylefader bench frame`: the ways from a decoded frame to RGB, measured in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame

    Image = np.ndarray[Any, np.dtype[np.uint8]]


def conversions(source: tuple[int, int], size: tuple[int, int], times: int) -> dict[str, Any]:
    """Processor time of each way for one frame of FFmpeg's test picture in 4:2:0, and how alike their pictures are.

    Args:
        source: (width, height) of the decoded frame.
        size: (width, height) of the session.
        times: How often each way has its turn.

    Returns:
        `ms`: the medians by name, in milliseconds. convert: one pass to the session's size, as in a session. packed:
        the same pass into swscale's packed RGB. whole: packed RGB of the source's size, then scaled by OpenCV.
        render_in: one pass to the source's size. render_in_packed: the same into packed RGB. render_out: from RGB of
        the source's size back to 4:2:0. `same`: whether convert and packed give equal pictures. `psnr_db`: of the
        pictures of convert and whole.
    """
    import cv2
    import numpy as np

    from stylefader.realtime.media.colour import FromRgb, tags_to_write
    from stylefader.realtime.sources.decoded import VideoPicture
    from stylefader.realtime.sources.geometry import place
    from stylefader.realtime.sources.picture_maker import PictureMaker

    frame = _test_picture(*source)
    picture = VideoPicture(frame, PictureMaker())
    placement, own = place(*source, size, fit="stretch"), picture.as_it_is()
    to_size, to_source = _packed(frame, *size), _packed(frame, *source)
    full = picture.convert(own).image
    from_rgb = FromRgb("yuv420p", tags_to_write(None, source[1]))

    def convert() -> Image:
        return picture.convert(placement).image

    def whole() -> Image:
        return np.asarray(cv2.resize(to_source(), size, interpolation=cv2.INTER_AREA), np.uint8)

    ms = _in_turns_ms(
        {
            "convert": convert, "packed": to_size, "whole": whole, "render_in": lambda: picture.convert(own),
            "render_in_packed": to_source, "render_out": lambda: from_rgb(full),
        },
        times,
    )  # fmt: skip
    error = float(np.mean((convert().astype(np.float64) - whole()) ** 2))
    return {
        "ms": ms,
        "same": bool((convert() == to_size()).all() and (full == to_source()).all()),
        "psnr_db": round(10 * float(np.log10(255**2 / max(error, 1e-6))), 1),
    }


def _test_picture(width: int, height: int) -> VideoFrame:
    import av

    with av.open(f"testsrc2=size={width}x{height},format=yuv420p", format="lavfi") as container:
        return next(iter(container.decode(video=0)))


def _packed(frame: VideoFrame, width: int, height: int) -> Callable[[], Image]:
    """A function that makes packed RGB of the frame at that size, with swscale's exact flags."""
    import numpy as np
    from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

    from stylefader.realtime.media.colour import tags_of

    scaler = VideoReformatter()
    shrinks = width < frame.width or height < frame.height
    how = Interpolation.AREA if shrinks else Interpolation.BICUBIC
    matrix = {1: 1, 6: 5}[tags_of(frame).matrix]  # H.273 to swscale: BT.709, BT.601

    def convert() -> Image:
        rgb = scaler.reformat(
            frame, width=width, height=height, format="rgb24", src_colorspace=matrix, dst_colorspace=matrix,
            src_color_range=ColorRange.MPEG, dst_color_range=ColorRange.JPEG,
            interpolation=how | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
        )  # fmt: skip
        return np.ascontiguousarray(rgb.to_ndarray(), np.uint8)

    return convert


def _in_turns_ms(ways: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Processor time of one call of each, in milliseconds: the median of rounds in which each has its turn."""
    for way in ways.values():
        way()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            began = time.process_time()
            way()
            spent[name].append((time.process_time() - began) * 1e3)
    return {name: round(statistics.median(rounds), 3) for name, rounds in spent.items()}
