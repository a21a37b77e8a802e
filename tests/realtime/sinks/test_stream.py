"""StreamSink: what a receiver in another process gets; what happens without one, with one that hangs or is killed."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.session.words import words_of
from stylefader.realtime.sinks.live import stream, stream_link
from stylefader.realtime.sinks.live.live_video import LiveVideo
from stylefader.realtime.sinks.live.stream import StreamSink, has_srt, protocol_of, shown_address
from stylefader.training.errors import SinkError

RECEIVER = """
import sys, av
options = {"listen": "1"} if sys.argv[1].startswith("rtmp") else {}
print("listening", flush=True)
with av.open(sys.argv[1], options=options, format=sys.argv[2], timeout=60) as container:
    try:
        for frame in container.decode(video=0):
            mean = frame.to_ndarray(format="rgb24").mean()
            print(float(frame.pts * frame.time_base), frame.width, frame.height, mean, flush=True)
    except (av.OSError, av.EOFError):
        pass
"""


class Receiver:
    """A process that listens, and what it got: (seconds, width, height, mean)."""

    def __init__(self, address: str, muxer: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", RECEIVER, address, muxer], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "listening\n"
        self.got: list[tuple[float, ...]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.got.append(tuple(float(word) for word in line.split()))

    def end(self, *, wait: bool = True) -> list[tuple[float, ...]]:
        if not wait:
            self.process.kill()
        self.process.wait(30)
        self._thread.join(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.got


@pytest.fixture(autouse=True)
def _time_for_a_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy test machine is slower than a session may be."""
    monkeypatch.setattr(stream, "_GOODBYE_S", 20.0)


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def hanging() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        yield int(listener.getsockname()[1])


def frame_at(index: int, *, size: tuple[int, int] = (64, 48), value: int = 200) -> Frame:
    image = np.full((size[1], size[0], 3), value, np.uint8)
    return Frame(image=image, pts=Fraction(index, 30), index=index, captured_ns=index * 33_333_333)


def open_when_listening(sink: StreamSink) -> None:
    """Open, as often as it takes until the receiver's socket is there."""
    for _ in range(60):
        try:
            sink.open()
        except SinkError:
            time.sleep(0.1)
        else:
            return
    sink.open()


@pytest.mark.parametrize("size", [(64, 48), (640, 360)])
def test_rtmp_arrives_at_its_times(port: int, size: tuple[int, int]) -> None:
    address = f"rtmp://127.0.0.1:{port}/live/secret"
    receiver = Receiver(address, "flv")
    sink = StreamSink(address, width=size[0], height=size[1], rate=Fraction(30))
    open_when_listening(sink)
    for index in range(45):
        sink.write(frame_at(index, size=size))
    sink.close()
    got = receiver.end()
    assert len(got) == 46
    assert got[0][3] < 20  # the black picture that opens the stream
    assert all(abs(mean - 200) < 4 and (w, h) == size for _, w, h, mean in got[1:])
    assert [t for t, *_ in got] == pytest.approx([index / 30 for index in range(46)], abs=0.0011)


def test_nothing_waits_for_the_next_frame(tmp_path: Path) -> None:
    """Each frame's packet leaves in the same call, on machines with many cores too."""
    with av.open(str(tmp_path / "x.nut"), "w") as output:
        video = LiveVideo(
            output,
            width=1280,
            height=720,
            rate=Fraction(30),
            tick=Fraction(1, 1000),
            options={**stream._SETTINGS, "threads": "8"},
            at_once=True,
        )
        for index in range(4):
            image = np.full((720, 1280, 3), 60 * index, np.uint8)
            (packet,) = video.encode(image, Fraction(index, 10))
            assert packet.pts == 100 * index
            output.mux(packet)


def test_udp_arrives(port: int) -> None:
    address = f"udp://127.0.0.1:{port}"
    receiver = Receiver(address, "mpegts")
    sink = StreamSink(address, width=63, height=48, rate=Fraction(30))
    open_when_listening(sink)
    for index in range(600):
        sink.write(frame_at(index, size=(63, 48)))
        if len(receiver.got) >= 20:
            break
        time.sleep(0.02)
    sink.close()
    got = receiver.end(wait=False)
    assert len(got) >= 20
    assert got[-1][1:3] == (62, 48)
    assert "62x48" in sink.notes[0]


def test_hls_folder_plays(tmp_path: Path) -> None:
    playlist = tmp_path / "show" / "index.m3u8"
    with StreamSink(playlist, width=64, height=48, rate=Fraction(30)) as sink:
        for index in range(150):
            sink.write(frame_at(index, value=index))
    assert playlist.exists()
    assert len(list(playlist.parent.glob("*.ts"))) == 3
    with av.open(str(playlist)) as container:
        means = [float(frame.to_ndarray(format="rgb24").mean()) for frame in container.decode(video=0)]
    assert len(means) == 151
    assert np.abs(np.array(means[1:]) - np.arange(150)).max() < 4


def test_hls_forgets_old_pieces(tmp_path: Path) -> None:
    playlist = tmp_path / "index.m3u8"
    with StreamSink(playlist, width=64, height=48, rate=Fraction(30)) as sink:
        for index in range(30 * 60):
            sink.write(frame_at(index, value=index % 200))
    assert 6 <= len(list(tmp_path.glob("*.ts"))) <= 8


def test_nobody_there_is_an_error_in_words(port: int) -> None:
    sink = StreamSink(f"rtmp://127.0.0.1:{port}/live/secret", width=64, height=48, rate=Fraction(30))
    with pytest.raises(SinkError, match=rf"^rtmp://127.0.0.1:{port}/live/... cannot be reached: Connection refused$"):
        sink.open()
    with pytest.raises(SinkError, match="not open"):
        sink.write(frame_at(0))
    sink.close()


def test_a_server_that_never_answers_stops_nobody(hanging: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_link, "_PATIENCE_S", 1.0)
    sink = StreamSink(f"rtmp://127.0.0.1:{hanging}/live/x", width=64, height=48, rate=Fraction(30))
    beats = 0
    over = threading.Event()

    def beat() -> None:
        nonlocal beats
        while not over.wait(0.01):
            beats += 1

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(SinkError, match="cannot be reached: no answer for 1 s"):
            sink.open()
    finally:
        over.set()
        thread.join(30)
    assert beats > 10  # the interpreter was free all the while


def test_the_fan_out_brings_a_stream_back(port: int) -> None:
    address = f"rtmp://127.0.0.1:{port}/live/x"
    words: list[str] = []
    fan_out = FanOut(tell=lambda event: words.append(words_of(event)))
    fan_out.add("stream", StreamSink(address, width=64, height=48, rate=Fraction(30)), reconnects=True, bound=2)
    first = Receiver(address, "flv")
    fan_out.open()
    began = time.monotonic_ns()

    def put_until(true) -> None:
        for index in range(6000):
            fan_out.put(
                Frame(
                    image=frame_at(0).image,
                    pts=Fraction(index, 30),
                    index=index,
                    captured_ns=time.monotonic_ns() - began,
                )
            )
            if true():
                return
            time.sleep(0.01)
        raise AssertionError(words)

    put_until(lambda: len(first.got) >= 10)
    first.end(wait=False)
    put_until(lambda: any("broke off" in line and "trying again in 1 s" in line for line in words))
    second = Receiver(address, "flv")
    put_until(lambda: len(second.got) >= 10)
    fan_out.close(10)
    second.end()
    assert words.count("stream: connected") == 2


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("gopher://host/x", "cannot stream to gopher://; there are rtmp://"),
        ("rtmp://", "names no host"),
        ("somewhere", "is no address"),
    ],
)
def test_bad_addresses_are_refused_at_once(target: str, part: str) -> None:
    with pytest.raises(SinkError, match=part):
        StreamSink(target, width=64, height=48, rate=None)


def test_srt_is_there_or_says_that_it_is_not() -> None:
    address = "srt://127.0.0.1:9000"
    if has_srt():
        assert protocol_of(address).muxer == "mpegts"
    else:
        with pytest.raises(SinkError, match="no SRT"):
            protocol_of(address)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtmp://live.example.org/app/abcd-key", "rtmp://live.example.org/app/..."),
        ("rtmps://me:word@host:443/app/key?x=1", "rtmps://host:443/app/..."),
        ("udp://127.0.0.1:5000", "udp://127.0.0.1:5000"),
        ("srt://[::1]:9000?passphrase=secret", "srt://[::1]:9000"),
        ("show/index.m3u8", "show/index.m3u8"),
    ],
)
def test_keys_are_not_shown(address: str, shown: str) -> None:
    assert shown_address(address) == shown
