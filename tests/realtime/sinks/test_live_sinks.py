"""live_sink: one word to one sink, nothing opened; what a bad word is told."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.session.words import words_of
from stylefader.realtime.sinks.open_live import LiveSinkOptions, live_sink
from stylefader.training.errors import SinkError


@pytest.mark.parametrize(
    ("word", "name", "kind"),
    [
        ("null", "null", "NullSink"),
        ("virtualcam", "virtual camera", "VirtualCameraSink"),
        ("virtualcam:/dev/video7", "virtual camera /dev/video7", "VirtualCameraSink"),
        ("ndi", "ndi stylefader", "NdiSink"),
        ("ndi:Main stage", "ndi Main stage", "NdiSink"),
        ("rtmp://host/app/key", "rtmp://host/app/...", "StreamSink"),
        ("udp://239.0.0.1:5000", "udp://239.0.0.1:5000", "StreamSink"),
        ("show.mkv", "recording show.mkv", "RecordingSink"),
        ("SHOW.MP4", "recording SHOW.MP4", "RecordingSink"),
        ("hls:web", str(Path("web/index.m3u8")), "StreamSink"),
        ("web/live.m3u8", "web/live.m3u8", "StreamSink"),
    ],
)
def test_every_word(word: str, name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    choice = live_sink(word)
    assert choice.name == name
    assert type(choice.make(64, 48, Fraction(30))).__name__ == kind
    assert choice.reconnects == (kind == "StreamSink")
    assert choice.drains == (kind == "RecordingSink")
    assert choice.bound == (60 if kind == "RecordingSink" else 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("window2", "unknown sink 'window2'; there are virtualcam"),
        ("null:x", "unknown sink"),
        ("show.avi", "unknown sink"),
        ("", "unknown sink"),
        ("hls", "write hls:FOLDER"),
        ("hls:", "write hls:FOLDER"),
        ("ndi:", "write ndi, or ndi:NAME"),
        ("gopher://x/y", "cannot stream to gopher://"),
        ("rtmp://", "names no host"),
    ],
)
def test_bad_words_are_told_what_there_is(word: str, part: str) -> None:
    with pytest.raises(SinkError, match=part) as caught:
        live_sink(word)
    assert caught.value.exit_code == 2


def test_several_words_drive_one_fan_out(tmp_path: Path) -> None:
    words: list[str] = []
    fan_out = FanOut(tell=lambda event: words.append(words_of(event)))
    paths = [tmp_path / "show.mkv", tmp_path / "show.mp4", tmp_path / "web"]
    paths[0].write_bytes(b"old")
    for word in [str(paths[0]), str(paths[1]), f"hls:{paths[2]}", "null"]:
        choice = live_sink(word, LiveSinkOptions(overwrite=True))
        fan_out.add(
            choice.name,
            choice.make(64, 48, Fraction(30)),
            bound=choice.bound,
            drains=choice.drains,
            reconnects=choice.reconnects,
            packets=choice.packets,
        )
    fan_out.open()
    for index in range(60):
        image = np.full((48, 64, 3), index, np.uint8)
        fan_out.put(Frame(image=image, pts=Fraction(index, 30), index=index, captured_ns=index * 33_000_000))
    assert fan_out.close(20) == []
    assert [stats.name.split()[0] for stats in fan_out.stats()][:2] == ["recording", "recording"]
    assert all(path.stat().st_size > 500 for path in paths[:2])
