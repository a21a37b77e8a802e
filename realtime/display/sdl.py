"""SDL through pygame-ce, for the window alone: loaded without side effects, its errors in one line, its monitors.

Only the display, its events and its surfaces are started, never sound or joysticks. All of it belongs to the thread
that calls it first, which is the main thread (macOS allows no other).
"""

from __future__ import annotations

import faulthandler
import os
import signal
import statistics
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from stylefader.training.errors import SinkError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pygame

_SETTINGS = {
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    "SDL_APP_NAME": "stylefader",
    "SDL_VIDEO_X11_WMCLASS": "stylefader",
    "SDL_NO_SIGNAL_HANDLERS": "1",
    "SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS": "0",  # a projector goes on while somebody types elsewhere
    "SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR": "0",
    "SDL_RENDER_VSYNC": "1",
}
_ACCELERATION, _DRIVER = "SDL_FRAMEBUFFER_ACCELERATION", "SDL_VIDEODRIVER"
_REPEAT_AFTER_MS, _REPEAT_EVERY_MS = 500, 33
_CRASHES = ("SIGSEGV", "SIGBUS", "SIGFPE")
_CENTRED, _ANYWHERE = 0x2FFF_0000, 0x1FFF_0000  # SDL_WINDOWPOS_CENTERED and _UNDEFINED; the low bits are the display
_AGAIN_S = 2.0
"""How long an X server may take that begins anew when its last client, which we were, has left."""
_TIMES, _COPIES = 5, 8
"""How often it is tried what a picture on the screen costs, and how many copies of it in memory that may be."""


# -- starting ----------------------------------------------------------------------------------------------------------


def why_no_display() -> str | None:
    """Start the video part of SDL.

    Returns:
        None where a window can be opened, else why not and what to do, in one line.
    """
    _load()
    from pygame import display, key

    if display.get_init():
        return None
    try:
        with _drivers():
            display.init()
        _draw_by_what_is_quick()
    except LookupError:
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set); use --no-window"
    except RuntimeError as error:  # pygame.error is one
        if os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY") and _asks_x11():
            name = os.environ["DISPLAY"]
            return f"the display {name} does not answer; set DISPLAY to one that does, or use --no-window"
        return f"SDL opens no display ({one_line(error)}); use --no-window"
    display.set_allow_screensaver(True)
    key.set_repeat(_REPEAT_AFTER_MS, _REPEAT_EVERY_MS)
    return None


def _load() -> None:
    """Import pygame, which then greets nobody and leaves signals alone."""
    if "pygame" in sys.modules:
        return
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    import pygame  # noqa: F401

    # It catches crashes and SIGQUIT where nobody else does, and says less of them than the system.
    for name in ("SIGQUIT", *(() if faulthandler.is_enabled() else _CRASHES)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)


def _asks_x11() -> bool:
    return sys.platform not in ("win32", "darwin") and not os.environ.get(_DRIVER)


@contextmanager
def _drivers() -> Iterator[None]:
    """Inside, SDL knows desktops only: else it takes a console, or a screen that nobody sees. Raises LookupError."""
    if not _asks_x11():
        yield
        return
    drivers = [("DISPLAY", "x11"), ("WAYLAND_DISPLAY", "wayland")]
    there = [driver for variable, driver in drivers if os.environ.get(variable)]
    if not there:
        raise LookupError
    os.environ[_DRIVER] = ",".join(there)
    try:
        yield
    finally:
        del os.environ[_DRIVER]


def _draw_by_what_is_quick() -> None:
    """Have an X server take pictures from memory where OpenGL would draw them by the processor.

    SDL puts pictures on the screen by OpenGL, which waits for the screen (vsync) and costs a graphics card little more
    than one copy. Without one, OpenGL computes each pixel of the window, which takes many times as long.
    """
    import pygame
    from pygame import display

    if display.get_driver() != "x11" or os.environ.get(_ACCELERATION):
        return
    width, height = display.get_desktop_sizes()[0]
    window = pygame.Window("stylefader", (width, height), hidden=True)
    window.get_surface()
    one, other = np.zeros((2, height, width, 4), np.uint8)
    flip, copy = _seconds(window.flip), _seconds(lambda: np.copyto(one, other))
    window.destroy()
    if flip > _COPIES * copy:
        display.quit()
        os.environ[_ACCELERATION] = "0"
        until = time.monotonic() + _AGAIN_S
        while not display.get_init():
            try:
                with _drivers():
                    display.init()
            except pygame.error:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)


def _seconds(do: Callable[[], None]) -> float:
    """What a call costs all cores together, in seconds; its waiting is not counted, nor what it makes at first."""
    do()
    costs = []
    for _ in range(_TIMES):
        began = time.process_time()
        do()
        costs.append(time.process_time() - began)
    return statistics.median(costs)


# -- windows -----------------------------------------------------------------------------------------------------------


def check_monitor(monitor: int | None) -> None:
    """Check that there is such a monitor, counted from 1; None is always there. After `why_no_display`.

    Raises:
        SinkError: with the monitors that there are.
    """
    from pygame import display

    sizes = display.get_desktop_sizes()
    if monitor is not None and not 1 <= monitor <= len(sizes):
        there = ", ".join(f"{number} ({width}x{height})" for number, (width, height) in enumerate(sizes, 1))
        raise SinkError(f"there is no monitor {monitor}; there are: {there}")


def open_window(title: str, size: tuple[int, int], *, monitor: int | None, full_screen: bool) -> pygame.Window:
    """Put a window on the screen.

    Args:
        title: in its bar.
        size: width and height, in pixels, while it does not fill the screen.
        monitor: which one, counted from 1; None for where the desktop puts it.
        full_screen: whether it fills the monitor at once.

    Returns:
        The window; its picture is black.

    Raises:
        SinkError: where there is no display, or no such monitor.
    """
    why = why_no_display()
    if why is not None:
        raise SinkError(f"no window can be shown: {why}")
    check_monitor(monitor)
    import pygame
    from pygame import display

    place = (_ANYWHERE if monitor is None and not full_screen else _CENTRED) + (monitor or 1) - 1
    if full_screen:  # of the right size at once, since without a window manager nobody makes it so
        size = display.get_desktop_sizes()[(monitor or 1) - 1]
    try:
        return pygame.Window(title, size, (place, place), resizable=True, fullscreen_desktop=full_screen)
    except pygame.error as error:
        raise SinkError(f"no window can be shown: {one_line(error)}; go on with --no-window") from error


def centre(window: pygame.Window, size: tuple[int, int], monitor: int | None) -> None:
    """Give a window that size, in the middle of a monitor."""
    window.size = size
    place = _CENTRED + (monitor or 1) - 1
    window.position = (place, place)


def let_screen_sleep(may: bool) -> None:
    """Let the screen saver come, or keep it away."""
    from pygame import display

    display.set_allow_screensaver(may)
