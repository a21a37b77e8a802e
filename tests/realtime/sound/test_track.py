"""Tracks of files that the tests make: what is heard, when, and what `render` gets of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.controls.mapping.sound_section import BANDS, SoundMap
from stylefader.realtime.sound.bands import SILENCE_DB, BandMeter
from stylefader.realtime.sound.track import SoundTrack
from stylefader.realtime.sound.track_sound import TrackSound
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.training.errors import SourceError
from tests.realtime.clips import Clip
from tests.realtime.live import blocks
from tests.realtime.sound.waves import beat, clip_with_sound, silence, tone

LOW, MID, HIGH, ALL = range(4)
BOTH = 2
BURST = np.concatenate([silence(0.8), tone(1000, -20, 0.4), silence(0.8)])


def zero_of(path: Path) -> Fraction:
    with VideoFileSource(path) as source:
        return source.clock_zero


def picture_begins(path: Path) -> float:
    """When the first picture is shown, as players count."""
    with VideoFileSource(path) as source:
        return float(next(iter(source)).pts - source.clock_zero)


def heard(path: Path, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and levels (n, bands) of both channels, until then."""
    track = SoundTrack(path, clock_zero=zero_of(path))
    times, levels = [], []
    for part in track.levels(BandMeter(track.rate, list(BANDS.values()))):
        times.append(part.times)
        levels.append(part.levels[:, :, BOTH])
        if len(part.times) and part.times[-1] > seconds:
            break
    track.close()
    return np.concatenate(times), np.concatenate(levels)


def bursts(times: np.ndarray, levels: np.ndarray) -> list[tuple[float, float]]:
    """From when to when the mid band stands over half of a burst's power."""
    loud = np.flatnonzero(np.diff(np.concatenate([[0], levels[:, MID] > -23, [0]]).astype(int)))
    return [(float(times[a]), float(times[b - 1])) for a, b in zip(loud[::2], loud[1::2], strict=True)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("c.mkv", {}),
        ("c.mov", {"codec": "pcm_s16le", "rate": 44100}),
        ("c.mp4", {"codec": "aac"}),
        ("c.mkv", {"codec": "libopus"}),
        ("c.ts", {"codec": "mp2"}),
        ("c.mkv", {"codec": "flac", "rate": 16000}),
        ("c.mkv", {"picture_starts": Fraction(2), "sound_starts": Fraction(2)}),
        ("c.mp4", {"codec": "aac", "picture_starts": Fraction(13, 25), "sound_starts": Fraction(13, 25)}),
    ],
)
def test_a_burst_stands_where_it_is_and_is_as_loud_as_it_is(tmp_path: Path, name: str, words: dict[str, Any]) -> None:
    rate = words.get("rate", 48000)
    sound = np.concatenate([silence(0.8, rate), tone(1000, -20, 0.4, rate), silence(0.8, rate)])
    times, levels = heard(clip_with_sound(tmp_path / name, sound, **words), 2)
    times = times - picture_begins(tmp_path / name)  # an encoder's run-up may stand before both
    ((begin, end),) = bursts(times, levels)
    assert begin == pytest.approx(0.8, abs=0.012)
    assert end == pytest.approx(1.2, abs=0.012)
    inside = levels[(times > 0.85) & (times < 1.15)]
    assert inside[:, MID] == pytest.approx(-20, abs=0.5)
    assert inside[:, [LOW, HIGH]].max() < -55
    assert np.diff(times) == pytest.approx(np.diff(times)[0])


def test_sound_that_begins_later_than_the_picture(tmp_path: Path) -> None:
    times, levels = heard(clip_with_sound(tmp_path / "c.mkv", BURST, sound_starts=Fraction(7, 10)), 3)
    ((begin, end),) = bursts(times, levels)
    assert (begin, end) == pytest.approx((1.5, 1.9), abs=0.012)


def test_a_picture_that_begins_later_than_the_sound(tmp_path: Path) -> None:
    """Zero is where the earliest track begins, as for the keyframes of a render."""
    times, levels = heard(clip_with_sound(tmp_path / "c.mkv", BURST, picture_starts=Fraction(3, 10)), 2)
    assert bursts(times, levels)[0][0] == pytest.approx(0.8, abs=0.012)


def test_a_gap_in_the_timestamps_is_silence(tmp_path: Path) -> None:
    wave = tone(1000, -20, 2)
    times, levels = heard(clip_with_sound(tmp_path / "c.mkv", wave, gap=(0.5, 1.25)), 3)
    (first, second) = bursts(times, levels)
    assert first[1] == pytest.approx(0.5, abs=0.035)
    assert second[0] == pytest.approx(1.75, abs=0.035)
    assert levels[(times > 0.6) & (times < 1.6)].max() == SILENCE_DB


def test_after_the_track_there_is_silence(tmp_path: Path) -> None:
    times, levels = heard(clip_with_sound(tmp_path / "c.mkv", tone(1000, -20, 0.5)), 4)
    assert levels[times > 0.55].max() == SILENCE_DB
    assert times[-1] > 4


def test_left_and_right_and_six_channels(tmp_path: Path) -> None:
    wave = np.zeros((6, 24000))
    wave[0] = tone(1000, -20, 0.5)
    path = clip_with_sound(tmp_path / "c.mkv", wave, layout="5.1", frames=12)
    track = SoundTrack(path)
    part = next(track.levels(BandMeter(track.rate, list(BANDS.values()))))
    track.close()
    inside = part.levels[(part.times > 0.1) & (part.times < 0.4), MID]
    assert inside[:, 0] == pytest.approx(-20, abs=0.5)
    assert inside[:, 1] == pytest.approx(SILENCE_DB)


def test_the_middle_of_six_channels_is_heard_left_and_right(tmp_path: Path) -> None:
    wave = np.zeros((6, 24000))
    wave[2] = tone(1000, -20, 0.5)
    track = SoundTrack(clip_with_sound(tmp_path / "c.mkv", wave, layout="5.1", frames=12))
    part = next(track.levels(BandMeter(track.rate, list(BANDS.values()))))
    track.close()
    assert part.levels[(part.times > 0.1) & (part.times < 0.4), MID, :2] == pytest.approx(-23, abs=0.5)


@pytest.mark.parametrize(
    ("back", "left"),
    [(0.02, 2.0), (0.4, 1.6), (1.2, 2.0)],
    ids=["rounding is left alone", "what came already is left out", "a new beginning goes on"],
)
def test_timestamps_that_step_back(tmp_path: Path, back: float, left: float) -> None:
    class Jumping(SoundTrack):
        def _place(self, frame: Any) -> Fraction | None:
            place = super()._place(frame)
            return place if place is None or place < Fraction(3, 2) else place - Fraction(back)

    wave = tone(1000, -20, 2)
    track = Jumping(clip_with_sound(tmp_path / "c.mkv", wave))
    samples = np.concatenate(list(track.samples()))
    track.close()
    assert len(samples) / 48000 == pytest.approx(left, abs=0.05), "but for what rounding may be"
    assert np.abs(samples).max() == pytest.approx(0.1, abs=1e-3)


def test_no_sound_no_file_no_picture(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"silent.mp4 has no sound track"):
        SoundTrack(Clip(frames=3).make(tmp_path / "silent.mp4"))
    with pytest.raises(SourceError, match="does not exist"):
        SoundTrack(tmp_path / "none.mp4")


def test_a_file_that_breaks_off_goes_on_in_silence(tmp_path: Path) -> None:
    path = clip_with_sound(tmp_path / "c.mkv", tone(1000, -20, 2))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    times, levels = heard(path, 4)
    assert levels[times < 0.5, MID].max() == pytest.approx(-20, abs=0.5)
    assert levels[times > 2.1].max() == SILENCE_DB


# -- what a render gets ----------------------------------------------------------------------------------------------

MAPS = [SoundMap(target="alpha", band=BANDS["low"], floor=-40, ceiling=-12, attack=0.0, release=0.15)]


def alphas(path: Path, times: list[Fraction]) -> np.ndarray:
    sound = TrackSound(path, MAPS, clock_zero=zero_of(path))
    values = np.array([sound.offsets_at(at, blocks(2)) for at in times])
    sound.close()
    return values


@pytest.fixture
def kicks(tmp_path: Path) -> Path:
    return clip_with_sound(tmp_path / "kicks.mp4", beat(3), codec="aac", frames=75)


FRAMES = [Fraction(n, 25) for n in range(75)]


def test_alpha_beats_with_the_kick(kicks: Path) -> None:
    values = alphas(kicks, FRAMES)
    assert (values[:, 0] == values[:, 1]).all()
    peaks = [n for n in range(1, 74) if values[n - 1, 0] < values[n, 0] >= values[n + 1, 0] and values[n, 0] > 0.8]
    assert len(peaks) == 5
    for number, peak in enumerate(peaks, 1):
        assert abs(peak / 25 - number * 0.5) <= 0.06
    assert values[12, 0] < 0.25, "and falls in between"


def test_the_same_every_time_and_whatever_was_asked_before(kicks: Path) -> None:
    whole = alphas(kicks, FRAMES)
    assert np.array_equal(whole, alphas(kicks, FRAMES))
    assert np.array_equal(whole[40:], alphas(kicks, FRAMES[40:])), "a part"
    assert np.array_equal(whole[::7], alphas(kicks, FRAMES[::7]))
    assert np.array_equal(whole[::-15], alphas(kicks, FRAMES[::-15])), "backwards"


def test_nothing_before_the_sound_begins_and_it_dies_away_after(tmp_path: Path) -> None:
    path = clip_with_sound(tmp_path / "c.mkv", tone(60, -3, 0.5), sound_starts=Fraction(1))
    values = alphas(path, [Fraction(n, 10) for n in range(60)])[:, 0]
    assert (values[:10] == 0).all()
    assert values[12] > 0.9
    assert (np.diff(values[16:]) <= 0).all() and values[-1] == 0


def test_no_time_falls_between_two_pieces_of_the_track(tmp_path: Path) -> None:
    path = clip_with_sound(tmp_path / "c.mkv", tone(60, -6, 3))
    assert (alphas(path, [Fraction(n, 1000) for n in range(200, 2900)]) > 1 - 1e-6).all()


def test_sound_that_is_no_number(tmp_path: Path) -> None:
    wave = beat(1)
    wave[1000:1400] = np.nan
    wave[3000:3003] = np.inf
    values = alphas(clip_with_sound(tmp_path / "c.mkv", wave), FRAMES)
    assert np.isfinite(values).all() and values.max() > 0.5
