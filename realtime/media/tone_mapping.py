"""HDR pictures to BT.709 ones, so that networks, screens and files of 8 bits show them as they were meant.

The curves (`realtime/media/tone_curves.py`) are computed once, at the points of a cube, and FFmpeg's lut3d filter looks
between these. FFmpeg's own conversion takes 8 s of computing for each graph, and clips without it.
"""

from __future__ import annotations

import struct
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from stylefader.realtime.media.colour import (
    BT709_MATRIX,
    BT709_PRIMARIES,
    BT709_TRANSFER,
    HDR_TRANSFERS,
    UNSPECIFIED,
    ColourTags,
)
from stylefader.realtime.media.tone_curves import HLG_NITS, PQ_TRANSFER, WHITE_NITS, to_bt709

BT2020_PRIMARIES = 9
_BT2020_MATRICES = (9, 10)
TONE_MAPPED = ColourTags(matrix=BT709_MATRIX, primaries=BT709_PRIMARIES, transfer=BT709_TRANSFER)
"""What comes out is, once it is YCbCr again."""

# Points on each side of the cube: grey is within a level of the curves, and colours are on the average.
_POINTS = 49


def needs_tone_mapping(tags: ColourTags) -> bool:
    """Whether pictures so tagged are HDR, or have the wide gamut of BT.2020."""
    if tags.transfer in HDR_TRANSFERS or tags.primaries == BT2020_PRIMARIES:
        return True
    return tags.primaries == UNSPECIFIED and tags.matrix in _BT2020_MATRICES


def words_for(tags: ColourTags) -> str:
    """What such pictures are called."""
    return HDR_TRANSFERS.get(tags.transfer, "BT.2020")


def peak_of(picture: VideoFrame) -> float:
    """Nits of the brightest place, as the mastering metadata of a picture says, else 1000."""
    side_data: Any = picture.side_data  # PyAV's stub knows fewer kinds than PyAV
    try:
        found = side_data["MASTERING_DISPLAY_METADATA"]
    except KeyError:
        return HLG_NITS
    # AVMasteringDisplayMetadata: ten fractions of two ints, the last one the greatest luminance, then two flags.
    numbers = struct.unpack("<22i", bytes(found)[:88])
    above, below, has_luminance = numbers[18], numbers[19], numbers[21]
    if not has_luminance or below <= 0:
        return HLG_NITS
    return float(min(max(above / below, WHITE_NITS), 10000))


class ToneMapper:
    """Pictures of one file to BT.709 in planar RGB of 16 bits, full range. One thread at a time.

    tags: of the pictures. peak: nits of their brightest place.
    """

    def __init__(self, tags: ColourTags, peak: float) -> None:
        self._tags = tags
        self._peak = round(peak) if tags.transfer == PQ_TRANSFER else round(HLG_NITS)
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def __call__(self, picture: VideoFrame) -> VideoFrame:
        """The picture in BT.709; its alpha, where it has one, is dropped. Raises av.FFmpegError."""
        shape = (picture.width, picture.height, picture.format.name)
        if self._graph is None or shape != self._shape:
            self._graph, self._shape = self._made(picture), shape
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _made(self, picture: VideoFrame) -> Graph:
        matrix = 0 if picture.format.is_rgb else 9
        graph = Graph()
        with tempfile.TemporaryDirectory(prefix="stylefader-") as folder:
            cube = Path(folder) / "tones.cube"
            cube.write_text(cube_text(self._tags.transfer, self._peak))
            source = graph.add(
                "buffer",
                video_size=f"{picture.width}x{picture.height}",
                pix_fmt=picture.format.name,
                time_base=str(picture.time_base or 1),
                pixel_aspect="1/1",
                colorspace=str(matrix),
                range=str(2 if self._tags.full_range else 1),
            )
            to_rgb = graph.add(
                "scale", in_color_matrix="bt2020", flags="bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
            )
            as_rgb = graph.add("format", pix_fmts="gbrp16le", color_ranges="pc")
            looked_up = graph.add("lut3d", file=str(cube), interp="tetrahedral")
            graph.link_nodes(source, to_rgb, as_rgb, looked_up, graph.add("buffersink"))
            graph.configure()
        return graph


@lru_cache(maxsize=4)
def cube_text(transfer: int, peak: int) -> str:
    """The curves as a file of Adobe's .cube format: red changes fastest."""
    steps = np.linspace(0, 1, _POINTS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = to_bt709(np.stack([red, green, blue], -1).reshape(-1, 3), transfer, peak)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in colours.tolist())
    return f"LUT_3D_SIZE {_POINTS}\n{rows}\n"
