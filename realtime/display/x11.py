"""What of an X display is asked directly, beside OpenCV: whether it answers, and that Qt learns of its own window.

OpenCV's Qt (5.15) loses events that come while the machine is busy. Where one of them is the news that its window has
been put on the screen, Qt takes the window for hidden and never paints it: seen in two of five openings on a loaded
machine. So the news is sent again, by `say_shown`. Qt that has it already does nothing but paint once more.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from ctypes import POINTER, c_char_p, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from functools import cache

_MAP_NOTIFY, _STRUCTURE_NOTIFY, _VIEWABLE = 19, 1 << 17, 2
_WM_NAME, _ANY, _MOST_NAME_WORDS, _DEEPEST = 39, 0, 64, 4


class _Cookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


class _Screens(ctypes.Structure):
    _fields_ = (("data", POINTER(c_uint32)), ("left", c_int), ("index", c_int))


class NoXcbError(OSError):
    """There is no libxcb on this system."""


@cache
def _xcb() -> ctypes.CDLL:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        raise NoXcbError(str(error)) from error
    for name, result, *arguments in (
        ("connect", c_void_p, c_char_p, c_void_p),
        ("connection_has_error", c_int, c_void_p),
        ("disconnect", None, c_void_p),
        ("flush", c_int, c_void_p),
        ("get_setup", c_void_p, c_void_p),
        ("setup_roots_iterator", _Screens, c_void_p),
        ("query_tree", _Cookie, c_void_p, c_uint32),
        ("query_tree_reply", c_void_p, c_void_p, _Cookie, c_void_p),
        ("query_tree_children", POINTER(c_uint32), c_void_p),
        ("query_tree_children_length", c_int, c_void_p),
        ("get_property", _Cookie, c_void_p, c_uint8, c_uint32, c_uint32, c_uint32, c_uint32, c_uint32),
        ("get_property_reply", c_void_p, c_void_p, _Cookie, c_void_p),
        ("get_property_value", c_void_p, c_void_p),
        ("get_property_value_length", c_int, c_void_p),
        ("get_window_attributes", _Cookie, c_void_p, c_uint32),
        ("get_window_attributes_reply", c_void_p, c_void_p, _Cookie, c_void_p),
        ("send_event", _Cookie, c_void_p, c_uint8, c_uint32, c_uint32, c_char_p),
        ("clear_area", _Cookie, c_void_p, c_uint8, c_uint32, *(c_uint16,) * 4),
    ):
        function = getattr(xcb, f"xcb_{name}")
        function.restype, function.argtypes = result, arguments
    return xcb


@cache
def _free() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.free.restype, libc.free.argtypes = None, (c_void_p,)
    return libc


class XDisplay:
    """A connection of ours to an X server. What it is asked about windows that have gone, it does not know.

    Raises NoXcbError, and ConnectionError where nobody answers at `name`, as in DISPLAY.
    """

    def __init__(self, name: str) -> None:
        self._xcb = _xcb()
        self._to = self._xcb.xcb_connect(os.fsencode(name), None)
        if self._xcb.xcb_connection_has_error(self._to):
            self._xcb.xcb_disconnect(self._to)
            raise ConnectionError(f"the display {name} does not answer")

    def close(self) -> None:
        """End the connection."""
        self._xcb.xcb_disconnect(self._to)

    def answers(self) -> bool:
        """Whether the server is still there."""
        self._free_reply(self._reply("query_tree", self._root()))
        return not self._xcb.xcb_connection_has_error(self._to)

    def windows_named(self, title: str) -> list[int]:
        """The windows of that title; those of the desktop itself first, then those that it has put into others."""
        level = [self._root()]
        for _ in range(_DEEPEST):
            level = [child for window in level for child in self._children(window)]
            found = [window for window in level if self._title(window) == title.encode()]
            if found:
                return found
        return []

    def say_shown(self, window: int) -> None:
        """Tell the window's program that it is on the screen and should paint all of it, where that is so."""
        attributes = self._reply("get_window_attributes", window)
        if attributes is None:
            return
        viewable = ctypes.string_at(attributes, 27)[26] == _VIEWABLE
        self._free_reply(attributes)
        if viewable:
            event = struct.pack("=BxHII20x", _MAP_NOTIFY, 0, window, window)
            self._xcb.xcb_send_event(self._to, 0, window, _STRUCTURE_NOTIFY, event)
            self._xcb.xcb_clear_area(self._to, 1, window, 0, 0, 0, 0)
            self._xcb.xcb_flush(self._to)

    def _root(self) -> int:
        screens = self._xcb.xcb_setup_roots_iterator(self._xcb.xcb_get_setup(self._to))
        return int(screens.data[0])

    def _children(self, window: int) -> list[int]:
        tree = self._reply("query_tree", window)
        if tree is None:
            return []
        children = self._xcb.xcb_query_tree_children(tree)
        found = [children[i] for i in range(self._xcb.xcb_query_tree_children_length(tree))]
        self._free_reply(tree)
        return found

    def _title(self, window: int) -> bytes:
        held = self._reply("get_property", 0, window, _WM_NAME, _ANY, 0, _MOST_NAME_WORDS)
        if held is None:
            return b""
        length = self._xcb.xcb_get_property_value_length(held)
        title = ctypes.string_at(self._xcb.xcb_get_property_value(held), length)
        self._free_reply(held)
        return title

    def _reply(self, request: str, *arguments: int) -> int | None:
        cookie = getattr(self._xcb, f"xcb_{request}")(self._to, *arguments)
        reply: int | None = getattr(self._xcb, f"xcb_{request}_reply")(self._to, cookie, None)
        return reply

    def _free_reply(self, reply: int | None) -> None:
        if reply is not None:
            _free().free(reply)


# -- the display that the window is on ---------------------------------------------------------------------------------

_KEPT: dict[str, XDisplay] = {}
"""Displays with a connection of ours that stays: a bare X server begins anew when its last client leaves, and whoever
comes at that moment, Qt above all, finds nobody."""


def display_answers(name: str) -> bool:
    """Whether an X server answers there, by its socket where there is no libxcb; what answers is kept connected."""
    try:
        if name in _KEPT and not _KEPT[name].answers():
            _KEPT.pop(name).close()
        if name not in _KEPT:
            _KEPT[name] = XDisplay(name)
    except ConnectionError:
        return False
    except NoXcbError:
        return _socket_answers(name)
    return True


def kept_display(name: str) -> XDisplay | None:
    """The connection that `display_answers` keeps."""
    return _KEPT.get(name)


def _socket_answers(name: str) -> bool:
    host, _, number = name.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdigit():
        return False
    try:
        if host in ("", "unix"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(2.0)
                connection.connect(f"/tmp/.X11-unix/X{number}")
        else:
            socket.create_connection((host, 6000 + int(number)), timeout=2.0).close()
    except OSError:
        return False
    return True
