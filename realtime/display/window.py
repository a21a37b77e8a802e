"""The window in which a live session is watched: stylized, original, or both with a line between that can be moved.

Stands at the right end of the live path, but is no `Sink`: windows belong to the main thread (macOS allows no
other), so the session's main loop calls `show` and `poll` itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import cv2
import numpy as np

from stylefader.realtime.display.keycodes import CLOSED, key_name
from stylefader.realtime.display.overlay import TextStyle, compose_split, draw_help, draw_lines, draw_sign, draw_split
from stylefader.realtime.display.sdl import centre, let_screen_sleep, open_window
from stylefader.realtime.media.frame import Frame, Picture
from stylefader.realtime.sources.geometry import Box, place
from stylefader.training.errors import SinkError

if TYPE_CHECKING:
    import pygame

Mode = Literal["stylized", "original", "split"]

_LEFT_BUTTON = 1
# Where red, green and blue stand in the pixels of most screens: as in OpenCV's BGRA.
_BGRA = (0xFF0000, 0xFF00, 0xFF)


class Window:
    """A window of the desktop, driven from the main thread only.

    Everything is drawn into a canvas of the window's own size: the picture in its proportions in the middle, black
    around it, text on top. The desktop has nothing left to scale or to fill.

    Args:
        title: in its bar.
        width: of what is shown, in pixels, before the user makes the window larger, or it fills the screen.
        height: the same.
        monitor: which one it opens on, counted from 1; None for where the desktop puts it.

    Attributes:
        mode: what is shown; a frame without an original is shown stylized.
        split: where the line is, from 0 (left) to 1.
        full_screen: set it to change it, also before the window is opened.
        closed: whether the user closed the window.
    """

    def __init__(self, title: str, width: int, height: int, *, monitor: int | None = None) -> None:
        self.title = title
        self.mode: Mode = "stylized"
        self.split = 0.5
        self.closed = False
        self._first_size, self._monitor = (width, height), monitor
        self._lay_out(width, height)
        self._scaled: list[Picture] = []
        self._small: Picture = np.empty((0, 0, 3), np.uint8)
        self._window: pygame.Window | None = None
        self._full_screen = self._began_full = self._drags = False
        self._dropped: list[Path] = []

    # -- opening and closing ---------------------------------------------------------------------------------------

    def open(self) -> None:
        """Put the window on the screen, black.

        Raises:
            SinkError: where there is no display to put it on, or not that monitor.
        """
        self._window = open_window(
            self.title, self._first_size, monitor=self._monitor, full_screen=self._full_screen
        )  # fmt: skip
        self._began_full = self._full_screen
        self.closed, self._dropped = False, []
        let_screen_sleep(not self._full_screen)
        self._lay_out(*self._window.size)
        self._put(self._window)

    def close(self) -> None:
        """Take the window away; harmless twice."""
        if self._window is not None:
            import pygame

            self._window.destroy()
            self._window = None
            let_screen_sleep(True)
            pygame.event.pump()  # lets the system take it off the screen

    # -- showing ---------------------------------------------------------------------------------------------------

    def show(
        self,
        frame: Frame,
        overlay_lines: Sequence[str] = (),
        sign: str | None = None,
        help_rows: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Show one frame with lines of text (ASCII) in a corner, a sign in the other, help below.

        Waits until the screen begins its next picture where the driver does so (vsync), and lets other threads go on.

        Raises:
            SinkError: where the window is not open (a failure).
        """
        if self._window is None:
            raise SinkError(f"the window {self.title!r} is not open", failure=True)
        if self.closed:
            return
        width, height = self._window.size
        if min(width, height) > 0 and (height, width) != self._canvas.shape[:2]:
            self._lay_out(width, height)  # whoever changed the window's size
        self.draw(frame, overlay_lines, sign, help_rows)
        self._put(self._window)

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

    def _put(self, window: pygame.Window) -> None:
        """Put the canvas on the screen."""
        import pygame

        surface = window.get_surface()
        height, width = self._canvas.shape[:2]
        if surface.get_size() == (width, height) and surface.get_bitsize() == 32 and surface.get_masks()[:3] == _BGRA:
            # Other threads go on while OpenCV does this, and wait for SDL's blit.
            pixels = np.frombuffer(cast(memoryview, surface.get_buffer()), np.uint8).reshape(height, -1, 4)[:, :width]
            cv2.cvtColor(self._canvas, cv2.COLOR_BGR2BGRA, dst=pixels)
            del pixels  # which locks the surface
        else:
            surface.blit(pygame.image.frombuffer(self._canvas.data, (width, height), "BGR"), (0, 0))
        window.flip()

    # -- the user --------------------------------------------------------------------------------------------------

    def poll(self) -> list[str]:
        """Let the window live, and give the names of the keys pressed since: q, esc, space, left, f1, ...

        Call it often, also when there is no new frame. Sets `closed`, and then gives CLOSED once.
        """
        if self._window is None or self.closed:
            return []
        import pygame

        names = []
        for event in pygame.event.get():
            if event.type == pygame.KEYDOWN:
                name = key_name(event.key, event.unicode)
                if name is not None:
                    names.append(name)
            elif event.type in (pygame.WINDOWCLOSE, pygame.QUIT):
                self.closed = True
            elif event.type == pygame.WINDOWEXPOSED:
                self._window.flip()  # what was over the window has gone
            elif event.type == pygame.DROPFILE:
                self._dropped.append(Path(event.file))
            elif event.type == pygame.MOUSEBUTTONDOWN and event.button == _LEFT_BUTTON:
                self._drags = True
                self._drag(event.pos[0])
            elif event.type == pygame.MOUSEMOTION and self._drags:
                self._drag(event.pos[0])
            elif event.type == pygame.MOUSEBUTTONUP and event.button == _LEFT_BUTTON:
                self._drags = False
        if self.closed:
            names.append(CLOSED)
        return names

    def take_dropped(self) -> list[Path]:
        """The files that were dropped onto the window since the last call."""
        dropped, self._dropped = self._dropped, []
        return dropped

    @property
    def full_screen(self) -> bool:
        """Whether it fills its monitor."""
        return self._full_screen

    @full_screen.setter
    def full_screen(self, full: bool) -> None:
        changes, self._full_screen = full != self._full_screen, full
        if self._window is None or self.closed or not changes:
            return
        if full:
            self._window.set_fullscreen(desktop=True)
        else:
            self._window.set_windowed()
            if self._began_full:  # it has never had another size
                self._began_full = False
                centre(self._window, self._first_size, self._monitor)
        let_screen_sleep(not full)

    def _drag(self, x: int) -> None:
        if self.mode == "split":
            self.split = min(1.0, max(0.0, (x - self._inside.x) / self._inside.width))
