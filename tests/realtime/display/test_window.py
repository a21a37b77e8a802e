"""The window under Xvfb, seen by screenshot and moved by the X server's own test keys; what it draws, against NumPy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stylefader.realtime.controls.keyboard.key_table import KeyMap
from stylefader.realtime.display import overlay, x11
from stylefader.realtime.display import window as window_module
from stylefader.realtime.display.keycodes import key_name
from stylefader.realtime.display.overlay import (
    TextStyle,
    compose_split,
    darken,
    draw_help,
    draw_lines,
    draw_sign,
    draw_split,
)
from stylefader.realtime.display.window import Window, why_no_display
from stylefader.realtime.media.frame import Frame
from stylefader.training.errors import SinkError

# -- pure --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, 31, 63, 64])
def test_split_is_original_before_the_line_and_stylized_after_it(picture, at: int) -> None:
    original = picture(48, 64)
    stylized = 255 - original
    canvas = np.zeros((48, 64, 3), np.uint8)
    compose_split(original, stylized, at, canvas)
    expected = np.concatenate([original[:, :at], stylized[:, at:]], axis=1)[..., ::-1]
    assert np.array_equal(canvas, expected)


@pytest.mark.parametrize(("width", "height", "least"), [(640, 360, 14), (1280, 720, 24), (720, 1280, 14)])
def test_the_help_fits_and_can_be_read(width: int, height: int, least: int) -> None:
    window = Window("test", width, height)
    rows = KeyMap({"alpha4 up": ("y",), "alpha4 down": ("z",)}).rows()
    before = np.full_like(window._canvas, 255)
    window._canvas[:] = before
    drawn: list[tuple[int, int, int]] = []

    class Style(TextStyle):
        def put(self, canvas: Any, text: str, left: int, top: int, colour: Any = (240, 240, 240)) -> None:
            drawn.append((left, left + self.width(text), self.line))
            super().put(canvas, text, left, top, colour)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlay, "TextStyle", Style)
        window._style.__class__ = Style
        draw_help(window._canvas, rows, window._style)
    assert len(drawn) == 2 * len(rows)
    assert min(left for left, _, _ in drawn) >= 0 and max(right for _, right, _ in drawn) <= width
    assert min(line for _, _, line in drawn) >= least
    changed = (window._canvas != before).any(axis=2)
    assert changed.any() and not changed[: height // 4].any(), "the numbers have their place above"


@pytest.mark.parametrize("size", [(64, 48), (32, 24), (128, 96), (200, 96), (64, 150)])
@pytest.mark.parametrize("mode", ["stylized", "original", "split"])
def test_each_view_at_any_size(size: tuple[int, int], mode: Any) -> None:
    """Two colours, so that every pixel away from the line must be one of them, and black beside the picture."""
    window = Window("test", *size)
    window.mode = mode
    stylized, original = (np.full((48, 64, 3), colour, np.uint8) for colour in ((10, 20, 200), (200, 30, 10)))
    frame = Frame(image=stylized, original=original, pts=Fraction(0), index=0, captured_ns=0)
    window._canvas[:] = 77  # whatever stood there
    canvas = window.draw(frame)
    x, y, across, down = window._inside
    inside = canvas[y : y + down, x : x + across, ::-1]
    left, right = inside[: down // 4, : across // 2 - 4], inside[: down // 4, across // 2 + 4 :]
    assert (left == (stylized if mode == "stylized" else original)[0, 0]).all()
    assert (right == (original if mode == "original" else stylized)[0, 0]).all()
    assert {"stylized": 1, "original": 1}.get(mode, 2) <= len(np.unique(inside.reshape(-1, 3), axis=0))
    canvas[y : y + down, x : x + across] = 0
    assert canvas.shape[1::-1] == size and not canvas.any()


def test_darken_leaves_a_quarter_and_stays_within(picture) -> None:
    canvas = picture(48, 64)
    before = canvas.copy()
    darken(canvas, -5, 40, 10, 99)
    assert np.array_equal(canvas[40:, :10], before[40:, :10] // 4)
    canvas[40:, :10] = before[40:, :10]
    assert np.array_equal(canvas, before)


@pytest.mark.parametrize("value", [0, 127, 255])
def test_text_is_readable_on_every_picture_and_nothing_else_changes(value: int) -> None:
    canvas = np.full((360, 640, 3), value, np.uint8)
    draw_lines(canvas, ["fps in 30.0 out 29.9", "alpha 0.50"], TextStyle(360))
    box = canvas[6:52, 6:100]
    assert box.min() <= 64 and box.max() >= 200
    assert (canvas[80:] == value).all() and (canvas[:, 400:] == value).all()
    draw_sign(canvas, "camera lost", TextStyle(360))
    assert (canvas[:60, 540:] != value).any()
    assert (canvas[80:] == value).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (20, 30), (180, 320)])
def test_drawing_on_small_pictures_does_no_harm(size: tuple[int, int]) -> None:
    canvas = np.zeros((*size, 3), np.uint8)
    style = TextStyle(size[0])
    for at in (0, size[1] - 1):
        draw_split(canvas, at, style)
    draw_lines(canvas, ["a line that is longer than the picture"] * 9, style)
    draw_sign(canvas, "camera lost", style)
    draw_help(canvas, [("a", "what it does")] * 9, style)
    draw_help(canvas, [], style)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (ord("q"), "q"), (ord("Q"), "q"), (27, "esc"), (32, "space"), (13, "enter"), (ord("["), "["), (0xFF51, "left"),
        (0xF703, "right"), (0x26_0000, "up"), (0xFFBE, "f1"), (0xFFC9, "f12"), (0x70_0000, "f1"), (0x10_0071, "q"),
        (0xFFE1, None), (-1, None), (0, None), (0xFFB7, "7"), (0xFF97, "up"), (0xFF9B, "pagedown"), (0xFFAB, "+"),
        (0xFF63, "insert"), (-0x2A, "ö"), (0xE9, "é"), (0x6C1, None), (-200, None),
    ],
)  # fmt: skip
def test_keys_by_their_names(code: int, name: str | None) -> None:
    assert key_name(code) == name


# -- no display --------------------------------------------------------------------------------------------------------

linux = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these systems always have a display")


@linux
@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({}, "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ({"DISPLAY": ":4077"}, "the display :4077 does not answer"),
        ({"DISPLAY": "nonsense"}, "does not answer"),
    ],
)
@pytest.mark.parametrize("library", [True, False])
def test_without_a_display_it_says_so(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], part: str, library: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if not library:
        monkeypatch.setattr(x11, "_xcb", _no_library)
    with pytest.raises(SinkError, match=f"{part}.*--no-window"):
        Window("test", 64, 48).open()


def _no_library() -> Any:
    raise x11.NoXcbError("libxcb.so.1 is not there")


@linux
def test_wayland_alone_is_not_enough_for_an_opencv_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "QT5")
    monkeypatch.setattr(window_module, "_has_wayland_plugin", lambda: False)
    assert "X11 only" in str(why_no_display())


def test_an_opencv_without_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    assert "-headless" in str(why_no_display())


def test_a_closed_window_refuses_frames_and_has_no_keys(picture) -> None:
    window = Window("test", 64, 48)
    frame = Frame(image=picture(48, 64), pts=Fraction(0), index=0, captured_ns=0)
    with pytest.raises(SinkError, match="not open"):
        window.show(frame)
    assert window.poll() == []
    window.close()


# -- on a screen -------------------------------------------------------------------------------------------------------

# In a process of its own: Qt keeps its display until the process ends, and ends it where the display goes first.
PROGRAM = """
import ctypes, json, sys, time
from fractions import Fraction
import mss, numpy as np
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.display.window import Window

x11, test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
P, U, I, L = ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_ulong
x11.XOpenDisplay.restype, x11.XStringToKeysym.restype = P, L
x11.XKeysymToKeycode.argtypes, x11.XSync.argtypes = [P, L], [P, I]
test.XTestFakeKeyEvent.argtypes, test.XTestFakeButtonEvent.argtypes = [P, U, I, L], [P, U, I, L]
test.XTestFakeMotionEvent.argtypes = [P, I, I, I, L]
screen = x11.XOpenDisplay(None)

folder, width, height = sys.argv[1], 320, 180
across = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, 0)
stylized = np.ascontiguousarray(np.stack([across, 255 - across, across // 2], axis=2))
original = np.ascontiguousarray(stylized[::-1, ::-1])
frame = Frame(image=stylized, original=original, pts=Fraction(0), index=0, captured_ns=0)
window = Window("stylefader test", width, height)
told, middle = {}, slice(150, 170)  # where the line of the split stands

def settle(keys=None):
    for _ in range(25):
        window.show(frame)
        keys_now = window.poll()
        if keys is not None:
            keys += keys_now
        time.sleep(0.01)

def shot(name, wanted):
    until = time.monotonic() + 30  # a loaded machine takes its time to put on the screen what it was told to
    while True:
        settle()
        with mss.MSS() as camera:
            picture = np.array(camera.grab(camera.monitors[0]))[:height, :width, 2::-1]
        same = np.array_equal(np.delete(picture, middle, 1)[:140], np.delete(wanted, middle, 1)[:140])
        if same or time.monotonic() > until:
            break
    np.save(f"{folder}/{name}.npy", picture)

def press(name):
    code = x11.XKeysymToKeycode(screen, x11.XStringToKeysym(name.encode()))
    for down in (1, 0):
        test.XTestFakeKeyEvent(screen, code, down, 0)
    x11.XSync(screen, 0)

def mouse(x, button=None):
    test.XTestFakeMotionEvent(screen, -1, x, 60, 0)
    if button is not None:
        test.XTestFakeButtonEvent(screen, 1, button, 0)
    x11.XSync(screen, 0)
    settle()

window.open()
shot("stylized", stylized)
window.mode = "original"
shot("original", original)
window.mode = "split"
shot("split", np.hstack([original[:, :width // 2], stylized[:, width // 2:]]))
mouse(160), mouse(160, 1), mouse(80), mouse(80, 0)
told["split"] = window.split
mouse(300)
told["split later"] = window.split
keys = []
for name in ("q", "Escape", "space", "Left", "F1"):
    press(name)
    settle(keys)
told["keys"] = keys
window.full_screen = True
settle()
told["full screen"] = window.full_screen
window.full_screen = False
window.mode = "stylized"
told["closed before"] = window.closed

# As a desktop does it that maximizes a window, or fills the screen with it: the window is made another size.
def whole_screen(name, bars, inside):
    until = time.monotonic() + 30
    while True:
        settle()
        with mss.MSS() as camera:
            picture = np.array(camera.grab(camera.monitors[0]))[:, :, 2::-1]
        x, y, across, down = inside
        shown = picture[y : y + down, x : x + across]
        if (shown.any() or frame.image is black) and not picture[bars].any() or time.monotonic() > until:
            break
    np.save(f"{folder}/{name}.npy", picture)

import cv2
black = np.zeros((height, width, 3), np.uint8)
picture = Frame(image=np.full((height, width, 3), 200, np.uint8), pts=Fraction(0), index=0, captured_ns=0)
for name, size, inside in (("tall", (640, 480), (0, 60, 640, 360)), ("wide", (640, 200), (142, 0, 356, 200))):
    cv2.resizeWindow("stylefader test", *size)
    frame = picture
    bars = np.ones((480, 640), bool)
    bars[inside[1] : inside[1] + inside[3], inside[0] : inside[0] + inside[2]] = False
    whole_screen(name, bars, inside)
    told[f"size {name}"] = window._canvas.shape[1::-1]
    frame = Frame(image=black, pts=Fraction(0), index=0, captured_ns=0)
    whole_screen(f"{name} black", np.ones((480, 640), bool), inside)
window.mode = "split"
frame = Frame(image=stylized, original=original, pts=Fraction(0), index=0, captured_ns=0)
settle()
mouse(320), mouse(320, 1), mouse(142 + 89), mouse(142 + 89, 0)
told["split beside bars"] = window.split
window.mode = "stylized"
cv2.resizeWindow("stylefader test", width, height)

# What a desktop's close button sends.
class Message(ctypes.Structure):
    _fields_ = [("type", I), ("serial", L), ("send", I), ("display", P), ("window", L), ("kind", L), ("format", I),
                ("data", ctypes.c_long * 5), ("room", ctypes.c_char * 128)]
x11.XInternAtom.argtypes, x11.XInternAtom.restype = [P, ctypes.c_char_p, I], L
x11.XDefaultRootWindow.argtypes, x11.XDefaultRootWindow.restype = [P], L
x11.XQueryTree.argtypes = [P, L, ctypes.POINTER(L), ctypes.POINTER(L), ctypes.POINTER(ctypes.POINTER(L)),
                           ctypes.POINTER(U)]
x11.XFetchName.argtypes = [P, L, ctypes.POINTER(ctypes.c_char_p)]
x11.XSendEvent.argtypes = [P, L, I, ctypes.c_long, P]
root, up, below, count = L(), L(), ctypes.POINTER(L)(), U()
x11.XQueryTree(screen, x11.XDefaultRootWindow(screen), root, up, below, count)
for number in range(count.value):
    name = ctypes.c_char_p()
    x11.XFetchName(screen, below[number], name)
    if name.value == b"stylefader test":
        message = Message(type=33, window=below[number], kind=x11.XInternAtom(screen, b"WM_PROTOCOLS", 0), format=32)
        message.data[0] = x11.XInternAtom(screen, b"WM_DELETE_WINDOW", 0)
        x11.XSendEvent(screen, below[number], 0, 0, ctypes.byref(message))
x11.XSync(screen, 0)
keys = []
settle(keys)
told["closing"] = keys
told["closed after"] = window.closed
window.close()
window.close()
window.open()
told["opened again"] = window.closed
shot("again", stylized)
window.close()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """The name of an X display of this test's own."""
    pytest.importorskip("mss", reason="mss is not installed, which takes the screenshots")
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no Xvfb on this system")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    number = server.stdout.readline().decode().strip()
    try:
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def test_a_window_opens_whatever_was_imported_before(display: str) -> None:
    """PyAV brings a libxcb of its own, which hung Qt where it came first."""
    code = (
        "import stylefader.realtime.session.live_session; from stylefader.realtime.display.window import Window; "
        "Window('x', 64, 48).open(); print('open')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "DISPLAY": display}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "open\n", done.stderr


@pytest.fixture(scope="module")
def session(display: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the program above told, and the folder of its screenshots."""
    folder = tmp_path_factory.mktemp("shots")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, "DISPLAY": display},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "libXtst" in done.stderr:
        pytest.skip("there is no libXtst on this system, which presses the keys")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), folder


def _pictures() -> tuple[np.ndarray, np.ndarray]:
    across = np.linspace(0, 255, 320, dtype=np.uint8)[None, :].repeat(180, 0)
    stylized = np.stack([across, 255 - across, across // 2], axis=2)
    return stylized, stylized[::-1, ::-1]


def test_the_screen_shows_the_picture_that_was_given(session: tuple[dict[str, Any], Path]) -> None:
    stylized, original = _pictures()
    folder = session[1]
    assert np.array_equal(np.load(folder / "stylized.npy"), stylized)
    assert np.array_equal(np.load(folder / "original.npy"), original)
    split = np.load(folder / "split.npy")
    # Away from the line, its handle and the words.
    assert np.array_equal(split[:140, :150], original[:140, :150])
    assert np.array_equal(split[:140, 170:], stylized[:140, 170:])
    assert np.array_equal(np.load(folder / "again.npy"), stylized)


def test_the_mouse_moves_the_line_while_it_is_pressed(session: tuple[dict[str, Any], Path]) -> None:
    told = session[0]
    assert told["split"] == pytest.approx(80 / 320, abs=0.01)
    assert told["split later"] == told["split"]


def test_bars_are_black_and_black_out_is_black_to_the_edges(session: tuple[dict[str, Any], Path]) -> None:
    told, folder = session
    for name, size, (x, y, width, height) in (
        ("tall", [640, 480], (0, 60, 640, 360)),
        ("wide", [640, 200], (142, 0, 356, 200)),
    ):
        assert told[f"size {name}"] == size, "the canvas is as large as the window"
        screen = np.load(folder / f"{name}.npy")
        assert (screen[y : y + height, x : x + width] == 200).all()
        screen[y : y + height, x : x + width] = 0
        assert not screen.any(), "nothing but black beside the picture"
        assert not np.load(folder / f"{name} black.npy").any()
    assert told["split beside bars"] == pytest.approx(89 / 356, abs=0.01)


def test_keys_arrive_by_name(session: tuple[dict[str, Any], Path]) -> None:
    assert session[0]["keys"] == ["q", "esc", "space", "left", "f1"]


def test_the_user_closes_the_window(session: tuple[dict[str, Any], Path]) -> None:
    told = session[0]
    assert told["full screen"] is True
    assert (told["closed before"], told["closed after"], told["opened again"]) == (False, True, False)
    assert told["closing"] == ["closed"]


@linux
def test_a_display_that_answers_is_taken(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert why_no_display() is None
    assert why_no_display() is None
    monkeypatch.setattr(x11, "_KEPT", {})
    monkeypatch.setattr(x11, "_xcb", _no_library)
    assert why_no_display() is None


def test_a_display_that_ended_does_not_answer_and_its_successor_does() -> None:
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no Xvfb on this system")
    command, name = ["Xvfb", "-displayfd", "1", "-nolisten", "tcp"], ""
    for given in ([], ["again"]):
        words = [*command, name] if given else command
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            assert server.stdout is not None
            name = f":{server.stdout.readline().strip()}"
            assert x11.display_answers(name) and x11.display_answers(name)
            server.terminate()
        assert not x11.display_answers(name)


# A program's window, seen from that program: what it hears when it is told that it is shown.
HEARS = """
import ctypes, json, os
from stylefader.realtime.display.x11 import XDisplay
x = ctypes.CDLL("libX11.so.6")
P, L = ctypes.c_void_p, ctypes.c_ulong
x.XOpenDisplay.restype, x.XDefaultRootWindow.restype, x.XCreateSimpleWindow.restype = P, L, L
x.XDefaultRootWindow.argtypes, x.XSelectInput.argtypes, x.XStoreName.argtypes = [P], [P, L, ctypes.c_long], [
    P, L, ctypes.c_char_p]
x.XCreateSimpleWindow.argtypes = [P, L, *(ctypes.c_int,) * 5, L, L]
x.XMapWindow.argtypes = x.XUnmapWindow.argtypes = [P, L]
x.XSync.argtypes, x.XPending.argtypes, x.XNextEvent.argtypes = [P, ctypes.c_int], [P], [P, P]
screen = x.XOpenDisplay(None)
frame = x.XCreateSimpleWindow(screen, x.XDefaultRootWindow(screen), 0, 0, 90, 70, 0, 0, 0)
window = x.XCreateSimpleWindow(screen, frame, 0, 0, 80, 60, 0, 0, 0)
x.XStoreName(screen, window, b"a window")
x.XSelectInput(screen, window, 1 << 17 | 1 << 15)
x.XMapWindow(screen, frame)
x.XSync(screen, 0)
ours = XDisplay(os.environ["DISPLAY"])

def heard():
    assert ours.answers()
    x.XSync(screen, 0)
    kinds = []
    while x.XPending(screen):
        event = (ctypes.c_char * 192)()
        x.XNextEvent(screen, event)
        kinds.append(int.from_bytes(event[:4], "little"))
    return kinds

told = {"found": ours.windows_named("a window") == [window], "others": ours.windows_named("a")}
told["hidden"] = (ours.say_shown(window), heard())[1]
x.XMapWindow(screen, window)
told["mapped"] = heard()
told["told"] = (ours.say_shown(window), heard())[1]
told["no window"] = ours.say_shown(12345)
print(json.dumps(told))
"""


def test_a_program_is_told_that_its_window_is_shown_where_it_is(display: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEARS],
        env={**os.environ, "DISPLAY": display},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    shown, expose = 19, 12
    assert json.loads(done.stdout) == {
        "found": True, "others": [], "hidden": [], "mapped": [shown, expose], "told": [shown, expose],
        "no window": None}  # fmt: skip


def test_the_toolkit_is_told_some_times_after_opening_and_full_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = [100.0], []
    quiet = types.SimpleNamespace(
        pollKey=lambda: -1, getWindowProperty=lambda *_: 1, setWindowProperty=lambda *_: None, error=RuntimeError,
        WND_PROP_VISIBLE=4, WND_PROP_FULLSCREEN=0, WINDOW_FULLSCREEN=1, WINDOW_NORMAL=0,
        currentUIFramework=lambda: "QT5")  # fmt: skip
    display = types.SimpleNamespace(windows_named=lambda title: [7], say_shown=lambda window: told.append(now[0]))
    window = Window("test", 64, 48)
    monkeypatch.setattr(window_module, "cv2", quiet)
    monkeypatch.setattr(window_module, "kept_display", lambda name: display)
    monkeypatch.setattr(window_module.time, "monotonic", lambda: now[0])
    window._open = True
    window._put_up_again()
    for step in range(100):
        now[0] = 100 + step / 10
        window.poll()
        if step == 50:
            window.full_screen = True
    assert told == pytest.approx([100.1, 100.3, 101.0, 103.0, 105.1, 105.3, 106.0, 108.0], abs=0.11)
