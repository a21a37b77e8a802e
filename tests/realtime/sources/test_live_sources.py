"""The testcard, the screen, cameras, and the thread that reads what may hang."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.decoded import ArrayPicture
from stylefader.realtime.sources.live.background import BackgroundSource, Session, Shot
from stylefader.realtime.sources.live.camera import CameraSource, Way
from stylefader.realtime.sources.live.cameras import CameraInfo, cameras
from stylefader.realtime.sources.live.decoding import rate_of, read_shots, video_of
from stylefader.realtime.sources.live.screen import ScreenPart, ScreenSource
from stylefader.realtime.sources.live.stream_clock import Backlog
from stylefader.realtime.sources.live.testcard import TestcardSource
from stylefader.realtime.sources.open_live import live_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import SourceError
from tests.realtime.fake_clock import FakeClock

F = Fraction
SECONDS = 30  # how long anything may hang before the test fails
MS = 1_000_000


def take_until_lost(frames: Iterable[Frame], message: str) -> list[Frame]:
    """The frames that come before the source is lost with this message."""
    seen = []
    try:
        for frame in frames:
            seen.append(frame)
    except SourceError as error:
        why: SourceError | None = error
    else:
        why = None
    assert why is not None and why.failure and re.search(message, str(why))
    return seen


# -- testcard ------------------------------------------------------------------------------------------------------


def test_testcard_moves_at_its_pace() -> None:
    clock = FakeClock()
    began = clock.ns
    choice = live_source("testcard", LiveOptions(size=(320, 180), rate=F(25)))
    assert not choice.reconnects
    with choice.make(now_ns=clock.now_ns, sleep=clock.sleep) as source:
        assert (source.width, source.height, source.rate, source.live) == (320, 180, 25, True)
        frames = list(itertools.islice(source, 50))
    assert [frame.pts for frame in frames] == [F(n, 25) for n in range(50)]
    assert [frame.captured_ns - began for frame in frames] == pytest.approx([n * 40 * MS for n in range(50)], abs=10)
    pictures = [frame.image for frame in frames]
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(pictures))


def test_testcard_leaves_out_what_nobody_took() -> None:
    clock = FakeClock()
    with TestcardSource(size=(64, 48), rate=F(25), now_ns=clock.now_ns, sleep=clock.sleep) as source:
        frames = iter(source)
        first = [next(frames) for _ in range(3)]
        clock.pass_time(0.2)
        after = [next(frames) for _ in range(3)]
    assert [frame.index for frame in first + after] == [0, 1, 2, 7, 8, 9]
    assert source.dropped == 4
    assert after[-1].captured_ns - first[0].captured_ns == pytest.approx(9 * 40 * MS, abs=10)


def test_testcard_as_asked() -> None:
    with live_source("testcard", LiveOptions(size=(60, 80), rotate=90)).make() as source:
        (frame,) = itertools.islice(source, 1)
    assert frame.image.shape == (80, 60, 3) and frame.image[0].any()  # turned, without bars
    with live_source("testcard").make() as source:
        assert (source.width, source.height, source.rate) == (1280, 720, 30)


def test_testcard_closed_by_another_thread() -> None:
    source = TestcardSource(size=(64, 48), rate=F(1, 3600))
    source.open()
    thread = threading.Thread(target=lambda: list(source))
    thread.start()
    source.close()
    thread.join(SECONDS)
    assert not thread.is_alive()


# -- the thread that reads -----------------------------------------------------------------------------------------


class Scripted(BackgroundSource):
    """Does what a test says, in the reading thread."""

    def __init__(self, script: Callable[[Session], Generator[Shot]], **limits: float) -> None:
        super().__init__("the thing", open_s=limits.get("open_s", SECONDS), stall_s=limits.get("stall_s", SECONDS))
        self._script = script

    def _shots(self, session: Session) -> Generator[Shot]:
        return self._script(session)


def shot(number: int) -> Shot:
    return Shot(picture=ArrayPicture(np.full((2, 3, 3), number, np.uint8)), captured_ns=number, pts=F(number))


def test_newest_win_and_the_end_is_told() -> None:
    ended = threading.Event()

    def script(session: Session) -> Generator[Shot]:
        for number in range(20):
            yield shot(number)
        ended.set()

    source = Scripted(script)
    with source:
        assert ended.wait(SECONDS)
        seen = [frame.index for frame in take_until_lost(source, "the thing is lost: it ended")]
    assert seen in ([0, 16, 17, 18, 19], [16, 17, 18, 19])  # the first one is there or not when opening ends


def test_a_burst_waits_for_whoever_takes_it_where_the_source_says_so() -> None:
    def script(session: Session) -> Generator[Shot]:
        for number in range(60):
            session.make_room(SECONDS)
            yield shot(number)

    with Scripted(script) as source:
        seen = [frame.index for frame in take_until_lost(source, "the thing is lost: it ended")]
    assert seen == list(range(60)) and source.dropped == 0

    left = threading.Event()

    def nobody_takes(session: Session) -> Generator[Shot]:
        for number in range(10):
            session.make_room(0.001)
            yield shot(number)
        left.set()
        session.make_room(SECONDS)  # until it is closed

    with Scripted(nobody_takes) as source:
        assert left.wait(SECONDS), "it does not wait for ever"


def test_index_shows_what_was_left_out() -> None:
    all_put, go_on = threading.Event(), threading.Event()

    def script(session: Session) -> Generator[Shot]:
        yield shot(0)
        assert go_on.wait(SECONDS)
        for number in range(1, 11):
            yield shot(number)
        session.leave_out()
        yield shot(12)
        all_put.set()
        session.rest(SECONDS)

    with Scripted(script) as source:
        go_on.set()
        assert all_put.wait(SECONDS)
        frames = list(itertools.islice(source, 5))
    assert [frame.index for frame in frames] == [0, 8, 9, 10, 12]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 8, 9, 10, 12]
    assert [frame.captured_ns for frame in frames] == [0, 8, 9, 10, 12]
    assert source.dropped == 8


def test_device_that_hangs_is_lost_and_can_be_opened_again() -> None:
    let_go = threading.Event()
    tries = itertools.count()

    def script(session: Session) -> Generator[Shot]:
        yield shot(next(tries))
        let_go.wait(SECONDS)  # a driver that does not come back

    source = Scripted(script, stall_s=0.05)
    for number in range(2):
        with source:
            (frame,) = take_until_lost(source, r"is lost: no picture for 0\.05 s")
            assert frame.captured_ns == number
    let_go.set()


def test_times_that_stand_still_are_moved_on() -> None:
    def script(session: Session) -> Generator[Shot]:
        for number in (5, 5, 5, 6):
            yield shot(number)
        session.rest(SECONDS)

    with Scripted(script) as source:
        times = [frame.pts for frame in itertools.islice(source, 4)]
    assert times == [5, 5 + F(1, 10**6), 5 + F(2, 10**6), 6]


def test_device_that_gives_nothing() -> None:
    def script(session: Session) -> Generator[Shot]:
        session.rest(SECONDS)
        yield from ()

    with pytest.raises(SourceError, match=r"the thing cannot be opened: it gives no picture within 0\.05 s"):
        Scripted(script, open_s=0.05).open()


def test_any_error_reaches_the_iteration() -> None:
    def script(session: Session) -> Generator[Shot]:
        yield shot(0)
        raise ZeroDivisionError("a bug")

    with Scripted(script) as source, pytest.raises(ZeroDivisionError, match="a bug"):
        list(source)


def test_threads_end_and_have_a_name() -> None:
    def script(session: Session) -> Generator[Shot]:
        while True:
            yield shot(0)
            session.rest(0.001)

    with Scripted(script) as source:
        assert "source the thing" in [thread.name for thread in threading.enumerate()]
        next(iter(source))
    source._thread.join(SECONDS)
    assert "source the thing" not in [thread.name for thread in threading.enumerate()]
    assert list(source) == []


# -- cameras -------------------------------------------------------------------------------------------------------

CAMERA = CameraInfo(number=0, name="Cam", address="/dev/none0")


def lavfi_way(size: str, rate: int, times: int | None = None) -> Way:
    """A camera that FFmpeg reads: its own test picture, so many frames of it."""

    def way(camera: CameraInfo, session: Session) -> Generator[Shot]:
        with av.open(f"testsrc2=size={size}:rate={rate},realtime", format="lavfi") as container:
            stream = video_of(container)
            assert stream is not None and rate_of(stream) == rate
            shots = read_shots(container, stream, session, own_clock=True, paced=False)
            yield from itertools.islice(shots, times)
        if times is not None:
            raise OSError(19, "No such device")

    return way


def refuses(camera: CameraInfo, session: Session) -> Generator[Shot]:
    raise av.FFmpegError(16, "Device or resource busy")
    yield


def test_camera_is_read_by_the_first_way_that_gives_a_picture() -> None:
    ways = {"one": refuses, "two": lavfi_way("64x48", 100, times=20)}
    source = CameraSource("camera 0 (Cam)", lambda: CAMERA, size=(640, 480), ways=ways)
    with source:
        assert (source.width, source.height) == (64, 48)
        assert source.notes == ["camera 0 (Cam) gives 64x48; asked for 640x480"]
        frames = take_until_lost(source, r"camera 0 \(Cam\) is lost: No such device")
    assert len(frames) + source.dropped == 20
    assert [frame.pts for frame in frames] == sorted({frame.pts for frame in frames})
    assert frames[0].pts == 0


def test_a_stream_whose_pictures_are_all_left_out_ends_with_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    session, asked = Session(), itertools.count(1)

    def is_late(*_: object) -> bool:
        if next(asked) == 5:
            session.close()
        return True

    monkeypatch.setattr(Backlog, "is_late", is_late)
    with av.open("testsrc2=size=32x16:rate=25", format="lavfi") as container:  # without an end
        stream = video_of(container)
        assert stream is not None
        assert list(read_shots(container, stream, session, own_clock=True, paced=False)) == []
    assert session.dropped == 5


def test_camera_that_nothing_opens_says_every_reason() -> None:
    def no_format(camera: CameraInfo, session: Session) -> Generator[Shot]:
        raise SourceError("it does not open")
        yield

    source = CameraSource("camera 0 (Cam)", lambda: CAMERA, ways={"FFmpeg": refuses, "OpenCV": no_format})
    with pytest.raises(
        SourceError, match=r"cannot be opened \(FFmpeg: Device or resource busy; OpenCV: it does not open\); close"
    ):
        source.open()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="says what Linux says")
def test_camera_that_is_not_there() -> None:
    source = CameraSource("camera 9 (Cam)", lambda: CAMERA, size=(1280, 720), rate=F(30))
    with pytest.raises(SourceError, match=r"FFmpeg, compressed: No such file.*OpenCV: it does not open\)"):
        source.open()


@pytest.mark.skipif(not cameras(), reason="no camera on this machine")
def test_real_camera() -> None:
    with live_source(str(cameras()[0].number)).make() as source:
        frames = list(itertools.islice(source, 5))
    assert len(frames) == 5 and frames[0].image.shape == (source.height, source.width, 3)


# -- screen --------------------------------------------------------------------------------------------------------

PAINT = """
import time, pygame
pygame.display.init()
window = pygame.Window("w", (300, 200), (0, 0))
while True:
    window.get_surface().fill((255, 0, 0), (0, 0, 150, 200))
    window.get_surface().fill((0, 128, 255), (150, 0, 150, 200))
    window.flip()
    pygame.event.get()
    time.sleep(0.05)
"""


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A desktop of 400x300 with nothing on it: its server."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    # A number of this process alone: servers that look for a free one at the same time get in each other's way.
    display = f":{1000 + os.getpid() % 30_000}"
    server = subprocess.Popen(
        ["Xvfb", display, "-displayfd", str(writing), "-screen", "0", "400x300x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert f":{answer.readline().strip()}" == display
    monkeypatch.setenv("DISPLAY", display)
    yield server
    server.kill()
    server.wait(SECONDS)


@pytest.mark.usefixtures("desktop")
def test_screen_shows_what_is_on_it() -> None:
    painter = subprocess.Popen([sys.executable, "-c", PAINT], stderr=subprocess.DEVNULL)
    try:
        with live_source("screen:0,0,290x150", LiveOptions(rate=F(20))).make() as source:
            assert (source.width, source.height, source.rate) == (290, 150, 20)
            give_up = time.monotonic() + SECONDS
            for frame in source:
                left, right = frame.image[140, 20], frame.image[140, 280]
                if left.any() or painter.poll() is not None or time.monotonic() > give_up:
                    break
        assert (left.tolist(), right.tolist()) == ([255, 0, 0], [0, 128, 255])
    finally:
        painter.kill()
        painter.wait(SECONDS)


@pytest.mark.usefixtures("desktop")
def test_screen_at_its_rate() -> None:
    clock = FakeClock()
    with ScreenSource(ScreenPart(), rate=F(20), now_ns=clock.now_ns, sleep=clock.sleep) as source:
        assert (source.width, source.height) == (400, 300)
        frames = list(itertools.islice(source, 10))
    # Every grab takes no time on this clock, so each comes at a whole step, whatever was left out between.
    assert all(abs(frame.pts * 20 - round(frame.pts * 20)) < F(1, 1000) for frame in frames)
    assert all(after.pts > before.pts for before, after in itertools.pairwise(frames))


@pytest.mark.usefixtures("desktop")
def test_part_of_the_screen_that_is_not_there() -> None:
    with pytest.raises(SourceError, match=r"there is no monitor 3; there are: 1 \(400x300\)"):
        live_source("screen:3").make().open()
    with pytest.raises(SourceError, match=r"reaches beyond the desktop, which is 400x300 from 0,0"):
        live_source("screen:200,200,300x300").make().open()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
def test_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceError, match=r"the screen cannot be read .*DISPLAY"):
        live_source("screen").make().open()


def test_screen_that_goes_away(desktop: subprocess.Popen[bytes]) -> None:
    with ScreenSource(ScreenPart()) as source:
        frames = iter(source)
        next(frames)
        desktop.kill()
        desktop.wait(SECONDS)
        take_until_lost(frames, "the screen is lost")
