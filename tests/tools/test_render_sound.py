"""`stylefader render --map`: alpha by the clip's own sound, from end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.realtime.clips import Clip, read
from tests.realtime.sound.waves import beat, clip_with_sound
from tests.tools.program import stylefader

WORDS = ("kicks.mp4", "--style", "small.safetensors", "--engine", "torch", "--codec", "ffv1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with a kick drum at 0, 0.5 and 1 s, a small style, and a mapping of the low band."""
    folder = tmp_path_factory.mktemp("sound")
    clip_with_sound(folder / "kicks.mp4", beat(1.4), codec="aac", frames=35)
    Clip(frames=3).make(folder / "silent.mp4")
    save_pack(random_pack(folder / "small.safetensors", width=4))
    (folder / "kick.toml").write_text('[[sound]]\ntarget = "alpha"\nband = "low"\nfloor = -40\nrelease = 0.1\n')
    (folder / "faders.toml").write_text('[[map]]\nkind = "pitchbend"\ntarget = "alpha"\n')
    return folder


def test_alpha_beats_the_same_every_time_and_in_a_part(folder: Path) -> None:
    still = stylefader("render", *WORDS, "-o", "still.mkv", cwd=folder)
    assert still.returncode == 0, still.stderr
    for name in ("one.mkv", "two.mkv"):
        done = stylefader("render", *WORDS, "--map", "kick.toml", "-o", name, cwd=folder)
        assert done.returncode == 0, done.stderr
    part = ("--from", "0.4s", "--to", "0.92s")
    done = stylefader("render", *WORDS, "--map", "kick.toml", *part, "-o", "part.mkv", cwd=folder)
    assert done.returncode == 0, done.stderr
    base, one, two, cut = (read(folder / name)[1] for name in ("still.mkv", "one.mkv", "two.mkv", "part.mkv"))
    assert np.array_equal(one.images, two.images)
    moved = [float(np.abs(a.astype(int) - b).mean()) for a, b in zip(base.images, one.images, strict=True)]
    assert min(moved[13], moved[26]) > 4 * max(moved[11], moved[24]), "much at a kick, little before the next"
    assert len(cut.images) == 13
    for a, b in zip(one.images[10:23], cut.images, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2
    before = read(folder / "kicks.mp4")[1].packets[1]
    assert [data for data, _ in one.packets[1]] == [data for data, _ in before], "the sound itself, byte for byte"


@pytest.mark.parametrize(
    ("source", "mapping", "message"),
    [
        ("silent.mp4", "kick.toml", "silent.mp4 has no sound track, but kick.toml, line 1, moves alpha by it"),
        ("frame.png", "kick.toml", "frame.png has no sound, but kick.toml, line 1"),
        ("kicks.mp4", "none.toml", "no mapping file at none.toml"),
        ("kicks.mp4", "small.safetensors", "cannot read the mapping file"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(folder: Path, source: str, mapping: str, message: str) -> None:
    import cv2

    cv2.imwrite(str(folder / "frame.png"), np.zeros((48, 64, 3), np.uint8))
    output = "x.png" if source.endswith("png") else "x.mkv"
    done = stylefader("render", source, *WORDS[1:3], "--map", mapping, "-o", output, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (folder / output).exists()


def test_what_moves_nothing_is_said(folder: Path) -> None:
    (folder / "far.toml").write_text('[[sound]]\ntarget = "alpha7"\n')
    words = (*WORDS, "--to", "0.1s", "-o", "note.mkv", "--overwrite")
    done = stylefader("render", *words, "--map", "faders.toml", cwd=folder)
    assert done.returncode == 2 and "faders.toml has no [[lfo]] or [[sound]], so it moves nothing here" in done.stderr
    done = stylefader("render", *words, "--map", "far.toml", cwd=folder)
    assert (
        done.returncode == 0 and "far.toml, line 1: there is no alpha7: this style has alpha0 to alpha2" in done.stderr
    )
