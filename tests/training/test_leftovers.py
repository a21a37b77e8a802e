"""Partial files: of a killed process they are named and removed, of a living one never."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stylefader.training import leftovers
from stylefader.training.files import temporary_beside
from stylefader.training.leftovers import clear_leftovers, is_leftover, partial_name

WRITE_AND_WAIT = """
import sys
from pathlib import Path
from stylefader.training.files import temporary_beside
file = temporary_beside(Path(sys.argv[1]))
file.write_bytes(b"half of it")
(folder := temporary_beside(Path(sys.argv[1]))).mkdir()
(folder / "0001.png").write_bytes(b"one")
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_what_a_killed_process_left_is_removed_once_it_is_dead(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.write_bytes(b"whole")
    program = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout is not None and program.stdout.readline() == "written\n"
        there = sorted(tmp_path.iterdir())
        assert len(there) == 3
        assert clear_leftovers(tmp_path) == []  # its writer lives
        assert sorted(tmp_path.iterdir()) == there
    finally:
        program.kill()
        assert program.wait(30) == -signal.SIGKILL
        for pipe in (program.stdin, program.stdout):
            if pipe is not None:
                pipe.close()
    said = clear_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [target]
    assert len(said) == 2
    assert all("a run that was killed" in line and str(tmp_path) in line for line in said)
    assert clear_leftovers(tmp_path) == []
    assert clear_leftovers(tmp_path / "none") == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_number_that_another_process_got_is_not_the_writer(tmp_path: Path) -> None:
    name = partial_name(".mkv")
    _, pid, started, *rest = name.split("-")
    assert int(pid) == os.getpid()
    before = "-".join([".stylefader", pid, str(int(started) - 1), *rest])
    assert not is_leftover(tmp_path / name)
    assert is_leftover(tmp_path / before)


def test_other_names_and_other_machines_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = temporary_beside(tmp_path / "film.mp4")
    own.touch()
    monkeypatch.setattr(leftovers, "_lives", lambda pid: False)
    names = [".stylefader-1-2.partial", ".stylefader-x-1-00000000-00000000.partial", f"{own.name}.old/x", "film.mp4"]
    elsewhere = own.name.replace(own.name.split("-")[3], "00000000")
    for name in (*names[:2], names[3], elsewhere):
        (tmp_path / name).touch()
    clear_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*names[:2], names[3], elsewhere}


def test_of_a_link_only_the_link_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    temporary_beside(tmp_path / "film.mp4").symlink_to(precious)
    monkeypatch.setattr(leftovers, "_lives", lambda pid: False)
    assert len(clear_leftovers(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == [precious]
    assert (precious / "file").exists()


def test_a_sink_says_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fractions import Fraction

    from stylefader.realtime.media.frame import Frame
    from stylefader.realtime.sinks.files.pictures import PictureSequenceSink, StillSink
    from stylefader.realtime.sinks.files.video_file import VideoFileSink

    frame = Frame(image=np.zeros((48, 64, 3), np.uint8), pts=Fraction(0), index=0, captured_ns=0)
    video = {"width": 64, "height": 48, "rate": Fraction(25), "time_base": Fraction(1, 25)}
    for sink in (
        VideoFileSink(tmp_path / "out.mp4", **video),  # type: ignore[arg-type]
        StillSink(tmp_path / "out.png"),
        PictureSequenceSink(tmp_path / "%d.png"),
    ):
        left = temporary_beside(tmp_path / "other.mkv")
        left.touch()
        with monkeypatch.context() as patched:
            patched.setattr(leftovers, "_lives", lambda pid: False)
            sink.open()
        sink.write(frame)
        sink.close()
        assert not left.exists()
        assert [note for note in sink.notes if str(left) in note]
