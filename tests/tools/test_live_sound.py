"""`stylefader live --sound` from end to end."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.controls.mapping.mapping import read_mapping
from stylefader.realtime.sound.track_sound import TrackSound
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.live import blocks
from tests.realtime.sound.waves import beat, clip_with_sound
from tests.tools.program import stylefader

LINE = (
    "live",
    "--style",
    "small.safetensors",
    "--size",
    "64x48",
    "--engine",
    "openvino",
    "--no-window",
    "--sink",
    "null",
    "--cache-dir",
    "c",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live_sound")
    save_pack(random_pack(folder / "small.safetensors", width=4))
    open_engine(PackFile(folder / "small.safetensors"), 48, 64, backend="openvino", cache_dir=folder / "c")[0].close()
    clip_with_sound(folder / "kicks.mp4", beat(8), codec="aac", frames=120, picture_rate=Fraction(15))
    (folder / "kick.toml").write_text('[[sound]]\ntarget = "alpha1"\nband = "low"\nfloor = -40\ndepth = 0.75\n')
    return folder


def test_a_file_plays_itself(folder: Path) -> None:
    """The alphas are those that a render gives the same frames."""
    words = ("--source", "kicks.mp4", "--sound", "file", "--map", "kick.toml")
    done = stylefader(*LINE, *words, "--record-automation", "take.csv", "--stats", "n.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr
    keyframes = read_csv(folder / "take.csv").keyframes
    sound = TrackSound(folder / "kicks.mp4", read_mapping(folder / "kick.toml").sounds, clock_zero=Fraction(0))
    expected = [sound.offsets_at(keyframe.time + Fraction(1, 10**6), blocks(3)) for keyframe in keyframes]
    played = np.array([keyframe.values[:3] for keyframe in keyframes])
    alike = np.abs(played - expected).max(axis=1) < 1e-6
    assert len(keyframes) > 20 and alike.mean() > 0.6, "but for those at which a newer frame came just then"
    assert played[:, 1].max() > 0.5 and (played[:, [0, 2]] == 0).all()
    rows = [json.loads(line) for line in (folder / "n.jsonl").read_text().splitlines()]
    loudest = max(row["sound"]["low"] for row in rows)
    assert loudest == pytest.approx(-4, abs=4)
    assert rows[0]["sound"]["state"] == "running"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--source", "testcard", "--sound", "file"), "--sound file is for a file or a folder as --source"),
        (("--source", "kicks.mp4", "--sound", "no such input"), "sound input"),
    ],
)
def test_what_cannot_be_heard_is_said_in_one_line(folder: Path, words: tuple[str, ...], message: str) -> None:
    done = stylefader(*LINE, *words, cwd=folder)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert message in line
