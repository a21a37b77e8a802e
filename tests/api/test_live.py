"""`stylefader.live`: a live session that a program holds."""

from __future__ import annotations

import time
from pathlib import Path

import av
import numpy as np
import pytest

import stylefader
from stylefader.training.packs.pack import StylePack
from tests.realtime.clips import Clip

WAIT_S = 60.0


def stylized(session: stylefader.Live, style: str) -> stylefader.Frame:
    """The first frame that this style has made."""
    until = time.monotonic() + WAIT_S
    for frame in session.frames():
        assert time.monotonic() < until
        if session.snapshot().plays == style and frame.original is not None:
            return frame
    raise AssertionError("the session ended")


def test_frames_strengths_and_sinks(pack: StylePack, tmp_path: Path) -> None:
    told: list[object] = []
    called: list[int] = []
    with stylefader.live(
        "testcard", style=pack.file, size=(64, 48), engine="torch", on_frame=lambda frame: called.append(frame.index),
        listener=told.append,
    ) as session:  # fmt: skip
        frame = stylized(session, pack.header.name)
        assert frame.image.shape == (48, 64, 3) and frame.image.dtype == np.uint8
        session.alpha = 1
        assert session.alpha.tolist() == [1.0] * 3
        session.alpha = [0.25, 0.5, 0.75]
        assert session.alpha.tolist() == [0.25, 0.5, 0.75]
        name = session.add_sink(str(tmp_path / "show.mkv"))
        indices = [next(session.frames()).index for _ in range(8)]
        assert indices == sorted(set(indices))
        session.remove_sink(name)
        assert session.snapshot().fps_out is not None and called and not session.over
        with pytest.raises(stylefader.StylefaderError, match="nowhere"):
            session.change_source("nowhere.mp4")
        with pytest.raises(ValueError, match="there is no style"):
            session.style = "nonsense"
    assert session.over and told
    with av.open(tmp_path / "show.mkv") as recording:
        assert sum(1 for _ in recording.decode(video=0)) > 3


def test_a_files_end_ends_it(pack: StylePack, tmp_path: Path) -> None:
    clip = Clip(frames=20, size=(64, 48)).make(tmp_path / "clip.mp4")
    with stylefader.live(clip, style=pack.file, size=(64, 48), engine="torch") as session:
        frames = list(session.frames())
        session.run()
    assert frames and frames[-1].pts >= frames[0].pts and session.over


def test_what_cannot_be_had_is_said_at_once(pack: StylePack) -> None:
    with pytest.raises(stylefader.StylefaderError, match="no style named"):
        stylefader.live("testcard", style="great_wavee")
    with pytest.raises(stylefader.StylefaderError, match="unknown sink"):
        stylefader.live("testcard", style=pack.file, sinks="somewhere")
    with pytest.raises(stylefader.StylefaderError):
        stylefader.live("no_such_file.mp4", style=pack.file)
