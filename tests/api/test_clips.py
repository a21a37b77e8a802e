"""`stylefader.frames` and `stylefader.render`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import stylefader
from stylefader.training.packs.pack import StylePack
from tests.realtime.clips import Clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(frames=6, rate=Fraction(10), size=(48, 32)).make(tmp_path / "clip.mp4")


def test_frames_with_their_times(clip: Path) -> None:
    frames = list(stylefader.frames(clip))
    assert [frame.pts for frame in frames] == [Fraction(number, 10) for number in range(6)]
    assert {frame.image.shape for frame in frames} == {(32, 48, 3)}
    part = list(stylefader.frames(clip, size=(24, 16), fit="stretch", start=0.2, stop=0.5))
    assert [float(frame.pts) for frame in part] == [0.2, 0.3, 0.4] and part[0].image.shape == (16, 24, 3)
    with pytest.raises(stylefader.StylefaderError, match="fit"):
        list(stylefader.frames(clip, size=(24, 16), fit="squeeze"))
    with pytest.raises(stylefader.StylefaderError, match="nowhere"):
        list(stylefader.frames("nowhere.mp4"))


def test_a_picture_has_one_frame(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (frame,) = stylefader.frames(tmp_path / "a.png")
    assert np.array_equal(frame.image, pixels)


def test_render(clip: Path, tmp_path: Path, pack: StylePack) -> None:
    told: list[tuple[int, int | None]] = []
    done = stylefader.render(
        clip, tmp_path / "out.mp4", style=pack.file, alpha="0s:0 0.5s:1", engine="torch",
        progress=lambda frames, total: told.append((frames, total)),
    )  # fmt: skip
    assert (done.frames, done.width, done.height, done.engine) == (6, 48, 32, "torch")
    assert told[-1] == (6, 6)
    with av.open(tmp_path / "out.mp4") as written:
        assert [frame.time for frame in written.decode(video=0)] == pytest.approx([n / 10 for n in range(6)])
    with pytest.raises(stylefader.StylefaderError, match="exists"):
        stylefader.render(clip, tmp_path / "out.mp4", style=pack.file, engine="torch")
    short = stylefader.render(
        clip, tmp_path / "out.mp4", style=pack.file, alpha=0.5, stop=0.2, size=(24, 16), engine="torch", overwrite=True
    )
    assert (short.frames, short.width) == (2, 24)
