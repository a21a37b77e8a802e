"""The sound track of a file, decoded from its beginning: samples without gaps, and the levels of bands over time.

A pass of its own through the file, beside the one that copies the packets. It streams: memory holds a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from stylefader.realtime.sound.bands import Band, BandMeter, Floats
from stylefader.realtime.sources.open_container import open_container, reason
from stylefader.training.errors import SourceError

_TOLERANCE = Fraction(1, 20)
"""How far timestamps may be from the samples' own count: less is rounding."""
_NEW_BEGINNING = Fraction(1)
"""A step back of more than this is a new beginning (joined recordings), as for pictures."""
_PIECE_S = 0.5

Samples = npt.NDArray[np.float32]


class Levels(NamedTuple):
    """Consecutive levels. times: (n,) seconds as players show them. levels: dB (n, bands, 3). sounding: not the end."""

    times: Floats
    levels: Floats
    sounding: bool


class SoundTrack:
    """The main sound track of a file. Mono counts as left and right, more than two channels are mixed down to two.

    clock_zero: the file's timestamp of t = 0, as `VideoFileSource` has it. Raises SourceError for a file without sound,
    or whose sound cannot be decoded. `close` twice is harmless.
    """

    def __init__(self, path: Path, *, clock_zero: Fraction = Fraction(0)) -> None:
        self.path = path
        self._zero = clock_zero
        self._container = open_container(path)
        try:
            stream = self._container.streams.best("audio")
            if not isinstance(stream, AudioStream):
                raise SourceError(f"{path} has no sound track")
            if stream.codec_context is None:
                raise SourceError(f"{path}: this FFmpeg has no decoder for its sound")
            self._stream: AudioStream = stream
            self._frames = self._decoded()
            first = next(self._frames, None)
            if first is None:
                raise SourceError(f"{path}: its {stream.codec_context.name} sound cannot be decoded")
        except BaseException:
            self.close()
            raise
        self._first = first
        self.rate = first.sample_rate
        self.start = self._place(first) or Fraction(0)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def levels(self, meter: BandMeter) -> Iterator[Levels]:
        """Levels of the track in turn, on `meter`, whose bands may be changed meanwhile; silence for ever at the end.

        meter: a fresh one of the track's rate. Raises nothing: where the file breaks off, the sound ends.
        """
        for samples in _pieces(self.samples(), round(self.rate * _PIECE_S)):
            yield self._timed(meter, samples, True)
        yield self._timed(meter, np.zeros((meter.window, 2), np.float32), True)
        while True:
            yield self._timed(meter, np.zeros((round(self.rate * _PIECE_S), 2), np.float32), False)

    def samples(self) -> Iterator[Samples]:
        """All samples, (n, 2), from `start` on: where the timestamps leave a gap there is silence."""
        resampler: Any = None
        count, shift = 0, Fraction(0)
        frame: AudioFrame | None = self._first
        while frame is not None:
            place = self._place(frame)
            here = self.start + Fraction(count, self.rate)
            skip = 0
            if place is not None:
                gap = place + shift - here
                if gap < -_NEW_BEGINNING:
                    shift -= gap
                elif gap < -_TOLERANCE:
                    skip = round(-gap * self.rate)
                elif gap > _TOLERANCE:
                    for silence in _silence(round(gap * self.rate), self.rate):
                        count += len(silence)
                        yield silence
            try:
                resampler = resampler or self._resampler(frame)
                parts = resampler.resample(frame)
            except (ValueError, av.FFmpegError):  # the track goes on in another form
                resampler = self._resampler(frame)
                parts = resampler.resample(frame)
            for part in parts:
                samples = np.broadcast_to(part.to_ndarray().T[:, :2], (part.samples, 2))
                skip, samples = max(0, skip - len(samples)), samples[skip:]
                count += len(samples)
                yield samples
            frame = next(self._frames, None)

    def _timed(self, meter: BandMeter, samples: Samples, sounding: bool) -> Levels:
        first = meter.passed
        levels = meter.feed(samples)
        middles = meter.middle(first) + np.arange(len(levels)) * float(meter.step)
        return Levels(float(self.start) + middles / self.rate, levels, sounding)

    def _decoded(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return
            try:
                yield from self._stream.decode(packet)
            except av.DecoderNotFoundError as error:
                raise SourceError(f"{self.path}: its sound cannot be decoded ({reason(error)})") from error
            except av.FFmpegError:
                continue  # a damaged packet; its gap is filled with silence

    def _place(self, frame: AudioFrame) -> Fraction | None:
        if frame.pts is None or frame.time_base is None:
            return None
        return frame.pts * frame.time_base - self._zero

    def _resampler(self, frame: AudioFrame) -> Any:
        layout = "stereo" if frame.layout.nb_channels > 2 else None
        return av.AudioResampler(format="fltp", layout=layout, rate=self.rate)


def open_track(
    path: Path, bands: Sequence[Band], *, clock_zero: Fraction = Fraction(0)
) -> tuple[SoundTrack, BandMeter]:
    """A track and a meter for it."""
    track = SoundTrack(path, clock_zero=clock_zero)
    return track, BandMeter(track.rate, bands)


def _pieces(parts: Iterator[Samples], least: int) -> Iterator[Samples]:
    """The same samples in pieces of at least so many, but for the last: larger ones are measured faster."""
    waiting: list[Samples] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= least:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _silence(count: int, most: int) -> Iterator[Samples]:
    while count > 0:
        yield np.zeros((min(count, most), 2), np.float32)
        count -= most
