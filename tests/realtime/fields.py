"""Interlaced clips made for a test, and how far their lines stand apart."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.filter import Graph
from av.video.frame import VideoFrame


def fields_clip(path: Path, first: str | None, *, codec: str = "libx264") -> Path:
    """A white bar that moves 16 pixels a field over black, 8 frames; first: `top` or `bottom`, None is not marked.

    ProRes says its fields once for the file, in a box of it; H.264 in every frame.
    """
    options = {"libx264": {"g": "4", "crf": "1"}, "prores_ks": {"profile": "hq"}}[codec]
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25, width=320, height=64, options=options)
        stream.pix_fmt = "yuv420p" if codec == "libx264" else "yuv422p10le"
        if first is not None and codec == "libx264":
            stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        if first is not None and codec != "libx264":
            stream.codec_context.field_order = {"top": 2, "bottom": 3}[first]
        marks = Graph()
        mode = {"top": "tff", "bottom": "bff", None: "prog"}[first if codec == "libx264" else None]
        source = marks.add_buffer(width=320, height=64, format=stream.format, time_base=Fraction(1, 25))
        marks.link_nodes(source, marks.add("setfield", mode=mode), marks.add("buffersink")).configure()
        for at in range(8):
            image = np.zeros((64, 320, 3), np.uint8)
            for field in (0, 1):
                left = 16 * (2 * at + field)
                lines = field if first != "bottom" else 1 - field
                image[lines::2, left : left + 32] = 255
            picture = VideoFrame.from_ndarray(image).reformat(format=stream.pix_fmt)
            picture.pts, picture.time_base = at, Fraction(1, 25)
            marks.vpush(picture)
            output.mux(stream.encode(marks.vpull()))
        output.mux(stream.encode(None))
    return path


def combs(image: np.ndarray) -> float:
    """How much neighbouring lines differ, 0 to 255, on the average."""
    return float(np.abs(np.diff(image.astype(int), axis=0)).mean())
