"""FFmpeg's moving test picture as a live source, so that everything can be tried and tested without a camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from threading import Lock

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.open_container import reason
from stylefader.realtime.sources.pace import Pace
from stylefader.training.errors import SourceError


class TestcardSource(Source):
    """`testsrc2` at a rate of its own on the monotonic clock; a frame that nobody came for in time is left out.

    size: (width, height). rate: frames a second. now_ns, sleep: the clock. `dropped` counts the frames left out.
    """

    __test__ = False  # pytest takes every class called Test... for a test

    def __init__(
        self,
        *,
        size: tuple[int, int] = (1280, 720),
        rate: Fraction = Fraction(30),
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.width, self.height = size
        self.rate: Fraction | None = rate
        self.live = True
        self.dropped = 0
        self.notes: list[str] = []
        self._rate = rate
        self._now_ns, self._sleep = now_ns, sleep
        self._lock = Lock()
        self._container: InputContainer | None = None

    def open(self) -> None:
        """Start the test picture. Raises SourceError where this FFmpeg has none."""
        picture = f"testsrc2=size={self.width}x{self.height}:rate={self._rate},format=rgb24"
        try:
            self._container = av.open(picture, format="lavfi")
        except (av.FFmpegError, ValueError) as error:
            raise SourceError(
                f"the testcard at {self.width}x{self.height} cannot be made ({reason(error)}); "
                "give another size, or check that FFmpeg has its lavfi device"
            ) from error
        self._pictures: Iterator[VideoFrame] = self._container.decode(video=0)
        self._pace = Pace(now_ns=self._now_ns, sleep=self._sleep)

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            # The picture is made before it is due, so that it does not come late by its own making.
            with self._lock:
                if self._container is None:
                    return
                image = np.ascontiguousarray(next(self._pictures).to_ndarray(), dtype=np.uint8)
            late = self._pace.late(index / self._rate)
            if late >= 1 / self._rate:
                missed = int(late * self._rate)
                index += missed
                self.dropped += missed
            pts = index / self._rate
            if not self._pace.wait_for(pts):
                return
            yield Frame(image=image, pts=pts, index=index, captured_ns=self._now_ns(), duration=1 / self._rate)
            index += 1

    def close(self) -> None:
        """End the wait for the next frame and close the clip; harmless twice."""
        if self._container is None:
            return
        self._pace.close()
        with self._lock:
            if self._container is not None:
                self._container.close()
                self._container = None
