"""Network streams, served on loopback by a second process that is killed, stopped and brought back."""

from __future__ import annotations

import collections
import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.deinterlacing import Deinterlace
from stylefader.realtime.sources.live.stream import StreamSource, without_secrets
from stylefader.realtime.sources.live.stream_clock import Backlog, StreamClock
from stylefader.realtime.sources.open_live import LiveChoice, live_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import SourceError
from tests.paths import ROOT
from tests.realtime.fields import combs, fields_clip

SECONDS = 30  # how long anything may hang before the test fails
PATHS = {
    "mjpeg": "http://127.0.0.1:{}/live",
    "mpegts": "http://127.0.0.1:{}/live.ts",
    "rtsp": "rtsp://127.0.0.1:{}/live",
}
PATHS["restarts"] = PATHS["mpegts"]
PATHS["udp"] = "udp://127.0.0.1:{}"
PATHS["hls"] = "http://127.0.0.1:{}/live.m3u8"
Serve = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """serve(kind, port=0, size="160x120"): (process, port) of a server; ended with the test."""
    running = []

    def start(kind: str, port: int = 0, size: str = "160x120") -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.realtime.sources.stream_server", kind, str(port), size],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        running.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.wait(SECONDS)
        process.stdout.close()


def opened(choice: LiveChoice) -> Source:
    """A fresh source, open. A busy machine may need more than one try, as a live session would give it."""
    until = time.monotonic() + SECONDS
    while True:
        source = choice.make()
        try:
            source.open()
        except SourceError:
            if time.monotonic() > until:
                raise
            threading.Event().wait(0.05)  # who serves may not listen yet
        else:
            return source


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def take(source: Any, number: int) -> list[Frame]:
    return list(itertools.islice(source, number))


@pytest.mark.parametrize("kind", ["mjpeg", "mpegts", "rtsp"])
def test_stream_that_is_killed_and_comes_back(serve: Serve, kind: str) -> None:
    process, port = serve(kind)
    choice = live_source(PATHS[kind].format(port))
    assert choice.kind == "stream" and choice.reconnects
    with closing(opened(choice)) as source:
        assert (source.width, source.height, source.live) == (160, 120, True)
        assert source.rate == (None if kind == "mjpeg" else 25)
        frames = iter(source)
        seen = take(frames, 15)
        process.kill()
        process.wait(SECONDS)
        with pytest.raises(SourceError, match=r"is lost: ") as lost:
            for _ in frames:
                pass
    assert lost.value.failure
    times = [frame.pts for frame in seen]
    assert times[0] >= 0 and times == sorted(set(times))
    assert [frame.index for frame in seen] == sorted({frame.index for frame in seen})
    captured = [frame.captured_ns for frame in seen]
    assert captured == sorted(captured)
    assert any(not np.array_equal(seen[0].image, later.image) for later in seen[1:])
    with pytest.raises(SourceError, match="cannot be opened") as refused:
        choice.make().open()
    assert refused.value.failure
    serve(kind, port)
    with closing(opened(choice)) as again:
        assert len(take(again, 5)) == 5


def test_hls(serve: Serve) -> None:
    _, port = serve("hls")
    with closing(opened(live_source(PATHS["hls"].format(port)))) as source:
        seen = take(source, 40)
    # Pieces of a second come at once; each picture waits for its time, so none is left out.
    assert [frame.index for frame in seen] == list(range(40))
    assert {after.pts - before.pts for before, after in itertools.pairwise(seen)} == {Fraction(1, 25)}


def test_stream_that_hangs_is_lost(serve: Serve) -> None:
    process, port = serve("mpegts")
    with StreamSource(PATHS["mpegts"].format(port), stall_s=0.5) as source:
        frames = iter(source)
        take(frames, 3)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(SourceError, match=r"is lost: no"):
            for _ in frames:
                pass


def test_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = StreamSource(f"http://127.0.0.1:{listener.getsockname()[1]}/x", open_s=0.3)
        with pytest.raises(SourceError, match="cannot be opened"):
            source.open()


def test_close_ends_a_blocked_iteration(serve: Serve) -> None:
    process, port = serve("mjpeg")
    source = StreamSource(PATHS["mjpeg"].format(port), stall_s=10 * SECONDS)
    source.open()
    thread = threading.Thread(target=lambda: list(source))
    thread.start()
    process.send_signal(signal.SIGSTOP)
    source.close()
    thread.join(SECONDS)
    assert not thread.is_alive()
    source.close()


def test_close_ends_an_opening(serve: Serve) -> None:
    caught: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = StreamSource(f"http://127.0.0.1:{listener.getsockname()[1]}/x", open_s=10 * SECONDS)

        def open_it() -> None:
            try:
                source.open()
            except SourceError as error:
                caught.append(error)

        thread = threading.Thread(target=open_it)
        thread.start()
        connection, _ = listener.accept()
        with connection:
            source.close()
            thread.join(SECONDS)
        assert not thread.is_alive() and "closed" in str(caught[0])


def test_page_that_is_no_stream(serve: Serve) -> None:
    _, port = serve("hls")
    with pytest.raises(SourceError, match=r"cannot be opened: .*check the address"):
        StreamSource(f"http://127.0.0.1:{port}/nothing.m3u8").open()


def test_secrets_are_not_shown() -> None:
    url = "rtsp://me:secret@camera.example:554/live?token=abc"
    assert without_secrets(url) == "rtsp://camera.example:554/live"
    assert live_source(url).name == "rtsp://camera.example:554/live"


def test_restart_within_one_connection(serve: Serve) -> None:
    """After 20 pictures the sender begins anew: times from 0 again, half the size. Nothing may be held back."""
    _, port = serve("restarts")
    source = StreamSource(PATHS["restarts"].format(port))
    with source:
        seen = take(source, 60)
    large = sum(frame.image.shape == (120, 160, 3) for frame in seen)
    assert 0 < large <= 20 and all(frame.image.shape == (60, 80, 3) for frame in seen[large:])
    # A busy machine may leave some out; a clock that was taken for a queue left out all for five seconds.
    assert source.dropped < 20 and seen[-1].index == 59 + source.dropped
    times = [frame.pts for frame in seen]
    assert times == sorted(set(times)) and times[large] - times[large - 1] < SECONDS
    steps = {after.pts - before.pts for before, after in itertools.pairwise(seen[large:])}
    assert all(step % Fraction(1, 25) == 0 for step in steps)  # the sender's own times go on


def test_udp_sender_that_is_restarted_with_another_size(serve: Serve) -> None:
    """The same opened source goes on, in the size that the session has, with the time that passed."""
    port = free_udp_port()
    first, _ = serve("udp", port)
    with closing(opened(live_source(PATHS["udp"].format(port)))) as source:
        frames = iter(source)
        before = [next(frames) for _ in range(30)]  # more than a second of the first sender's clock
        first.kill()
        first.wait(SECONDS)
        serve("udp", port, "80x60")
        # The stream has not been lost: what comes next in this iteration is the second sender's.
        later = list(itertools.takewhile(lambda frame: "80x60" not in str(source.notes), frames))
        after = [next(frames) for _ in range(20)]
    assert {frame.image.shape for frame in [*before, *later, *after]} == {(120, 160, 3)}
    times = [frame.pts for frame in [*before, *later, *after]]
    assert times == sorted(set(times))
    assert any("80x60" in note for note in source.notes)
    assert source.dropped < 20


def until_lost(source: Source) -> list[Frame]:
    """All frames of a stream that ends by itself."""
    frames: list[Frame] = []
    with pytest.raises(SourceError, match="is lost: it ended"):
        collections.deque(map(frames.append, source), maxlen=0)
    return frames


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a web server in this process, which serves the test's folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="web", daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(SECONDS)


@pytest.mark.parametrize("first", ["top", "bottom"])
def test_interlaced_stream_is_deinterlaced(tmp_path: Path, web: str, first: str) -> None:
    fields_clip(tmp_path / "fields.mkv", first)
    with opened(live_source(f"{web}/fields.mkv")) as source:
        assert source.notes == [
            f"{web}/fields.mkv is interlaced; it is deinterlaced (--deinterlace off leaves it as it is)"
        ]
        frames = until_lost(source)
    assert [frame.pts for frame in frames] == [Fraction(i, 25) for i in range(8)] and source.dropped == 0
    assert max(combs(frame.image) for frame in frames) < 2
    for at, frame in enumerate(frames):  # the first field of each frame, whichever lines it is in
        bar = frame.image[20:44, :, 0].mean(0)
        assert bar[32 * at + 2 : 32 * at + 14].min() > 200
        assert bar[32 * at + 34 :].max(initial=0) < 40


@pytest.mark.parametrize(("first", "deinterlace"), [("top", "off"), (None, "auto")])
def test_stream_that_is_not_interlaced_or_is_wanted_so_stays(
    tmp_path: Path, web: str, first: str | None, deinterlace: Deinterlace
) -> None:
    fields_clip(tmp_path / "fields.mkv", first)
    with opened(live_source(f"{web}/fields.mkv", LiveOptions(deinterlace=deinterlace))) as source:
        frames = until_lost(source)
        assert source.notes == []
    assert len(frames) == 8 and min(combs(frame.image) for frame in frames) > 15


def test_clock_of_a_stream() -> None:
    clock, ns = StreamClock(), 10**9
    assert clock.next(Fraction(100), 5 * ns) == (0, False)
    assert clock.next(Fraction(2501, 25), 5 * ns + ns // 25) == (Fraction(1, 25), False)
    assert clock.next(Fraction(50), 6 * ns) == (1, True)  # back: the time that passed here counts
    assert clock.next(Fraction(50) + Fraction(1, 25), 6 * ns + ns // 50) == (Fraction(26, 25), False)
    assert clock.next(Fraction(95_000), 7 * ns) == (Fraction(101, 50), True)  # a clock that FFmpeg thinks has wrapped
    assert clock.next(None, 8 * ns) == (Fraction(151, 50), False)
    assert clock.next(Fraction(95_004), 8 * ns) == (Fraction(301, 50), False)  # a gap is no jump
    same, again = clock.next(Fraction(95_004), 8 * ns)
    assert 0 < same - Fraction(301, 50) < Fraction(1, 1000) and not again


def test_backlog() -> None:
    """A queue that grows is seen, a clock that runs a little wrong is not."""
    second = 1_000_000_000
    steady = Backlog()
    # Half a thousandth too slow, for an hour: the sum is far above what a queue may hold.
    assert not any(steady.is_late(int(n * 1.0005 * second / 10), Fraction(n, 10)) for n in range(36_000))
    queue = Backlog()
    late = [queue.is_late(int(n * 1.2 * second / 25), Fraction(n, 25)) for n in range(100)]
    assert not any(late[:25]) and all(late[30:])
    # The sender stood still for three seconds and goes on where it was: nothing waits in a queue.
    paused = Backlog()
    assert not any(paused.is_late(n * second // 25, Fraction(n, 25)) for n in range(50))
    again = [paused.is_late(3 * second + n * second // 25, Fraction(n, 25)) for n in range(50, 150)]
    assert again[0] and not any(again[30:])
