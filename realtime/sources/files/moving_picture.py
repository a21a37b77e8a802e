"""Moving pictures that are no videos: animated GIF, APNG, WebP and AVIF with their own delays, TIFF page by page.

One picture is decoded at a time, when somebody asks for it, so memory does not grow with their number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from itertools import accumulate
from pathlib import Path

from stylefader.realtime.media.colour import SRGB
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.transparency import Colour, note_for
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.files.picture_delays import Delays, read_delays
from stylefader.realtime.sources.files.pictures import (
    Laid,
    between_bars,
    check_picture_size,
    check_range,
    check_rate,
    check_same_size,
    over_background,
    scaled,
)
from stylefader.realtime.sources.geometry import DEFAULT_FIT, Fit
from stylefader.realtime.sources.open_container import check_there
from stylefader.training.errors import SourceError
from stylefader.training.reading.pictures import PictureFile

_PAGE_RATE = Fraction(25)
# Clocks finer than this are more than containers and encoders hold.
_FINEST = 1_000_000
_HIGHEST_RATE = 1000


def is_moving_picture(path: str | Path) -> bool:
    """Whether the file is a picture file that holds several. Raises SourceError where its list of them is damaged."""
    return read_delays(Path(path)).moving


class MovingPictureSource(Source):
    """The pictures of one file, each at its exact time. A single pass; `close` and `open` start over.

    path: the file. size, fit: (width, height) that every picture is brought to, and how. start, stop: only frames with
    start <= t < stop, in seconds. page_rate: pages a second of a TIFF file, which has no delays; 25 by default.
    background: as of a StillSource. After `open`, beside what every Source has: rate
    (None where the delays differ), time_base, duration (seconds of the whole), colour, sample_aspect_ratio, notes.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: tuple[int, int] | None = None,
        fit: Fit = DEFAULT_FIT,
        start: Fraction | None = None,
        stop: Fraction | None = None,
        page_rate: Fraction | None = None,
        background: Colour | None = None,
    ) -> None:
        self.path = Path(path)
        self.live = False
        self.start, self.stop = start, stop
        self.colour = SRGB
        self.sample_aspect_ratio = Fraction(1)
        self.notes: list[str] = []
        self._size, self._fit = size, fit
        self._page_rate = page_rate
        self._background = background
        self._file: PictureFile | None = None

    def open(self) -> None:
        """Find the pictures and decode the first of the range. Raises SourceError."""
        check_picture_size(self._size)
        begin = self.start or Fraction(0)
        check_range(begin, self.stop)
        check_there(self.path)
        self.notes = []
        delays = read_delays(self.path)
        lengths = self._lengths(delays)
        times = [Fraction(0), *accumulate(lengths)]
        self.duration = times.pop()
        if begin >= self.duration:
            raise SourceError(
                f"start {float(begin):g} s lies beyond the end of {self.path}, which lasts "
                f"{float(self.duration):.3f} s; give an earlier start"
            )
        self._wanted = [
            (place, at, length)
            for place, at, length in zip(delays.places, times, lengths, strict=True)
            if begin <= at and (self.stop is None or at < self.stop)
        ]
        if not self._wanted:
            raise SourceError(f"{self.path} has no picture in the range; the range must hold at least one")
        self.origin = begin
        self.frame_count = len(self._wanted)
        self.time_base, self.rate = _clock(lengths)
        self._file = PictureFile(self.path)
        try:
            self._first = first = self._decoded(self._wanted[0][0])
        except BaseException:
            self.close()
            raise
        self._read_shape = first.image.shape
        transparent = first.transparent or self._file.has_alpha
        self.has_alpha = transparent and self._background is None
        if transparent and self._background is not None:
            self.notes.append(note_for(self.path.name, self._background))
        height, width = first.image.shape[:2]
        self.width, self.height = self._size or (width, height)

    def _lengths(self, delays: Delays) -> list[Fraction]:
        if delays.seconds:
            if self._page_rate is not None:
                raise SourceError(f"{self.path} has delays of its own, so a rate has no effect; leave it out")
            if delays.no_delay:
                self.notes.append(f"{delays.no_delay} pictures of {self.path.name} have no delay; each is shown 0.1 s")
            return list(delays.seconds)
        rate = self._page_rate or _PAGE_RATE
        check_rate(rate)
        if self._page_rate is None:
            self.notes.append(f"{self.path.name} says no times; its pages come at {rate} a second (--rate changes it)")
        return [1 / rate] * len(delays.places)

    def _decoded(self, place: int) -> Laid:
        assert self._file is not None
        if not self._file.seek(place):
            raise SourceError(f"{self.path} breaks off before picture {place + 1}; get the whole file", failure=True)
        return over_background(self._file, self._background)

    def __iter__(self) -> Iterator[Frame]:
        """Frames of the range in order. Raises SourceError(failure=True) where the file breaks off."""
        if self._file is None:
            raise SourceError(f"{self.path} is not open", failure=True)
        for index, (place, at, length) in enumerate(self._wanted):
            if self._file is None:
                return
            if index and self.skip_before is not None and at < self.skip_before:
                continue
            try:
                laid = self._decoded(place) if index else self._first
            except SourceError as error:
                raise SourceError(str(error), failure=True) from error
            check_same_size(f"picture {place + 1} of {self.path}", laid.image, self._read_shape)
            inside = between_bars(laid.image, self._size, self._fit)
            image, alpha = scaled(laid.image, laid.alpha, self._size, self._fit)
            yield Frame(
                image=image,
                inside=inside,
                alpha_HW=alpha,
                pts=at,
                index=index,
                captured_ns=time.monotonic_ns(),
                duration=length,
            )

    def close(self) -> None:
        """Close the file; harmless twice."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _clock(lengths: list[Fraction]) -> tuple[Fraction, Fraction | None]:
    """Seconds a tick in which every time is whole, as far as clocks go, and the rate where all lengths are one."""
    scale = 1
    for length in set(lengths):
        scale = math.lcm(scale, length.denominator)
        if scale > _FINEST:
            return Fraction(1, _FINEST), None
    tick = Fraction(reduce(math.gcd, {int(length * scale) for length in lengths}), scale)
    rate = 1 / lengths[0] if len(set(lengths)) == 1 and 1 / lengths[0] <= _HIGHEST_RATE else None
    return tick, rate
