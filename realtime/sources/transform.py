"""Mirror, rotate, crop and scale: a source around a source, whose frames always have one size.

All of it is one placement a frame (`geometry.py`), carried out when somebody takes the frame (`decoded.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.base import Packet, Source
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.realtime.sources.geometry import CLOCKWISE, MIRRORED, UPRIGHT, Box, natural_size, place
from stylefader.realtime.sources.options import LiveOptions, crop_words
from stylefader.training.errors import SourceError


class TransformedSource(Source):
    """The frames of `inner`, changed as the options say. What it is otherwise, it is as `inner` is.

    Without a size asked for, the frames have the size of the first picture after rotation and crop, with square
    pixels. A picture of another size that comes later is brought to this one by the options' fit.
    """

    def __init__(self, inner: Source, options: LiveOptions) -> None:
        self.inner = inner
        self.live = inner.live
        self.notes = inner.notes
        self._options = options
        self._turn = (MIRRORED if options.mirror else UPRIGHT).then(CLOCKWISE[options.rotate])
        self._part = Box(*options.crop) if options.crop is not None else None
        self._changed = False

    def open(self) -> None:
        """Open the inner source and settle the size. Raises SourceError, also for a crop outside the picture."""
        self.inner.open()
        inner, options = self.inner, self._options
        self.rate, self.frame_count = inner.rate, inner.frame_count
        self.clock_zero, self.origin, self.notes = inner.clock_zero, inner.origin, inner.notes
        self._inner_sides = (inner.width, inner.height)
        turned = self._turn.sides(inner.width, inner.height)
        if options.crop is not None:
            x, y, width, height = options.crop
            if x + width > turned[0] or y + height > turned[1]:
                inner.close()
                raise SourceError(
                    f"crop {crop_words(options.crop)} reaches beyond the picture, which is {turned[0]}x{turned[1]} "
                    "(after rotation); give a part of it"
                )
        # A pixel of some old formats is wider than high; the screens of a live session have square ones.
        aspect = Fraction(getattr(inner, "sample_aspect_ratio", 1))
        natural = natural_size(inner.width, inner.height, aspect=aspect, turn=self._turn, part=self._part)
        self.width, self.height = options.size or natural

    def __iter__(self) -> Iterator[Frame]:
        for thing in self.frames_and_packets():
            if isinstance(thing, Frame):
                yield thing

    def frames_and_packets(self) -> Iterator[Frame | Packet]:
        """Frames of the inner source, placed, and its packets as they are."""
        for thing in self.lazy_frames_and_packets():
            yield thing.frame() if isinstance(thing, LazyFrame) else thing

    def lazy_frames_and_packets(self) -> Iterator[LazyFrame | Packet]:
        """The same with frames that are not made yet."""
        for thing in self.inner.lazy_frames_and_packets():
            self.dropped = self.inner.dropped
            yield self._placed(thing) if isinstance(thing, LazyFrame) else thing

    def _placed(self, frame: LazyFrame) -> LazyFrame:
        picture = frame.picture
        if not self._changed and picture.sides != self._inner_sides:
            self._changed = True
            sides, now = (f"{width}x{height}" for width, height in (self._inner_sides, picture.sides))
            self.notes.append(
                f"the picture changed its size from {sides} to {now}; it is brought to {self.width}x{self.height}"
            )
        placement = place(
            picture.width, picture.height, (self.width, self.height), fit=self._options.fit, aspect=picture.aspect,
            turn=picture.turn.then(self._turn), part=self._part,
        )  # fmt: skip
        return replace(frame, placement=placement)

    def close(self) -> None:
        """Close the inner source."""
        self.inner.close()
