"""Sounds of known levels, and clips that have them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float64]


def tone(hertz: float, db: float, seconds: float, rate: int = 48000) -> Sound:
    """A sine whose peak is `db` below full scale: (n,)."""
    return 10 ** (db / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def silence(seconds: float, rate: int = 48000) -> Sound:
    return np.zeros(round(seconds * rate))


def beat(seconds: float, *, every: float = 0.5, rate: int = 48000) -> Sound:
    """A kick drum, full scale at its loudest, every so many seconds from 0 on."""
    at = np.arange(round(seconds * rate)) / rate % every
    return np.sin(2 * np.pi * (50 * at + 3 * (1 - np.exp(-at / 0.03)))) * np.exp(-at / 0.08)


def clip_with_sound(
    path: Path,
    sound: Sound,
    *,
    frames: int = 50,
    picture_rate: Fraction = Fraction(25),
    rate: int = 48000,
    codec: str = "pcm_f32le",
    layout: str = "mono",
    picture_starts: Fraction = Fraction(0),
    sound_starts: Fraction = Fraction(0),
    gap: tuple[float, float] | None = None,
    size: tuple[int, int] = (64, 48),
) -> Path:
    """A clip with that sound: (n,), or (channels, n) of the layout. gap: (at, length): timestamps jump there."""
    channels = np.atleast_2d(sound)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=picture_rate, width=size[0], height=size[1])
        video.codec_context.pix_fmt, video.codec_context.options = "yuv420p", {"g": "8", "bf": "0"}
        stream: Any = output.add_stream(codec, rate=rate, layout=layout)
        step = stream.codec_context.frame_size or 1024
        form = stream.codec_context.format.name
        for at in range(frames):
            image = np.full((size[1], size[0], 3), at * 5 % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(image).reformat(format="yuv420p")
            frame.time_base = Fraction(1, 90000)
            frame.pts = round((picture_starts + at / picture_rate) * 90000)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for begin in range(0, channels.shape[1], step):
            piece = channels[:, begin : begin + step].astype(np.float32)
            if not form.startswith("flt"):
                piece = (piece * 32767).astype(np.int16)
            data = piece if form.endswith("p") else piece.T.reshape(1, -1)
            part = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), format=form, layout=layout)
            part.sample_rate, part.time_base = rate, Fraction(1, rate)
            later = round(gap[1] * rate) if gap is not None and begin >= gap[0] * rate else 0
            part.pts = begin + round(sound_starts * rate) + later
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return path
