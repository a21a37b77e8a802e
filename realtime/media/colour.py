"""Which YCbCr a stream speaks, and the conversion from it to RGB and back.

Video files and cameras store YCbCr; everything between source and sink is RGB. The matrix (BT.601, BT.709,
BT.2020) and the range (full 0..255, limited 16..235) are taken from the stream where it says them and decided by
the picture's height where it does not. Colour code points are those of ITU-T H.273, as FFmpeg uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av.filter
import cv2
import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from stylefader.realtime.media.resizing import resized

UNSPECIFIED = 2

RGB_MATRIX = 0
BT709_MATRIX = 1
SMPTE170M_MATRIX = 6

BT709_PRIMARIES = 1
SMPTE170M_PRIMARIES = 6
BT709_TRANSFER = 1
SMPTE170M_TRANSFER = 6
SRGB_TRANSFER = 13
HDR_TRANSFERS = {16: "PQ (HDR10)", 18: "HLG"}

# H.273 matrix code point -> what swscale calls it. Constant-luminance BT.2020 (10) has no exact linear matrix;
# the non-constant one is what every player falls back to.
_SWSCALE_MATRIX = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}

# Without ACCURATE_RND and the full-chroma flags swscale takes short cuts that are off by several levels.
_EXACT = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
# Shrinking by bicubic would alias; area averaging takes every source pixel into account.
_EXACT_SHRINK = (
    Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ColourTags:
    """What the numbers in a stream mean, as H.273 code points (2: not said).

    matrix: RGB to YCbCr (0 RGB, 1 BT.709, 5 and 6 BT.601, 9 BT.2020). primaries: 1 BT.709, 6 BT.601, 9 BT.2020.
    transfer: 1 BT.709, 6 BT.601, 13 sRGB, 16 PQ, 18 HLG. full_range: luma from 0 to 255, else 16 to 235.
    """

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    full_range: bool = False


SRGB = ColourTags(matrix=RGB_MATRIX, primaries=BT709_PRIMARIES, transfer=SRGB_TRANSFER, full_range=True)


def matrix_for_height(height: int) -> int:
    """The matrix of an untagged stream: BT.601 for fewer than 720 lines, else BT.709."""
    return SMPTE170M_MATRIX if height < 720 else BT709_MATRIX


def tags_of(frame: VideoFrame) -> ColourTags:
    """The tags of a decoded frame, with matrix and range decided where the stream does not say them."""
    is_rgb = bool(frame.format.is_rgb) or frame.format.name == "pal8"
    matrix = int(frame.colorspace)
    if is_rgb:
        matrix = RGB_MATRIX
    elif matrix not in _SWSCALE_MATRIX:
        matrix = matrix_for_height(frame.height)
    full_range = is_rgb or frame.format.name.startswith("yuvj") or int(frame.color_range) == ColorRange.JPEG
    if _is_grey(frame) and int(frame.color_range) == ColorRange.UNSPECIFIED:
        full_range = True  # untagged grey comes from pictures and cameras, which use all 256 levels
    return ColourTags(
        matrix=matrix,
        primaries=int(frame.color_primaries) or UNSPECIFIED,
        transfer=int(frame.color_trc) or UNSPECIFIED,
        full_range=full_range,
    )


def tags_to_write(source: ColourTags | None, height: int) -> ColourTags:
    """The tags of a YCbCr stream of `height` lines made from frames that came with `source`; limited range."""
    if source is not None and source.matrix in _SWSCALE_MATRIX:
        return ColourTags(matrix=source.matrix, primaries=source.primaries, transfer=source.transfer)
    matrix = matrix_for_height(height)
    primaries, transfer = (
        (BT709_PRIMARIES, BT709_TRANSFER) if matrix == BT709_MATRIX else (SMPTE170M_PRIMARIES, SMPTE170M_TRANSFER)
    )
    if source is not None and source.primaries != UNSPECIFIED:
        primaries = source.primaries
    if source is not None and source.transfer != UNSPECIFIED:
        transfer = source.transfer
    return ColourTags(matrix=matrix, primaries=primaries, transfer=transfer)


def has_alpha(pixel_format: VideoFormat) -> bool:
    """Whether pictures of this format say how transparent each place is; a palette may."""
    return pixel_format.name == "pal8" or any(part.is_alpha for part in pixel_format.components)


def _is_grey(frame: VideoFrame) -> bool:
    return frame.format.name.startswith(("gray", "ya8", "ya16"))


# swscale always takes grey pictures as full range; this table stretches 16..235 afterwards.
_STRETCH = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


class ToRgb:
    """Decoded frames to RGB pictures: cut, scaled and converted in one pass of swscale over what is used of them.

    Keeps scaler and cutter between frames; one thread at a time.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._cutter = _Cutter()

    def __call__(
        self,
        frame: VideoFrame,
        tags: ColourTags,
        width: int,
        height: int,
        *,
        crop: tuple[int, int, int, int] | None = None,
    ) -> npt.NDArray[np.uint8]:
        """uint8 (height, width, 3) RGB, C-contiguous. An alpha channel is dropped.

        crop: the part of the frame that is used, x, y, width and height in pixels; all of it where None.
        """
        if crop is not None and crop != (0, 0, frame.width, frame.height):
            if not can_be_cut(frame, crop[0], crop[1]):
                x, y, across, down = crop
                part = self(frame, tags, frame.width, frame.height)[y : y + down, x : x + across]
                return resized(part, width, height)
            frame = self._cutter(frame, crop)
        if tags.matrix != RGB_MATRIX and not _is_grey(frame):
            return _interleaved(self._converted(frame, tags, width, height, "gbrp"))
        image = _packed(self._converted(frame, tags, width, height, "rgb24"))
        return _STRETCH[image] if _is_grey(frame) and not tags.full_range else image

    def with_alpha(self, frame: VideoFrame, tags: ColourTags) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """uint8 (H, W, 3) RGB and (H, W) alpha of a frame at its own size, both C-contiguous; nothing is mixed."""
        rgba = _packed(self._converted(frame, tags, frame.width, frame.height, "rgba"))
        image = np.ascontiguousarray(rgba[..., :3])
        if _is_grey(frame) and not tags.full_range:
            image = _STRETCH[image]
        return image, np.ascontiguousarray(rgba[..., 3])

    def _converted(self, frame: VideoFrame, tags: ColourTags, width: int, height: int, pixel_format: str) -> VideoFrame:
        matrix = _SWSCALE_MATRIX.get(tags.matrix, Colorspace.ITU709)
        shrinks = width < frame.width or height < frame.height
        return self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format=pixel_format,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=ColorRange.JPEG if tags.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT_SHRINK if shrinks else _EXACT,
        )


def _packed(picture: VideoFrame) -> npt.NDArray[np.uint8]:
    """The pixels of a picture in rgb24 or rgba, C-contiguous."""
    return np.ascontiguousarray(picture.to_ndarray(), dtype=np.uint8)


def _interleaved(picture: VideoFrame) -> npt.NDArray[np.uint8]:
    """The pixels of a picture in gbrp as (H, W, 3) RGB, C-contiguous.

    swscale writes the same values to rgb24, but without SIMD where chroma is interpolated exactly: three planes and
    `cv2.merge` take half to three quarters of that time.
    """
    planes: list[Any] = list(picture.planes)  # PyAV's stub does not say that a plane is a buffer
    green, blue, red = (
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width] for plane in planes
    )
    return np.asarray(cv2.merge((red, green, blue)), np.uint8)


def can_be_cut(frame: VideoFrame, x: int, y: int) -> bool:
    """Whether a part that begins at (x, y) can be cut without moving its colours (chroma) against its luma."""
    name, chroma = frame.format.name, frame.format
    if name == "pal8" or name.startswith(("mono", "bayer")) or not chroma.components:
        return False
    step_x, step_y = (round(32 / side) for side in (chroma.chroma_width(32), chroma.chroma_height(32)))
    return x % max(1, step_x) == 0 and y % max(1, step_y) == 0


class _Cutter:
    """A part of a frame as a frame of its own, on the same memory (FFmpeg's crop filter)."""

    def __init__(self) -> None:
        self._for: tuple[object, ...] = ()

    def __call__(self, frame: VideoFrame, crop: tuple[int, int, int, int]) -> VideoFrame:
        wanted = (frame.width, frame.height, frame.format.name, *crop)
        if wanted != self._for:
            x, y, width, height = crop
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
            )
            cut = graph.add("crop", f"{width}:{height}:{x}:{y}:exact=1")
            graph.link_nodes(source, cut, graph.add("buffersink")).configure()
            self._graph, self._for = graph, wanted
        self._graph.vpush(frame)
        return self._graph.vpull()


class FromRgb:
    """RGB pictures to video frames in one pixel format. Keeps the scaler between frames; one thread at a time."""

    def __init__(self, pixel_format: str, tags: ColourTags) -> None:
        self._scaler = VideoReformatter()
        self._pixel_format = pixel_format
        self._tags = tags

    def __call__(self, image: npt.NDArray[np.uint8]) -> VideoFrame:
        """A frame of its own memory from uint8 (H, W, 3) RGB, or (H, W, 4) RGBA where the format has alpha."""
        picture = VideoFrame.from_numpy_buffer(image, format="rgb24" if image.shape[2] == 3 else "rgba")
        matrix = _SWSCALE_MATRIX[self._tags.matrix]
        frame = self._scaler.reformat(
            picture,
            format=self._pixel_format,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self._tags.full_range else ColorRange.MPEG,
            interpolation=_EXACT,
        )
        frame.colorspace = self._tags.matrix
        frame.color_primaries = self._tags.primaries
        frame.color_trc = self._tags.transfer
        frame.color_range = ColorRange.JPEG if self._tags.full_range else ColorRange.MPEG
        return frame
