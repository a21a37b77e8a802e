"""Files and folders at their own pace, on a clock that the tests move."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.packet import Packet
from av.video.frame import VideoFrame
from PIL import Image

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.transparency import Colour
from stylefader.realtime.sources.files.paced_file import PacedSource, folder_files
from stylefader.realtime.sources.open_live import live_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.realtime.sources.transform import TransformedSource
from stylefader.training.errors import SourceError
from tests.realtime.clips import Clip
from tests.realtime.fake_clock import FakeClock

F = Fraction
MS = 1_000_000


def paced(clock: FakeClock, *files: Path, **settings: Any) -> PacedSource:
    return PacedSource(files, now_ns=clock.now_ns, sleep=clock.sleep, **settings)


def colour(path: Path, rgb: tuple[int, int, int], size: tuple[int, int] = (8, 6)) -> Path:
    image: npt.NDArray[np.uint8] = np.full((size[1], size[0], 3), rgb[::-1], np.uint8)
    assert cv2.imwrite(str(path), image)
    return path


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second at 25 a second: the red of frame n is about 9n."""
    return Clip(frames=25).make(tmp_path / "clip.mp4")


def test_every_frame_when_it_is_due(clock: FakeClock, clip: Path) -> None:
    began = clock.ns
    with paced(clock, clip) as source:
        assert source.live and source.rate == 25
        frames = list(source)
    assert [frame.pts for frame in frames] == [F(n, 25) for n in range(25)]
    assert [frame.index for frame in frames] == list(range(25))
    assert [frame.captured_ns - began for frame in frames] == pytest.approx([n * 40 * MS for n in range(25)], abs=10)
    assert source.dropped == 0


def test_varying_rate_is_kept(clock: FakeClock, tmp_path: Path) -> None:
    ticks = [0, 10, 15, 90, 100, 300]
    file = Clip(frames=6, ticks=ticks, time_base=F(1, 1000)).make(tmp_path / "v.mkv")
    began = clock.ns
    with paced(clock, file) as source:
        assert [round((frame.captured_ns - began) / MS) for frame in source] == ticks


def test_late_frames_are_left_out(clock: FakeClock, clip: Path) -> None:
    began = clock.ns
    with paced(clock, clip) as source:
        frames = iter(source)
        seen = [next(frames) for _ in range(5)]
        clock.pass_time(0.4)  # nobody comes for ten frames
        seen += list(frames)
    assert [frame.index for frame in seen] == [0, 1, 2, 3, 4, *range(13, 25)]
    assert source.dropped == 8
    assert seen[-1].captured_ns - began == pytest.approx(24 * 40 * MS, abs=10)  # its own pace again
    assert all(frame.pts == F(frame.index, 25) for frame in seen)


def test_numbered_pictures_that_are_late_are_not_read(clock: FakeClock, tmp_path: Path) -> None:
    for number in range(10):
        colour(tmp_path / f"f_{number}.png", (number, 0, 0))
    with paced(clock, tmp_path / "f_%d.png", picture_rate=F(10)) as source:
        frames = iter(source)
        next(frames)
        (tmp_path / "f_3.png").write_bytes(b"broken")
        clock.pass_time(0.6)
        assert [frame.image[0, 0, 0] for frame in frames] == [5, 6, 7, 8, 9]
    assert source.dropped == 4


class SlowDecoder(FakeClock):
    """Looking at the time takes time, as decoding does on a machine that is too slow."""

    def now_ns(self) -> int:
        self.ns += 60 * MS
        return self.ns


def test_file_that_is_too_large_still_plays(tmp_path: Path) -> None:
    file = Clip(frames=200).make(tmp_path / "long.mp4")
    clock = SlowDecoder()
    with paced(clock, file) as source:
        frames = list(source)
    # Never many left out in a row: slow is better than stuck.
    assert max(b.index - a.index for a, b in itertools.pairwise(frames)) < 50
    assert len(frames) > 10


def test_loop_goes_on_in_time(clock: FakeClock, clip: Path) -> None:
    began = clock.ns
    with paced(clock, clip, loop=True) as source:
        frames = list(itertools.islice(source, 60))
    assert [frame.pts for frame in frames] == [F(n, 25) for n in range(60)]
    assert [frame.index for frame in frames] == list(range(60))
    assert frames[-1].captured_ns - began == pytest.approx(59 * 40 * MS, abs=100)
    np.testing.assert_array_equal(frames[3].image, frames[28].image)


def test_loop_after_a_long_stall(clock: FakeClock, clip: Path) -> None:
    with paced(clock, clip, loop=True) as source:
        frames = iter(source)
        next(frames)
        clock.pass_time(100)
        after = [next(frames) for _ in range(30)]
    assert [b.pts > a.pts for a, b in itertools.pairwise(after)] == [True] * 29
    assert sum(b.captured_ns - a.captured_ns > 30 * MS for a, b in itertools.pairwise(after)) > 25


def test_sound_comes_with_a_single_file(clock: FakeClock, tmp_path: Path) -> None:
    file = Clip(frames=25, audio=["eng"]).make(tmp_path / "s.mp4")
    with paced(clock, file, loop=True) as source:
        assert [track.type for track in source.tracks] == ["audio"]
        things: Iterator[Any] = itertools.islice(source.frames_and_packets(), 150)
        stamps = [thing.pts * thing.time_base for thing in things if isinstance(thing, Packet)]
    assert stamps == sorted(stamps) and stamps[-1] > 1
    assert not source.tracks


def test_packets_are_on_the_frames_clock(clock: FakeClock, tmp_path: Path) -> None:
    """Times of an MPEG stream begin anywhere; those of frames and packets here begin at 0."""
    file = Clip(frames=25, audio=["eng"], audio_codec="mp2").make(tmp_path / "s.ts")
    with paced(clock, file) as source:
        things = list(source.frames_and_packets())
    frames = [thing.pts for thing in things if isinstance(thing, Frame)]
    stamps = [thing.pts * thing.time_base for thing in things if isinstance(thing, Packet)]
    assert 0 <= frames[0] < 0.1 and 0 <= stamps[0] < 0.1


def test_folder(clock: FakeClock, tmp_path: Path) -> None:
    """Pictures and videos by name, one after the other, all at one size."""
    colour(tmp_path / "a.png", (250, 0, 0))
    Clip(frames=10, size=(64, 48)).make(tmp_path / "b.mp4")
    colour(tmp_path / "c.jpg", (0, 0, 250), (12, 12))
    (tmp_path / "notes.txt").write_text("not shown")
    (tmp_path / ".hidden.png").write_text("not shown")
    (tmp_path / "bb.mp4").write_text("broken")
    began = clock.ns
    choice = live_source(str(tmp_path), LiveOptions(rate=F(10), still_seconds=F(2), size=(32, 24), loop=True))
    assert choice.kind == "folder"
    with choice.make(now_ns=clock.now_ns, sleep=clock.sleep) as source:
        frames = list(itertools.islice(source, 55))
    assert {frame.image.shape for frame in frames} == {(24, 32, 3)}
    expected = [F(n, 10) for n in range(20)] + [2 + F(n, 25) for n in range(10)] + [F(24 + n, 10) for n in range(20)]
    assert [frame.pts for frame in frames[:50]] == expected
    assert frames[50].pts == F(44, 10)  # begun again
    assert [frame.index for frame in frames] == list(range(55))
    assert all(abs(frame.captured_ns - began - frame.pts * 10**9) < 1000 for frame in frames)
    assert frames[0].image[12, 16, 0] > 240 and frames[45].image[12, 16, 2] > 230
    assert any("bb.mp4" in note and "passed over" in note for note in source.notes)


def test_picture_alone(clock: FakeClock, tmp_path: Path) -> None:
    file = colour(tmp_path / "a.png", (1, 2, 3))
    with live_source(str(file)).make(now_ns=clock.now_ns, sleep=clock.sleep) as source:
        frames = list(source)
    assert len(frames) == 150 and frames[-1].pts == F(149, 30)


@pytest.mark.parametrize(
    ("background", "shown", "words"), [(None, [0, 0, 0], "black"), ((9, 8, 7), [9, 8, 7], "#090807")]
)
def test_transparent_places_lie_over_the_background(
    clock: FakeClock, tmp_path: Path, background: Colour | None, shown: list[int], words: str
) -> None:
    """Of a picture, of numbered ones and of a video; a picture whose alpha says that all shows needs no word."""
    for number in (1, 2):
        Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(tmp_path / f"clear_{number}.png")
    Image.new("RGBA", (16, 16), (0, 0, 255, 255)).save(tmp_path / "opaque.png")
    with av.open(str(tmp_path / "clear.mkv"), "w") as output:
        stream = output.add_stream("ffv1", rate=25, width=16, height=16)
        stream.pix_fmt = "yuva444p"
        clear = VideoFrame.from_ndarray(np.full((16, 16, 4), (255, 0, 0, 0), np.uint8), format="rgba")
        output.mux([*stream.encode(clear.reformat(format="yuva444p")), *stream.encode(None)])
    given: dict[str, Any] = {} if background is None else {"background": background}
    for name in ("clear_1.png", "clear_%d.png", "clear.mkv"):
        with paced(clock, tmp_path / name, still_seconds=F(1, 30), **given) as source:
            frames = list(source)
        assert frames and all(frame.image[8, 8].tolist() == shown and frame.alpha_HW is None for frame in frames), name
        assert source.notes == [f"transparent places of {name} are put over {words}"]
    with paced(clock, tmp_path / "opaque.png", still_seconds=F(1, 30), **given) as source:
        assert next(iter(source)).image[8, 8].tolist() == [0, 0, 255] and source.notes == []


def test_folder_without_anything(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no picture and no video"):
        live_source(str(tmp_path))
    (tmp_path / "a.png").write_bytes(b"broken")
    (tmp_path / "b.png").write_bytes(b"broken")
    with pytest.raises(SourceError, match="no file of 2 can be read"):
        live_source(str(tmp_path)).make().open()


def test_broken_file(clock: FakeClock, tmp_path: Path) -> None:
    file = Clip(frames=100, options={"g": "5"}).make(tmp_path / "a.mkv")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with paced(clock, file) as source, pytest.raises(SourceError, match="breaks off"):
        list(source)
    with paced(clock, file, loop=True) as source:
        assert len(list(itertools.islice(source, 150))) == 150
    assert "breaks off" in source.notes[0]


def test_folder_with_a_file_that_breaks_off(clock: FakeClock, tmp_path: Path) -> None:
    file = Clip(frames=100, options={"g": "5"}).make(tmp_path / "a.mkv")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    colour(tmp_path / "b.png", (0, 250, 0), (64, 48))
    with paced(clock, *folder_files(tmp_path)) as source:
        frames = list(source)
    assert frames[0].image[0, 0, 1] < 200 and frames[-1].image[0, 0, 1] == 250
    assert any("breaks off" in note for note in source.notes)
    assert [b.pts > a.pts for a, b in itertools.pairwise(frames)] == [True] * (len(frames) - 1)


def test_order_and_folder_files(tmp_path: Path) -> None:
    for name in ("b.MOV", "a.png", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "d.mp4").mkdir()
    assert [path.name for path in folder_files(tmp_path)] == ["a.png", "b.MOV"]


def test_close_from_another_thread_ends_the_wait(tmp_path: Path) -> None:
    file = Clip(frames=2, ticks=[0, 3_600_000], time_base=F(1, 1000)).make(tmp_path / "slow.mkv")
    source: TransformedSource = live_source(str(file)).make()  # type: ignore[assignment]
    source.open()
    first = threading.Event()
    seen: list[Frame] = []

    def work() -> None:
        for frame in source:
            seen.append(frame)
            first.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert first.wait(30)
    source.close()
    thread.join(30)
    assert not thread.is_alive() and len(seen) == 1
    source.close()
