"""Interlaced pictures made whole: each frame keeps its time, the lines of its second field are computed anew.

An interlaced frame holds two moments, one in the even lines and one in the odd ones. What moves has combs then, which
a style network takes for strokes. FFmpeg's bwdif keeps the first moment of each frame.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Generic, Literal, TypeVar, get_args

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from stylefader.training.errors import SourceError

Deinterlace = Literal["auto", "off"]

T = TypeVar("T")
# bwdif looks at lines above and below, and refuses pictures with fewer.
_LEAST = 3

# AVFieldOrder: 2 and 4 show the upper field first, 3 and 5 the lower one.
_PARITY = {2: "tff", 3: "bff", 4: "tff", 5: "bff"}


def parse_deinterlace(word: str) -> Deinterlace:
    """`auto` or `off` as somebody wrote it. Raises SourceError."""
    choice = next((choice for choice in get_args(Deinterlace) if choice == word), None)
    if choice is None:
        raise SourceError(f"deinterlace is auto or off, not {word[:40]!r}")
    return choice


def words_for(name: str) -> str:
    """The note on a file or stream that is deinterlaced."""
    return f"{name} is interlaced; it is deinterlaced (--deinterlace off leaves it as it is)"


class Deinterlacer(Generic[T]):
    """Deinterlaces the pictures that need it, from the first one that says so.

    field_order: of the stream, as FFmpeg numbers it. Where it says that the stream is interlaced, all pictures are;
    where it does not, only those are that say so themselves. Each picture comes out once, in order, with what was
    given with it; it may wait for the one after it.

    Attributes:
        active: Whether something has been deinterlaced.
    """

    def __init__(self, field_order: int = 0) -> None:
        self._parity = _PARITY.get(field_order)
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self._with: deque[T] = deque()
        self._count = 0
        self._says_itself = False
        self.active = False

    def put(self, picture: VideoFrame, given: T) -> list[tuple[VideoFrame, T]]:
        """The pictures that are ready once this one came, each with what it was given with."""
        if not self.active:
            self._says_itself = bool(picture.interlaced_frame)
            self.active = self._says_itself or self._parity is not None
        if not self.active or min(picture.width, picture.height) < _LEAST:
            return [*self.finish(), (picture, given)]
        shape = (picture.width, picture.height, picture.format.name)
        done: list[tuple[VideoFrame, T]] = []
        if shape != self._shape:
            done = self.finish()
            self._graph, self._shape = self._made(picture), shape
        assert self._graph is not None
        picture.pts, picture.time_base = self._count, Fraction(1, 1)
        self._count += 1
        self._with.append(given)
        self._graph.vpush(picture)
        return [*done, *self._ready()]

    def finish(self) -> list[tuple[VideoFrame, T]]:
        """The pictures that still waited; others may come after."""
        if self._graph is None:
            return []
        self._graph.vpush(None)
        done = self._ready()
        self._graph = self._shape = None
        self._with.clear()
        return done

    def _made(self, picture: VideoFrame) -> Graph:
        graph = Graph()
        source = graph.add(
            "buffer",
            video_size=f"{picture.width}x{picture.height}",
            pix_fmt=picture.format.name,
            time_base="1/1",
            pixel_aspect="1/1",
            colorspace=str(int(picture.colorspace)),
            range=str(int(picture.color_range)),
        )
        # Pictures that are marked say which of their fields is the first.
        parity, which = ("auto", "interlaced") if self._says_itself else (self._parity or "auto", "all")
        lines = graph.add("bwdif", mode="send_frame", parity=parity, deint=which)
        graph.link_nodes(source, lines, graph.add("buffersink"))
        graph.configure()
        return graph

    def _ready(self) -> list[tuple[VideoFrame, T]]:
        assert self._graph is not None
        done = []
        while self._with:
            try:
                picture = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                break
            done.append((picture, self._with.popleft()))
        return done
