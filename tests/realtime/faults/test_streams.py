"""A network stream goes or hangs: a real server that is killed, stopped and brought back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stylefader.realtime.sources.live import stream as stream_module
from stylefader.realtime.sources.live.stream import StreamSource
from stylefader.realtime.sources.open_live import live_source
from stylefader.realtime.sources.options import LiveOptions
from tests.paths import ROOT
from tests.realtime.faults.stage import LIMIT_S, Stage, promise

SIZE = (48, 64)
Serve = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """serve(port=0): (process, port) of a server of MJPEG; ended with the test."""
    running = []

    def start(port: int = 0) -> tuple[subprocess.Popen[str], int]:
        line = [sys.executable, "-m", "tests.realtime.sources.stream_server", "mjpeg", str(port)]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
        running.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.wait(LIMIT_S)
        assert process.stdout is not None
        process.stdout.close()


def test_a_server_that_dies_and_comes_back(tmp_path: Path, serve: Serve) -> None:
    server, port = serve()
    choice = live_source(f"http://127.0.0.1:{port}/live", LiveOptions(size=SIZE[::-1]))
    assert choice.reconnects
    with Stage(tmp_path, choice.make, size=SIZE) as stage:
        stage.frames()
        server.kill()
        server.wait(LIMIT_S)
        stage.until(lambda: stage.live.capture.state == "lost")
        held, count = stage.watcher.last, stage.watcher.count
        stage.until(lambda: len(stage.rests.seconds) >= 6)
        assert stage.rests.seconds[:6] == [0.5, 1, 2, 4, 8, 8] and max(stage.rests.seconds) <= promise("stream gone")
        assert stage.watcher.last is held and stage.watcher.count == count, "the last picture holds"
        serve(port)
        stage.until(lambda: stage.live.capture.state == "running")
        stage.frames()
        assert stage.live.capture.counts.losses == 1


def test_a_server_that_hangs_is_given_up(tmp_path: Path, serve: Serve) -> None:
    assert promise("stream hangs") == stream_module._STALL_S
    server, port = serve()
    made: list[StreamSource] = []

    def source() -> StreamSource:
        made.append(StreamSource(f"http://127.0.0.1:{port}/live", stall_s=0.5))
        return made[-1]

    with Stage(tmp_path, source, size=(120, 160)) as stage:
        stage.frames()
        server.send_signal(signal.SIGSTOP)
        stage.until(lambda: stage.live.capture.state == "lost")
        server.send_signal(signal.SIGCONT)
        stage.until(lambda: stage.live.capture.state == "running")
        stage.frames()
    assert len(made) >= 2
