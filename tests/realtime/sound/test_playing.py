"""The sound of a playing file: told by the source what it shows, asked for the level of that moment."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.controls.mapping.mapping import Mapping
from stylefader.realtime.controls.mapping.sound_section import BANDS, SoundMap
from stylefader.realtime.sound.live_sound import SoundReading
from stylefader.realtime.sound.playing_sound import PlayingSound
from stylefader.realtime.sound.track_sound import TrackSound
from stylefader.realtime.sources.files.paced_file import PacedSource
from tests.realtime.clips import Clip
from tests.realtime.fake_clock import FakeClock
from tests.realtime.live import blocks
from tests.realtime.sound.waves import beat, clip_with_sound, silence, tone

MAP = SoundMap(target="alpha", band=BANDS["low"], floor=-40, ceiling=-12, attack=0, release=0.1)


class Show:
    """A file or several, played frame by frame, with the offset at each."""

    def __init__(self, *files: Path, loop: bool = False) -> None:
        self.clock = FakeClock()
        self.said: list[str] = []
        self.sound = PlayingSound(say=self.said.append)
        self.sound.take_over(Mapping(sounds=(MAP,)))
        self.source = PacedSource(files, loop=loop, now_ns=self.clock.now_ns, sleep=self.clock.sleep)
        self.source.shown = self.sound.shown
        self.levels: list[SoundReading] = []

    def play(self, frames: int) -> np.ndarray:
        offsets = []
        with self.source:
            for number, frame in enumerate(self.source, 1):
                self.sound.step()
                offsets.append(float(self.sound.offsets(frame.captured_ns, blocks(1))[0]))
                self.levels.append(self.sound.reading(frame.captured_ns))
                if number == frames:
                    break
        self.sound.close()
        return np.array(offsets)


@pytest.fixture
def kicks(tmp_path: Path) -> Path:
    """Three kicks, 1.4 seconds."""
    return clip_with_sound(tmp_path / "kicks.mp4", beat(1.4), codec="aac", frames=35)


def rendered(path: Path, frames: int) -> np.ndarray:
    sound = TrackSound(path, [MAP], clock_zero=Fraction(0))
    return np.array([sound.offsets_at(Fraction(n, 25), blocks(1))[0] for n in range(frames)])


def test_the_level_is_that_of_what_is_shown(kicks: Path) -> None:
    show = Show(kicks)
    offsets = show.play(35)
    assert np.array_equal(offsets, rendered(kicks, 35)), "as a render has it"
    assert offsets[13] > 0.8 > 0.25 > offsets[11]


def test_a_level_is_of_what_was_shown_in_the_last_second(tmp_path: Path) -> None:
    wave = np.concatenate([silence(0.5), beat(0.4), silence(1.6)])
    show = Show(clip_with_sound(tmp_path / "one.mkv", wave, codec="pcm_s16le", frames=60))
    show.play(60)
    lows = [dict(reading.levels_db)["low"] for reading in show.levels]
    assert max(lows) == pytest.approx(-3, abs=3)
    assert max(lows[:12]) < -60 < -10 < min(lows[14:36]), "of this frame's time, not of what was read ahead"
    assert lows[55] < -60, "held for a second"


def test_a_file_that_begins_again(tmp_path: Path) -> None:
    """Longer than what is kept of it."""
    wave = np.concatenate([beat(1), silence(1.5), beat(0.5)])
    path = clip_with_sound(tmp_path / "c.mkv", wave, frames=75)
    offsets = Show(path, loop=True).play(75 + 75 + 10)
    once = rendered(path, 75)
    assert np.array_equal(offsets[:75], once)
    assert offsets[76:150] == pytest.approx(once[1:], abs=0.1), "the tail of the round before dies away in it"
    assert np.abs(offsets[100:150] - once[25:]).max() < 1e-3
    assert np.abs(offsets[158:] - once[8:10]).max() < 0.05, "and again"


def test_frames_that_were_left_out_and_late_ones(kicks: Path) -> None:
    show = Show(kicks)
    once = rendered(kicks, 35)
    seen = {}
    with show.source:
        for frame in show.source:
            show.sound.step()
            seen[frame.index] = float(show.sound.offsets(frame.captured_ns, blocks(1))[0])
            if frame.index == 3:
                show.clock.pass_time(0.5)
    show.sound.close()
    assert len(seen) < 30
    assert seen == {index: once[index] for index in seen}


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    loud = clip_with_sound(tmp_path / "a.mkv", tone(60, -10, 0.6), frames=15)
    silent = Clip(frames=15).make(tmp_path / "b.mp4")
    quiet = clip_with_sound(tmp_path / "c.mkv", np.concatenate([silence(0.3), tone(60, -26, 0.3)]), frames=15)
    show = Show(loud, silent, quiet)
    offsets = show.play(45)
    assert offsets[5:14] == pytest.approx(1)
    assert 0 < offsets[17] < offsets[15] and offsets[29] < 0.01
    assert offsets[32:36] == pytest.approx(0, abs=2e-3)
    assert offsets[42:44] == pytest.approx(0.5, abs=0.05)
    assert show.said == [f"{silent} has no sound track: silence"]
    assert {reading.state for reading in show.levels} == {"running", "lost"}


def test_an_edited_mapping_is_heard_within_a_second(tmp_path: Path) -> None:
    path = clip_with_sound(tmp_path / "c.mkv", tone(60, -10, 4), frames=100)
    show = Show(path)
    heard = []
    with show.source:
        for frame in show.source:
            show.sound.step()
            heard.append(float(show.sound.offsets(frame.captured_ns, blocks(1))[0]))
            if frame.index == 25:
                down = SoundMap(target="alpha", band=BANDS["low"], ceiling=-12, depth=-0.5)
                show.sound.take_over(Mapping(sounds=(down,)))
    show.sound.close()
    offsets = np.array(heard)
    assert offsets[10:26] == pytest.approx(1)
    assert offsets[26 + 25 : 95] == pytest.approx(-0.5, abs=0.01)


def test_before_anything_is_shown_there_is_nothing() -> None:
    sound = PlayingSound()
    sound.step()
    assert sound.offsets(5, blocks(2)).tolist() == [0, 0]
    silent = tuple((band, -120.0) for band in ("low", "mid", "high", "all"))
    assert sound.reading(5) == SoundReading(state="opening", levels_db=silent, lost=0)
    sound.start()
    sound.close()
    sound.close()
