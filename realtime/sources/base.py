"""What every source of frames promises. Sources stand at the left end of the frame path."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from av.packet import Packet as AvPacket

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.decoded import LazyFrame, lazy
from stylefader.training.errors import SourceError

# PyAV's stubs make the class generic, the compiled class is not.
Packet: TypeAlias = AvPacket[Any] if TYPE_CHECKING else AvPacket  # type: ignore[valid-type]
"""An undecoded piece of another track (sound, subtitles), which travels with the frames to the sink."""


class LostError(SourceError):
    """A source that gave pictures gives none any more. name: the source's; why: the reason alone."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} is lost: {why}", failure=True)
        self.name, self.why = name, why


class Source(ABC):
    """Gives frames in presentation order. Opened by `with`, closed once; `close` twice is harmless.

    After opening: `width` and `height` are the size of the frames it will give (upright, after rotation and
    scaling), `rate` is frames a second or None where it varies, `live` says whether frames are lost when
    nobody takes them, `frame_count` is how many frames are expected or None where nobody can know.
    `clock_zero` is the timestamp of the stream's first instant, `origin` that of the first instant asked for.
    `has_alpha`: frames come with their alpha, beside an image over black.
    `dropped` counts the frames that were left out because nobody took them in time.
    A reader that is late sets `skip_before`: frames before that timestamp are skipped without converting them, if the
    source can do that, and leave a gap in `index`. `hurry`: pictures that no other one needs are not even decoded where
    the source can do that; they leave a gap as well. `notes` are messages for the user, complete when the frames have
    been taken.
    """

    width: int
    height: int
    rate: Fraction | None
    live: bool = False
    frame_count: int | None = None
    clock_zero: Fraction = Fraction(0)
    origin: Fraction = Fraction(0)
    skip_before: Fraction | None = None
    has_alpha: bool = False
    hurry: bool = False
    dropped: int = 0
    notes: list[str]

    @abstractmethod
    def open(self) -> None:
        """Open the device or file. Raises SourceError."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Frames until the end of the stream. Raises SourceError when the stream breaks."""

    def frames_and_packets(self) -> Iterator[Frame | Packet]:
        """Frames, with the packets of the other tracks between them in the stream's order."""
        return iter(self)

    def lazy_frames_and_packets(self) -> Iterator[LazyFrame | Packet]:
        """The same, pictures unconverted where the source can do that: for those who will not take every one."""
        aspect = Fraction(getattr(self, "sample_aspect_ratio", 1))
        for thing in self.frames_and_packets():
            yield lazy(thing, aspect=aspect) if isinstance(thing, Frame) else thing

    @abstractmethod
    def close(self) -> None:
        """Release the device or file."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
