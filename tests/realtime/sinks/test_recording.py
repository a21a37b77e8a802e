"""RecordingSink: real times, refused names, and a file that plays whatever ended the program."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.live.recording import RecordingSink
from stylefader.training.errors import SinkError
from tests.compare import psnr

F = Fraction
ENDINGS = [".mkv", ".mp4"]
MS = 1_000_000


def frame_at(ms: float, *, index: int = 0, size: tuple[int, int] = (64, 48), value: int = 90) -> Frame:
    image = np.full((size[1], size[0], 3), value, np.uint8)
    return Frame(image=image, pts=F(index), index=index, captured_ns=5_000_000_000 + round(ms * MS))


def decoded(path: Path) -> list[tuple[float, np.ndarray]]:
    """(milliseconds from the first frame, RGB picture) of every frame that the file gives before it breaks off."""
    frames = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                frames.append((float(frame.pts * frame.time_base * 1000), frame.to_ndarray(format="rgb24")))
        except av.InvalidDataError:
            pass
    return frames


@pytest.mark.parametrize("ending", ENDINGS)
def test_times_are_those_of_capture_and_gaps_stay(tmp_path: Path, ending: str) -> None:
    times = [0, 33.4, 50, 120, 121.5, 3000, 3040, 61000]
    path = tmp_path / f"show{ending}"
    with RecordingSink(path, width=64, height=48, rate=None) as sink:
        for index, ms in enumerate(times):
            sink.write(frame_at(ms, index=index, value=20 + 25 * index))
    frames = decoded(path)
    assert [ms for ms, _ in frames] == pytest.approx(times, abs=0.6 if ending == ".mkv" else 0.02)
    for index, (_, image) in enumerate(frames):
        assert abs(float(image.mean()) - (20 + 25 * index)) < 3
    assert sink.notes == []


def test_a_player_can_begin_every_two_seconds_of_the_session(tmp_path: Path) -> None:
    path = tmp_path / "show.mkv"
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    with RecordingSink(path, width=64, height=48, rate=F(30)) as sink:
        for index in range(100):  # a tenth of the rate that was expected
            frame = frame_at(index * 333)
            sink.write(Frame(image=noise, pts=F(index), index=index, captured_ns=frame.captured_ns))
    with av.open(str(path)) as container:
        keys = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.size and p.is_keyframe]
    assert max(b - a for a, b in itertools.pairwise(keys)) <= 2.4


@pytest.mark.parametrize(("size", "exact"), [((64, 48), False), ((63, 47), False), ((63, 47), True)])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_picture_is_the_one_that_was_given(
    tmp_path: Path, picture, ending: str, size: tuple[int, int], exact: bool
) -> None:
    image = picture(size[1], size[0])
    path = tmp_path / f"show{ending}"
    with RecordingSink(path, width=size[0], height=size[1], rate=F(30), exact_size=exact) as sink:
        for index in range(3):
            sink.write(Frame(image=image, pts=F(index), index=index, captured_ns=index * 33 * MS))
    frames = decoded(path)
    assert len(frames) == 3
    written = image if exact else image[: size[1] // 2 * 2, : size[0] // 2 * 2]
    assert all(shown.shape == written.shape and psnr(written, shown) > 26 for _, shown in frames)
    assert bool(sink.notes) == (size == (63, 47))


RECORD_FOREVER = """
import sys
from fractions import Fraction
import numpy as np
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.live.recording import RecordingSink

random = np.random.default_rng(0)
with RecordingSink(sys.argv[1], width=160, height=96, rate=Fraction(30)) as sink:
    for index in range(100_000):
        image = random.integers(0, 256, (96, 160, 3), np.uint8)
        sink.write(Frame(image=image, pts=Fraction(index, 30), index=index, captured_ns=index * 33_333_333))
        print(index + 1, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("stop_after", [100, 251])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_recording_cut_by_sigkill_plays(tmp_path: Path, ending: str, stop_after: int) -> None:
    path = tmp_path / f"show{ending}"
    program = subprocess.Popen([sys.executable, "-c", RECORD_FOREVER, str(path)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    written = 0
    for line in program.stdout:
        written = int(line)
        if written >= stop_after:
            break
    os.kill(program.pid, signal.SIGKILL)
    written = max([written, *(int(line) for line in program.stdout if line.endswith("\n"))])
    program.stdout.close()
    assert program.wait(30) == -signal.SIGKILL
    frames = decoded(path)
    # At most the last piece is lost, and the frame that was being written: a second, in all.
    assert written - 30 <= len(frames) <= written + 1
    assert frames[0][0] == 0
    steps = np.diff([ms for ms, _ in frames])
    assert np.all(np.abs(steps - 33.33) < 1.1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_abort_keeps_what_was_recorded(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"show{ending}"
    sink = RecordingSink(path, width=64, height=48, rate=F(30))
    sink.open()
    for index in range(5):
        sink.write(frame_at(index * 33))
    sink.abort()
    assert len(decoded(path)) == 5


def test_an_existing_file_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "show.mkv"
    path.write_bytes(b"precious")
    with pytest.raises(SinkError, match=r"exists already; .* --overwrite"):
        RecordingSink(path, width=64, height=48, rate=F(30)).open()
    assert path.read_bytes() == b"precious"
    with RecordingSink(path, width=64, height=48, rate=F(30), overwrite=True) as sink:
        sink.write(frame_at(0))
    assert len(decoded(path)) == 1


@pytest.mark.parametrize("name", ["show.avi", "show.webm", "show", "none/show.mkv"])
def test_places_that_cannot_be_recorded_to(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match=r"\.mkv or \.mp4|does not exist"):
        RecordingSink(tmp_path / name, width=64, height=48, rate=F(30)).open()
    assert list(tmp_path.iterdir()) == []


def test_without_a_frame_nothing_stays(tmp_path: Path) -> None:
    with RecordingSink(tmp_path / "show.mp4", width=64, height=48, rate=F(30)) as sink:
        pass
    assert list(tmp_path.iterdir()) == []
    assert sink.notes == [f"no frame came, so {tmp_path / 'show.mp4'} was not kept"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "show.mkv"
    path.symlink_to("/dev/full")
    sink = RecordingSink(path, width=64, height=48, rate=F(30), overwrite=True)
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)

    def record() -> None:
        sink.open()
        for index in range(300):
            sink.write(Frame(image=noise, pts=F(index), index=index, captured_ns=index * 33 * MS))
        sink.close()

    with pytest.raises(SinkError, match="space"):
        record()
    sink.abort()


def test_another_size_and_writing_when_closed_are_refused(tmp_path: Path) -> None:
    sink = RecordingSink(tmp_path / "show.mkv", width=64, height=48, rate=F(30))
    with pytest.raises(SinkError, match="not open"):
        sink.write(frame_at(0))
    with sink, pytest.raises(SinkError, match="is 64x48, but a frame of 32x32 came"):
        sink.write(frame_at(0, size=(32, 32)))
    sink.close()
