"""The screen, or a region of it, as a live source."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import mss
import numpy as np
from mss.exception import ScreenShotError

from stylefader.realtime.sources.base import LostError
from stylefader.realtime.sources.decoded import ArrayPicture
from stylefader.realtime.sources.live.background import BackgroundSource, Session, Shot, monotonic_pts
from stylefader.realtime.sources.pace import Pace
from stylefader.training.errors import SourceError

_MONITOR = re.compile(r"\d{1,3}")
_REGION = re.compile(r"(-?\d{1,6}),(-?\d{1,6}),(\d{1,6})x(\d{1,6})")
_OPEN_S = 5.0
_STALL_S = 5.0
# What mss raises if the display is gone: on X11 it asserts that an answer came.
_LOST = (ScreenShotError, OSError, AssertionError, ValueError)


@dataclass(frozen=True, kw_only=True)
class ScreenPart:
    """monitor: counted from 1. region: (x, y, width, height) on the desktop of all monitors, instead of a monitor."""

    monitor: int = 1
    region: tuple[int, int, int, int] | None = None


def parse_screen(word: str) -> ScreenPart | None:
    """`screen`, `screen:2` or `screen:100,50,640x360`; None for a word that begins otherwise. Raises SourceError."""
    head, colon, tail = word.partition(":")
    if head != "screen":
        return None
    if not colon:
        return ScreenPart()
    if _MONITOR.fullmatch(tail) and int(tail) > 0:
        return ScreenPart(monitor=int(tail))
    match = _REGION.fullmatch(tail)
    if match and int(match[3]) > 0 and int(match[4]) > 0:
        return ScreenPart(region=(int(match[1]), int(match[2]), int(match[3]), int(match[4])))
    raise SourceError(
        f"{word!r:.60} is no part of the screen; write screen, screen:2 (a monitor) or screen:100,50,640x360 (a region)"
    )


class ScreenSource(BackgroundSource):
    """A monitor or region, `rate` times a second. now_ns, sleep: the clock that paces it."""

    def __init__(
        self,
        part: ScreenPart,
        *,
        rate: Fraction = Fraction(30),
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("the screen", open_s=_OPEN_S, stall_s=_STALL_S)
        self.part = part
        self._rate = rate
        self._now_ns, self._sleep = now_ns, sleep

    def _shots(self, session: Session) -> Generator[Shot]:
        self.rate = self._rate
        # Handles of the system belong to the thread that made them, so everything happens in this one.
        try:
            screen = mss.MSS()
        except (ScreenShotError, OSError) as error:
            raise SourceError(
                f"the screen cannot be read ({error}); a desktop session is needed (on Linux X11, with DISPLAY set)"
            ) from error
        try:
            place = self._place(screen)
            pace = Pace(now_ns=self._now_ns, sleep=self._sleep)
            first_ns: int | None = None
            step = 0
            while pace.wait_for(step / self._rate) and not session.closed:
                captured_ns = self._now_ns()
                first_ns = captured_ns if first_ns is None else first_ns
                try:
                    image_BGRA = np.asarray(screen.grab(place))
                except _LOST as error:
                    why = str(error) or "its display does not answer"
                    raise LostError("the screen", why) from error
                picture = ArrayPicture(image_BGRA, order="bgra")
                yield Shot(picture=picture, captured_ns=captured_ns, pts=monotonic_pts(first_ns, captured_ns))
                # A step that was missed is not made up for.
                step = max(step + 1, int((pace.due() or 0) * self._rate))
        finally:
            # A display that is gone cannot be closed any more.
            with suppress(*_LOST):
                screen.close()

    def _place(self, screen: mss.MSS) -> dict[str, int]:
        """What to grab, in the desktop's coordinates. Raises SourceError where it is not there."""
        everything, *monitors = screen.monitors
        if self.part.region is None:
            if self.part.monitor > len(monitors):
                there = ", ".join(f"{n} ({m['width']}x{m['height']})" for n, m in enumerate(monitors, 1)) or "none"
                raise SourceError(f"there is no monitor {self.part.monitor}; there are: {there}")
            place = monitors[self.part.monitor - 1]
            return {side: int(place[side]) for side in ("left", "top", "width", "height")}
        x, y, width, height = self.part.region
        inside = (
            x >= everything["left"]
            and y >= everything["top"]
            and x + width <= everything["left"] + everything["width"]
            and y + height <= everything["top"] + everything["height"]
        )
        if not inside:
            raise SourceError(
                f"the region {x},{y},{width}x{height} reaches beyond the desktop, which is {everything['width']}x"
                f"{everything['height']} from {everything['left']},{everything['top']}; give a part of it"
            )
        return {"left": x, "top": y, "width": width, "height": height}
