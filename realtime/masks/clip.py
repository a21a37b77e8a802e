"""A picture, a video or numbered pictures beside the input as a mask: white is inside.

file --LazyFrame--> the one that is shown at the frame's time --placed like the frame, grey--> mask
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from time import monotonic

import cv2
import numpy as np

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.media.timecode import format_time
from stylefader.realtime.parameters.parameter import Values
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.realtime.sources.files.pictures import StillSource, is_sequence
from stylefader.realtime.sources.open_file import FileSource, open_file_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.realtime.sources.transform import TransformedSource
from stylefader.training.errors import MaskError, SourceError

_ROUNDED = Fraction(1, 500)
"""Some files round times to a millisecond: a mask that would begin so little later is there already."""
_MOST_S = 0.01
"""How long a live frame waits for a mask that has to catch up, such as after a long bypass."""


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """How a mask clip is played.

    Attributes:
        placed: Mirror, rotation, crop and fit, as the frames have them; the size is that of the frames.
        rate: Frames a second of numbered pictures; None for 25.
        from_first: Whether the clip begins with the first frame that is asked for, whatever time that has, and begins
            again where times go back. Else its times are those of the frames.
        loop: Whether it begins again at its end.
    """

    placed: LiveOptions
    rate: Fraction | None = None
    from_first: bool = False
    loop: bool = False


class MaskClip:
    """A source of masks (`MaskSource`) from a file. `notes`: said once where the clip is at its end.

    Raises MaskError for a file that cannot be read.
    """

    def __init__(self, file: str, options: ClipOptions, *, clock: Callable[[], float] = monotonic) -> None:
        self._file, self._options, self._clock = file, options, clock
        self.notes: list[str] = []
        self._zero: Fraction | None = None if options.from_first else Fraction(0)
        self._asked = Fraction(0)
        self._source: TransformedSource | None = None
        self._mask: Mask | None = None  # of the picture that is shown
        self._played = False  # whether it has gone on from the first picture
        self._begin(Fraction(0))

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask:
        """The picture that is shown at that time; before the first one the first, after the end the last."""
        if self._zero is None or (self._options.from_first and time < self._asked):
            self._zero = time
        self._asked = time
        at = time - self._zero
        try:
            if at < self._starts(self._now) - _ROUNDED and self._played:
                self._begin(Fraction(0))
            self._play_to(at)
            if self._mask is None:
                self._mask = np.asarray(cv2.cvtColor(self._now.frame().image, cv2.COLOR_RGB2GRAY), np.uint8)
        except (SourceError, cv2.error, ValueError) as error:
            raise MaskError(f"the mask cannot be read: {error}", failure=True) from error
        return self._mask

    def close(self) -> None:
        """Close the file; harmless twice."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _begin(self, offset: Fraction) -> None:
        """Open the file and take its first picture, which is shown from `offset` on."""
        self.close()
        try:
            self._inner = open_file_source(
                self._file, rate=(self._options.rate or Fraction(25)) if is_sequence(self._file) else None
            )
            source = TransformedSource(self._inner, self._options.placed)
            source.open()
            self._source, self._offset = source, offset
            self._things = _pictures(source)
            first = next(self._things, None)
        except SourceError as error:
            raise MaskError(f"the mask cannot be read: {error}") from error
        if first is None:
            raise MaskError(f"the mask {self._file} has no picture")
        self._now, self._next = first, next(self._things, None)
        self._mask, self._played = None, False

    def _play_to(self, at: Fraction) -> None:
        """Go on to the picture of that time; live no longer than `_MOST_S`, and further with the next frame."""
        until = self._clock() + _MOST_S if self._options.from_first else inf
        while True:
            while self._next is not None and self._starts(self._next) <= at + _ROUNDED:
                if self._clock() >= until:
                    return
                self._now, self._next, self._mask = self._next, next(self._things, None), None
                self._played = True
            if self._next is not None or isinstance(self._inner, StillSource):
                return
            end = self._starts(self._now) + (self._now.duration or _usual_step(self._inner))
            if at + _ROUNDED < end:
                return
            if not self._options.loop:
                if not self.notes:
                    self.notes.append(f"the mask {self._file} ends at {format_time(end)}: its last picture holds")
                return
            if self._clock() >= until:
                return
            self._begin(end)
            self._played = True

    def _starts(self, frame: LazyFrame) -> Fraction:
        assert self._source is not None
        return frame.pts - self._source.clock_zero + self._offset


def _pictures(source: TransformedSource) -> Iterator[LazyFrame]:
    return (thing for thing in source.lazy_frames_and_packets() if isinstance(thing, LazyFrame))


def _usual_step(source: FileSource) -> Fraction:
    return 1 / source.rate if source.rate else Fraction(1, 25)
