"""What the window of a live session shows, drawn when something changed: a new frame, other words, a key.

Belongs to the main thread, as the window does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from stylefader.realtime.display.window import Window
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.queues import NewestMailbox

_AGAIN_NS = 250_000_000
"""A still picture is drawn again after so long: the user may have resized the window."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """What stands on the picture: lines in one corner, a sign in the other, the help below."""

    lines: tuple[str, ...] = ()
    sign: str | None = None
    help_rows: tuple[tuple[str, str], ...] = ()


class Viewer:
    """frames: where the newest frame is left. shown: told when a frame was captured and when it was shown, in ns."""

    def __init__(
        self,
        window: Window,
        frames: NewestMailbox[Frame],
        *,
        shown: Callable[[int, int], None] = lambda captured_ns, shown_ns: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.window = window
        self._frames, self._shown, self._now_ns = frames, shown, now_ns
        self._frame: Frame | None = None
        self._drawn: Hashable = None
        self._drawn_ns = 0

    def step(self, wait_s: float, text: Callable[[], Text]) -> Sequence[str]:
        """Show the newest frame, waiting no longer than that for one, and let the window live.

        Args:
            wait_s: Seconds.
            text: What stands on the picture, asked for when there is one.

        Returns:
            The names of the keys that were pressed.
        """
        newest = self._frames.take(wait_s)
        self._frame = newest or self._frame
        if self._frame is not None:
            self._draw(self._frame, text(), new=newest is not None)
        if newest is not None:
            self._shown(newest.captured_ns, self._now_ns())
        return self.window.poll()

    def _draw(self, frame: Frame, text: Text, *, new: bool) -> None:
        window, now = self.window, self._now_ns()
        looks = (text, window.mode, window.split, window.full_screen)
        if new or looks != self._drawn or now - self._drawn_ns >= _AGAIN_NS:
            window.show(frame, text.lines, text.sign, text.help_rows)
            self._drawn, self._drawn_ns = looks, now
