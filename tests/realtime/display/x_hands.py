"""Hands on an X display, by Xlib and its test extension: keys, the mouse, other programs' windows, files dropped."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p
from pathlib import Path

_CLIENT_MESSAGE, _SELECTION_REQUEST, _SELECTION_NOTIFY, _DROP_VERSION = 33, 30, 31, 5


class _Message(ctypes.Structure):
    _fields_ = (
        ("type", c_int), ("serial", c_ulong), ("send", c_int), ("display", c_void_p), ("window", c_ulong),
        ("kind", c_ulong), ("format", c_int), ("data", c_long * 5), ("room", c_char * 128),
    )  # fmt: skip


class _Request(ctypes.Structure):
    _fields_ = (
        ("type", c_int), ("serial", c_ulong), ("send", c_int), ("display", c_void_p), ("owner", c_ulong),
        ("requestor", c_ulong), ("selection", c_ulong), ("target", c_ulong), ("property", c_ulong), ("time", c_ulong),
        ("room", c_char * 128),
    )  # fmt: skip


class _Answer(ctypes.Structure):
    _fields_ = (
        ("type", c_int), ("serial", c_ulong), ("send", c_int), ("display", c_void_p), ("requestor", c_ulong),
        ("selection", c_ulong), ("target", c_ulong), ("property", c_ulong), ("time", c_ulong), ("room", c_char * 128),
    )  # fmt: skip


class _Text(ctypes.Structure):
    _fields_ = (("value", c_char_p), ("encoding", c_ulong), ("format", c_int), ("items", c_ulong))


class Hands:
    """A connection to the display of DISPLAY. Raises OSError where libX11 or libXtst is not there."""

    def __init__(self) -> None:
        self._x, self._test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        for name, result, *arguments in (
            ("OpenDisplay", c_void_p, c_char_p),
            ("StringToKeysym", c_ulong, c_char_p),
            ("KeysymToKeycode", ctypes.c_ubyte, c_void_p, c_ulong),
            ("Sync", c_int, c_void_p, c_int),
            ("Pending", c_int, c_void_p),
            ("NextEvent", c_int, c_void_p, c_void_p),
            ("InternAtom", c_ulong, c_void_p, c_char_p, c_int),
            ("DefaultRootWindow", c_ulong, c_void_p),
            ("QueryTree", c_int, c_void_p, c_ulong, POINTER(c_ulong), POINTER(c_ulong), POINTER(POINTER(c_ulong)),
             POINTER(c_uint)),
            ("GetTextProperty", c_int, c_void_p, c_ulong, c_void_p, c_ulong),
            ("SendEvent", c_int, c_void_p, c_ulong, c_int, c_long, c_void_p),
            ("MoveResizeWindow", c_int, c_void_p, c_ulong, c_int, c_int, c_uint, c_uint),
            ("CreateSimpleWindow", c_ulong, c_void_p, c_ulong, c_int, c_int, c_uint, c_uint, c_uint, c_ulong, c_ulong),
            ("SetSelectionOwner", c_int, c_void_p, c_ulong, c_ulong, c_ulong),
            ("ChangeProperty", c_int, c_void_p, c_ulong, c_ulong, c_ulong, c_int, c_int, c_char_p, c_int),
        ):  # fmt: skip
            function = getattr(self._x, f"X{name}")
            function.restype, function.argtypes = result, arguments
        self._test.XTestFakeKeyEvent.argtypes = self._test.XTestFakeButtonEvent.argtypes = [
            c_void_p, c_uint, c_int, c_ulong]  # fmt: skip
        self._test.XTestFakeMotionEvent.argtypes = [c_void_p, c_int, c_int, c_int, c_ulong]
        self._screen = self._x.XOpenDisplay(None)
        assert self._screen, "the display does not answer"

    def hold(self, key: str, down: bool) -> None:
        """Press a key, by its X name, or let it go."""
        code = self._x.XKeysymToKeycode(self._screen, self._x.XStringToKeysym(key.encode()))
        self._test.XTestFakeKeyEvent(self._screen, code, down, 0)
        self._x.XSync(self._screen, 0)

    def press(self, *keys: str) -> None:
        """Press keys together, by their X names, and let them go."""
        for key in keys:
            self.hold(key, True)
        for key in reversed(keys):
            self.hold(key, False)

    def mouse(self, x: int, y: int, button: bool | None = None) -> None:
        """Move the pointer, and press its left button or let it go."""
        self._test.XTestFakeMotionEvent(self._screen, -1, x, y, 0)
        if button is not None:
            self._test.XTestFakeButtonEvent(self._screen, 1, button, 0)
        self._x.XSync(self._screen, 0)

    def window(self, title: str) -> int:
        """The newest window of that title."""
        root, up, below, count = c_ulong(), c_ulong(), POINTER(c_ulong)(), c_uint()
        top = self._x.XDefaultRootWindow(self._screen)
        self._x.XQueryTree(self._screen, top, byref(root), byref(up), byref(below), byref(count))
        for number in reversed(range(count.value)):
            name = _Text()
            self._x.XGetTextProperty(self._screen, below[number], byref(name), self._atom("_NET_WM_NAME"))
            if name.value == title.encode():
                return int(below[number])
        raise LookupError(title)

    def place(self, window: int, x: int, y: int, width: int, height: int) -> None:
        """Move a window and give it a size, as a desktop does that maximizes it."""
        self._x.XMoveResizeWindow(self._screen, window, x, y, width, height)
        self._x.XSync(self._screen, 0)

    def close(self, window: int) -> None:
        """Send what a desktop's close button sends."""
        self._send(window, "WM_PROTOCOLS", self._atom("WM_DELETE_WINDOW"))

    def drop(self, window: int, file: Path, settle: Callable[[], None]) -> None:
        """Drop a file onto a window, by the protocol XDND. settle: lets the window live for a moment."""
        root = self._x.XDefaultRootWindow(self._screen)
        ours = self._x.XCreateSimpleWindow(self._screen, root, 0, 0, 1, 1, 0, 0, 0)
        uris, copy = self._atom("text/uri-list"), self._atom("XdndActionCopy")
        self._x.XSetSelectionOwner(self._screen, self._atom("XdndSelection"), ours, 0)
        self._send(window, "XdndEnter", ours, _DROP_VERSION << 24, uris)
        self._send(window, "XdndPosition", ours, 0, 20 << 16 | 20, 0, copy)
        settle()
        self._send(window, "XdndDrop", ours)
        until = time.monotonic() + 30
        request = _Request()
        while request.type != _SELECTION_REQUEST and time.monotonic() < until:
            settle()
            while self._x.XPending(self._screen) and request.type != _SELECTION_REQUEST:
                self._x.XNextEvent(self._screen, byref(request))
        data = f"{file.as_uri()}\r\n".encode()
        self._x.XChangeProperty(self._screen, request.requestor, request.property, uris, 8, 0, data, len(data))
        answer = _Answer(
            type=_SELECTION_NOTIFY, requestor=request.requestor, selection=request.selection, target=request.target,
            property=request.property, time=request.time,
        )  # fmt: skip
        self._x.XSendEvent(self._screen, request.requestor, 0, 0, byref(answer))
        self._x.XSync(self._screen, 0)
        settle()

    def _atom(self, name: str) -> int:
        return int(self._x.XInternAtom(self._screen, name.encode(), 0))

    def _send(self, window: int, kind: str, *data: int) -> None:
        message = _Message(type=_CLIENT_MESSAGE, window=window, kind=self._atom(kind), format=32)
        for number, value in enumerate(data):
            message.data[number] = value
        self._x.XSendEvent(self._screen, window, 0, 0, byref(message))
        self._x.XSync(self._screen, 0)
