"""The window in which a live session is watched: stylized, original, or both with a line between that can be moved.

Stands at the right end of the live path, but is no `Sink`: windows belong to the main thread (macOS allows no
other), so the session's main loop calls `show` and `poll` itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from stylefader.realtime.display.keycodes import key_name
from stylefader.realtime.display.overlay import TextStyle, compose_split, draw_help, draw_lines, draw_sign, draw_split
from stylefader.realtime.display.x11 import display_answers, kept_display
from stylefader.realtime.media.frame import Frame, Picture
from stylefader.realtime.sources.geometry import Box, place
from stylefader.training.errors import SinkError

Mode = Literal["stylized", "original", "split"]

# Key presses that one `poll` takes; more wait for the next.
_KEYS_A_POLL = 16
# Seconds after the window was put up at which the system's toolkit is told so again.
_TELL_AFTER_S = (0.1, 0.3, 1.0, 3.0)


class Window:
    """A window of the desktop, driven from the main thread only.

    title: in its bar. width, height: of what is shown, before the user makes the window larger, or it fills the screen.
    Everything is drawn into a canvas of the window's own size: the picture in its proportions in the middle, black
    around it, text on top. The toolkit has nothing left to scale or to fill, which it would do in white.

    mode: what is shown; a frame without an original is shown stylized. split: where the line is, 0 (left) to 1.
    full_screen: set it to change it. closed: whether the user closed the window.
    """

    def __init__(self, title: str, width: int, height: int) -> None:
        self.title = title
        self.mode: Mode = "stylized"
        self.split = 0.5
        self.closed = False
        self._first_size = (width, height)
        self._lay_out(width, height)
        self._scaled: list[Picture] = []
        self._small: Picture = np.empty((0, 0, 3), np.uint8)
        self._open = self._seen = self._full_screen = self._drags = False
        self._tell_at: list[float] = []

    # -- opening and closing ---------------------------------------------------------------------------------------

    def open(self) -> None:
        """Put the window on the screen, black. Raises SinkError where there is no display to put it on."""
        why = why_no_display()
        if why is not None:
            raise SinkError(f"no window can be shown: {why}")
        flags = cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL
        self._lay_out(*self._first_size)
        try:
            cv2.namedWindow(self.title, flags)
            cv2.resizeWindow(self.title, *self._first_size)
            cv2.setMouseCallback(self.title, self._mouse)
            cv2.imshow(self.title, self._canvas)
        except cv2.error as error:
            raise SinkError(f"no window can be shown: {error.err or error}; go on with --no-window") from error
        self._open, self.closed, self._seen = True, False, False
        self._put_up_again()

    def close(self) -> None:
        """Take the window away; harmless twice."""
        if self._open:
            self._open = False
            with suppress(cv2.error):
                cv2.destroyWindow(self.title)
                cv2.pollKey()  # lets the system take it off the screen

    # -- showing ---------------------------------------------------------------------------------------------------

    def show(
        self,
        frame: Frame,
        overlay_lines: Sequence[str] = (),
        sign: str | None = None,
        help_rows: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Show one frame with lines of text (ASCII) in a corner, a sign in the other, help below; returns at once.

        Raises SinkError(failure=True) where the window is not open.
        """
        if not self._open:
            raise SinkError(f"the window {self.title!r} is not open", failure=True)
        self._follow_size()
        canvas = self.draw(frame, overlay_lines, sign, help_rows)
        if not self.closed:
            cv2.imshow(self.title, canvas)

    def draw(
        self,
        frame: Frame,
        overlay_lines: Sequence[str] = (),
        sign: str | None = None,
        help_rows: Sequence[tuple[str, str]] = (),
    ) -> Picture:
        """What `show` puts on the screen: uint8 (H, W, 3) BGR of the window's size, good until the next call."""
        self._compose(frame)
        draw_lines(self._canvas, overlay_lines, self._style)
        if sign:
            draw_sign(self._canvas, sign, self._style)
        draw_help(self._canvas, help_rows, self._style)
        return self._canvas

    def _lay_out(self, width: int, height: int) -> None:
        """A black canvas of that size, and text in proportion."""
        self._canvas = np.zeros((height, width, 3), np.uint8)
        self._style = TextStyle(min(height, width * 9 // 16))
        self._inside = Box(0, 0, width, height)

    def _follow_size(self) -> None:
        """A canvas as large as the window is now, whoever changed it."""
        try:
            _, _, width, height = cv2.getWindowImageRect(self.title)
        except cv2.error:
            return  # it was just closed, which `poll` will tell
        if min(width, height) > 0 and (height, width) != self._canvas.shape[:2]:
            self._lay_out(width, height)

    def _compose(self, frame: Frame) -> None:
        height, width = self._canvas.shape[:2]
        x, y, across, down = self._inside = place(frame.width, frame.height, (width, height), fit="contain").inside
        for bar in (
            self._canvas[:y], self._canvas[y + down :], self._canvas[y : y + down, :x],
            self._canvas[y : y + down, x + across :],
        ):  # fmt: skip
            bar[:] = 0  # where text may have stood
        area = self._canvas[y : y + down, x : x + across]
        original, at = frame.original, 0
        if original is not None and self.mode != "stylized":
            at = across if self.mode == "original" else min(across, max(0, round(self.split * across)))
        self._fill(area, original if original is not None and at else frame.image, frame.image, at)
        if original is not None and self.mode == "split":
            draw_split(area, min(at, across - 1), self._style)

    def _fill(self, area: Picture, original: Picture, stylized: Picture, at: int) -> None:
        """Both pictures, divided at column `at`, at the size of `area`. What is enlarged is put together before."""
        down, across, _ = area.shape
        height, width, _ = stylized.shape
        if (height, width) == (down, across):
            compose_split(original, stylized, at, area)
        elif height > down or width > across:
            compose_split(self._shrunk(original, area, 0), self._shrunk(stylized, area, 1), at, area)
        else:
            if self._small.shape != stylized.shape:
                self._small = np.empty_like(stylized)
            compose_split(original, stylized, round(at * width / across), self._small)
            cv2.resize(self._small, (across, down), dst=area, interpolation=cv2.INTER_LINEAR)

    def _shrunk(self, image: Picture, area: Picture, number: int) -> Picture:
        """The picture at the size of `area`, in buffer `number`."""
        while len(self._scaled) <= number:
            self._scaled.append(np.empty_like(area))
        if self._scaled[number].shape != area.shape:
            self._scaled[number] = np.empty(area.shape, np.uint8)
        cv2.resize(image, area.shape[1::-1], dst=self._scaled[number], interpolation=cv2.INTER_AREA)
        return self._scaled[number]

    # -- the user --------------------------------------------------------------------------------------------------

    def poll(self) -> list[str]:
        """Let the window live, and give the names of the keys pressed since: q, esc, space, left, f1, ...

        Call it often, also when there is no new frame. Sets `closed`, and then gives "closed" once.
        """
        if not self._open or self.closed:
            return []
        names = []
        for _ in range(_KEYS_A_POLL):
            code = cv2.pollKey()
            if code == -1:
                break
            name = key_name(code)
            if name is not None:
                names.append(name)
        if self._gone():
            self.closed = True
            names.append("closed")
        elif self._tell_at and time.monotonic() >= self._tell_at[0]:
            del self._tell_at[0]
            self._tell_shown()
        return names

    def _put_up_again(self) -> None:
        self._tell_at = [time.monotonic() + after for after in _TELL_AFTER_S]

    def _tell_shown(self) -> None:
        """Qt loses the news that its window is on the screen where the machine is busy, and would leave it black."""
        display = kept_display(os.environ.get("DISPLAY", ""))
        if display is not None and cv2.currentUIFramework().startswith("QT"):
            for window in display.windows_named(self.title):
                display.say_shown(window)

    def _gone(self) -> bool:
        try:
            visible = cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:
            return True
        # GTK never says that a window is visible, so only what was seen can be gone.
        self._seen = self._seen or visible
        return self._seen and not visible

    @property
    def full_screen(self) -> bool:
        return self._full_screen

    @full_screen.setter
    def full_screen(self, full: bool) -> None:
        self._full_screen = full
        if self._open and not self.closed:
            value = cv2.WINDOW_FULLSCREEN if full else cv2.WINDOW_NORMAL
            with suppress(cv2.error):
                cv2.setWindowProperty(self.title, cv2.WND_PROP_FULLSCREEN, value)
            self._put_up_again()

    def _mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        if event == cv2.EVENT_LBUTTONDOWN:
            self._drags = True
        elif event == cv2.EVENT_LBUTTONUP:
            self._drags = False
        if self._drags and self.mode == "split":
            self.split = min(1.0, max(0.0, (x - self._inside.x) / self._inside.width))


# -- is there a display? -----------------------------------------------------------------------------------------------


def why_no_display() -> str | None:
    """None where OpenCV can open a window, else why not and what to do; asks nothing that ends the program.

    OpenCV's Qt aborts the whole process where it finds no display, so it is not asked before the display answered.
    """
    framework = cv2.currentUIFramework()
    if not framework:
        return "this OpenCV was built without windows; install opencv-python (not -headless), or use --no-window"
    if sys.platform in ("win32", "darwin"):
        return None
    display, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if os.environ.get("QT_QPA_PLATFORM", "").startswith(("offscreen", "minimal", "vnc")):
        return None
    if not display and not wayland:
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set); use --no-window"
    if display:
        if display_answers(display):
            return None
        return f"the display {display} does not answer; set DISPLAY to one that does, or use --no-window"
    if framework.startswith("QT") and not _has_wayland_plugin():
        return "this OpenCV speaks X11 only, and the desktop offers Wayland only; turn Xwayland on, or use --no-window"
    return None


def _has_wayland_plugin() -> bool:
    return any((Path(cv2.__file__).parent / "qt" / "plugins" / "platforms").glob("libqwayland*"))
