"""The window under Xvfb, seen by screenshot and moved by the X server's own test keys."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.realtime.display.programs import OPENS, linux, program

PROGRAM = """
import json, sys, time
from fractions import Fraction
from pathlib import Path
import mss, numpy as np
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.display.window import Window
from tests.realtime.display.x_hands import Hands

try:
    hands = Hands()
except OSError as error:
    sys.exit(f"no hands: {error}")
folder, width, height = Path(sys.argv[1]), 320, 180
left, top = 160, 150  # where a window is put in the middle of a screen of 640x480
across = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, 0)
stylized = np.ascontiguousarray(np.stack([across, 255 - across, across // 2], axis=2))
original = np.ascontiguousarray(stylized[::-1, ::-1])
frame = Frame(image=stylized, original=original, pts=Fraction(0), index=0, captured_ns=0)
window = Window("stylefader test", width, height, monitor=1)
told, middle = {}, slice(150, 170)  # where the line of the split stands

def settle(keys=None, rounds=25):
    for _ in range(rounds):
        window.show(frame)
        keys_now = window.poll()
        if keys is not None:
            keys += keys_now
        time.sleep(0.01)

def screen():
    with mss.MSS() as camera:
        return np.array(camera.grab(camera.monitors[0]))[:, :, 2::-1]

def look(name, right):
    until = time.monotonic() + 30  # a loaded machine takes its time to put on the screen what it was told to
    while True:
        settle()
        picture = screen()
        if right(picture) or time.monotonic() > until:
            break
    np.save(folder / f"{name}.npy", picture)

def shot(name, wanted):
    def right(picture):
        inside = picture[top:top + 140, left:left + width]
        return np.array_equal(np.delete(inside, middle, 1), np.delete(wanted, middle, 1)[:140])
    look(name, right)

def drag(*places):
    for x, button in places:
        hands.mouse(x, top + 60, button)
        settle(rounds=5)

def press(*names):
    keys = []
    for name in names:
        hands.press(*name.split("+"))
        settle(keys, 5)
    return keys

window.open()
shot("stylized", stylized)
window.mode = "original"
shot("original", original)
window.mode = "split"
shot("split", np.hstack([original[:, :width // 2], stylized[:, width // 2:]]))
drag((left + 160, None), (left + 160, True), (left + 80, None), (left + 80, False))
told["split"] = window.split
drag((left + 300, None))
told["split later"] = window.split
told["keys"] = press("q", "Shift_L+q", "Escape", "space", "Left", "F1", "Control_L+q", "KP_Enter", "Shift_L+slash")
held, after = [], []
hands.hold("Up", True)
until = time.monotonic() + 30
while len(held) < 4 and time.monotonic() < until:
    settle(held, 1)
hands.hold("Up", False)
settle()
settle(after, 60)
told["held"], told["held after"] = held, after
ours = hands.window("stylefader test")
told["dropped before"] = [str(path) for path in window.take_dropped()]
for file in ("one pack.safetensors", "zwei äöü.png"):
    hands.drop(ours, folder / file, settle)
told["dropped"] = [str(path) for path in window.take_dropped()]
told["dropped later"] = [str(path) for path in window.take_dropped()]
window.mode = "stylized"
told["closed before"] = window.closed

# As a desktop does it that maximizes a window, or fills the screen with it: the window is made another size.
black = Frame(image=np.zeros((height, width, 3), np.uint8), pts=Fraction(0), index=0, captured_ns=0)
grey = Frame(image=np.full((height, width, 3), 200, np.uint8), pts=Fraction(0), index=0, captured_ns=0)
for name, size, inside in (("tall", (640, 480), (0, 60, 640, 360)), ("wide", (640, 200), (142, 0, 356, 200))):
    hands.place(ours, 0, 0, *size)
    x, y, wide, high = inside
    wanted = np.zeros((480, 640, 3), np.uint8)
    wanted[y:y + high, x:x + wide] = 200
    frame = grey
    look(name, lambda picture: np.array_equal(picture, wanted))
    told[f"size {name}"] = window._canvas.shape[1::-1]
    frame = black
    look(f"{name} black", lambda picture: not picture.any())
window.mode = "split"
frame = Frame(image=stylized, original=original, pts=Fraction(0), index=0, captured_ns=0)
settle()
top = 0
drag((320, None), (320, True), (142 + 89, None), (142 + 89, False))
told["split beside bars"] = window.split
window.mode, top = "stylized", 150
hands.close(ours)
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

frame = grey
window = Window("stylefader full", width, height)
window.full_screen = True
window.open()
wanted = np.zeros((480, 640, 3), np.uint8)
wanted[60:420] = 200
look("full", lambda picture: np.array_equal(picture, wanted))
told["full screen"] = window.full_screen
window.full_screen = False
wanted[:] = 0
wanted[150:330, 160:480] = 200
look("left", lambda picture: np.array_equal(picture, wanted))
window.close()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[Any]:
    """Starts X displays of this test's own, each with screens of given sizes and depths, and gives their names."""
    pytest.importorskip("mss", reason="mss is not installed, which takes the screenshots")
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no Xvfb on this system")
    running: list[subprocess.Popen[bytes]] = []

    def start(*screens: str) -> str:
        sizes = [word for number, size in enumerate(screens) for word in ("-screen", str(number), size)]
        line = ["Xvfb", "-displayfd", "1", *sizes, "-nolisten", "tcp"]
        server = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        running.append(server)
        assert server.stdout is not None
        number = server.stdout.readline().decode().strip()
        assert number, "Xvfb did not start"
        return f":{number}"

    yield start
    for server in running:
        server.terminate()
        server.wait(10)
        assert server.stdout is not None
        server.stdout.close()


@pytest.fixture(scope="module")
def display(servers: Any) -> str:
    return str(servers("640x480x24"))


@pytest.mark.parametrize("first", ["av", "cv2", "torch"])
def test_a_window_opens_whatever_was_imported_before(display: str, first: str) -> None:
    """PyAV and OpenCV bring an X library and a desktop toolkit of their own."""
    done = program(f"import {first}, stylefader.realtime.session.live_session\n{OPENS}", DISPLAY=display)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


HABITS = """
import os, signal, sys
def handled():  # without those that the C library keeps for itself
    lines = [line.split() for line in open("/proc/self/status")]
    return [int(words[1], 16) % 2**31 for words in lines if words[0] in ("SigCgt:", "SigIgn:")]
from stylefader.realtime.display.window import Window
before = handled()
window = Window("test", 64, 48)
window.open()
import pygame
assert handled() == before, (before, handled())
assert pygame.mixer.get_init() is None and not pygame.joystick.get_init()
assert pygame.display.get_allow_screensaver()
window.full_screen = True
assert not pygame.display.get_allow_screensaver()
window.full_screen = False
assert pygame.display.get_allow_screensaver()
window.close()
os.kill(os.getpid(), signal.SIGQUIT)
"""


@linux
def test_sdl_leaves_signals_sound_and_the_screen_saver_alone(display: str) -> None:
    done = program(HABITS, DISPLAY=display)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGQUIT, "", "")


@pytest.fixture(scope="module")
def session(display: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the program above told, and the folder of its screenshots."""
    folder = tmp_path_factory.mktemp("shots")
    done = program(PROGRAM, str(folder), timeout_s=300, DISPLAY=display)
    if "no hands" in done.stderr:
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

    def window(name: str) -> np.ndarray:
        return np.load(folder / f"{name}.npy")[150:330, 160:480]

    assert np.array_equal(window("stylized"), stylized)
    assert np.array_equal(window("original"), original)
    split = window("split")
    # Away from the line, its handle and the words.
    assert np.array_equal(split[:140, :150], original[:140, :150])
    assert np.array_equal(split[:140, 170:], stylized[:140, 170:])
    assert np.array_equal(window("again"), stylized)


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


def test_keys_arrive_by_name_and_again_while_they_are_held(session: tuple[dict[str, Any], Path]) -> None:
    told = session[0]
    assert told["keys"] == ["q", "q", "esc", "space", "left", "f1", "enter", "?"]
    assert len(told["held"]) >= 4 and set(told["held"]) == {"up"} and told["held after"] == []


def test_files_are_dropped_onto_the_window(session: tuple[dict[str, Any], Path]) -> None:
    told, folder = session
    files = [str(folder / name) for name in ("one pack.safetensors", "zwei äöü.png")]
    assert (told["dropped before"], told["dropped"], told["dropped later"]) == ([], files, [])


def test_the_user_closes_the_window(session: tuple[dict[str, Any], Path]) -> None:
    told = session[0]
    assert (told["closed before"], told["closed after"], told["opened again"]) == (False, True, False)
    assert told["closing"] == ["closed"]


def test_it_opens_over_the_whole_screen_and_leaves_it(session: tuple[dict[str, Any], Path]) -> None:
    told, folder = session
    assert told["full screen"] is True
    full, left = np.load(folder / "full.npy"), np.load(folder / "left.npy")
    assert (full[60:420] == 200).all() and not full[:60].any() and not full[420:].any()
    assert (left[150:330, 160:480] == 200).all()
    left[150:330, 160:480] = 0
    assert not left.any()


ON_MONITOR = """
import sys, time
from fractions import Fraction
import mss, numpy as np
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.display.window import Window
display, number, picture = sys.argv[1], int(sys.argv[2]), np.full((90, 160, 3), (200, 100, 40), np.uint8)
window = Window("test", 160, 90, monitor=number)
window.open()
until = time.monotonic() + 30
lit = 0
while lit < 160 * 90 and time.monotonic() < until:
    window.show(Frame(image=picture, pts=Fraction(0), index=0, captured_ns=0))
    window.poll()
    with mss.MSS(display=display) as camera:
        screen = np.array(camera.grab(camera.monitors[0]))[:, :, 2::-1].astype(int)
    lit = int((screen == picture[0, 0]).all(axis=2).sum())
where = np.argwhere(screen.any(axis=2))
print(lit, *where.min(axis=0)[::-1], *where.max(axis=0)[::-1])
"""


@pytest.mark.parametrize(("number", "box"), [(1, "240 195 399 284"), (2, "320 255 479 344")])
def test_the_window_opens_on_the_monitor_that_was_asked_for(servers: Any, number: int, box: str) -> None:
    """Xvfb's screens lie over each other, so the place tells in the middle of which one the window is."""
    display = servers("640x480x24", "800x600x24")
    done = program(ON_MONITOR, display, str(number), DISPLAY=display)
    assert (done.stdout, done.stderr) == (f"14400 {box}\n", "")


def test_a_monitor_that_is_not_there_is_said(servers: Any) -> None:
    code = OPENS.replace("64, 48)", "64, 48, monitor=3)")
    done = program(code, DISPLAY=servers("640x480x24", "800x600x24"))
    assert (done.stdout, done.stderr) == ("there is no monitor 3; there are: 1 (640x480), 2 (800x600)\n", "")


def test_a_screen_of_few_colours_shows_the_picture(servers: Any) -> None:
    """Its pixels are not those that OpenCV writes; mss reads 24 bits only, so this looks at SDL's own."""
    code = (
        ON_MONITOR.partition("until =")[0]
        + """
window.show(Frame(image=picture, pts=Fraction(0), index=0, captured_ns=0))
surface = window._window.get_surface()
print(surface.get_bitsize(), np.abs(np.subtract(surface.get_at((80, 45))[:3], picture[0, 0].astype(int))).max() <= 8)
"""
    )
    display = servers("640x480x16")
    done = program(code, display, "1", DISPLAY=display)
    assert (done.stdout, done.stderr) == ("16 True\n", "")
