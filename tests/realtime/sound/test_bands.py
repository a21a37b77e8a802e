from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylefader.realtime.controls.mapping.sound_section import BANDS
from stylefader.realtime.sound.bands import SILENCE_DB, BandMeter
from tests.realtime.sound.waves import silence, tone

LOW, MID, HIGH, ALL = range(4)
LEFT, RIGHT, BOTH = range(3)


def meter(rate: int = 48000) -> BandMeter:
    return BandMeter(rate, list(BANDS.values()))


def settled(samples: np.ndarray, rate: int = 48000) -> np.ndarray:
    """Levels (n, bands, 3) where the window is full of the sound."""
    return meter(rate).feed(samples if samples.ndim == 2 else samples[:, None])[8:]


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
@pytest.mark.parametrize(("hertz", "band"), [(60, LOW), (120, LOW), (1000, MID), (3200, HIGH)])
def test_a_tone_shows_in_its_band_alone_with_its_level(rate: int, hertz: float, band: int) -> None:
    levels = settled(tone(hertz, -20, 0.5, rate), rate)[:, :, BOTH]
    assert np.abs(levels[:, band] + 20).max() < 0.5
    assert np.abs(levels[:, ALL] + 20).max() < 0.5
    others = [other for other in (LOW, MID, HIGH) if other != band]
    assert levels[:, others].max() < -20 - 30


def test_a_full_scale_sine_is_0_db_and_levels_are_linear() -> None:
    for db in (0, -6, -60, -100):
        assert settled(tone(1000, db, 0.2))[:, MID, BOTH] == pytest.approx(db, abs=0.1)


def test_left_right_and_both() -> None:
    both = settled(np.stack([tone(1000, -20, 0.3), tone(1000, -40, 0.3)], axis=1))[:, MID]
    assert both[:, LEFT] == pytest.approx(-20, abs=0.1)
    assert both[:, RIGHT] == pytest.approx(-40, abs=0.1)
    assert both[:, BOTH] == pytest.approx(10 * np.log10((1e-2 + 1e-4) / 2), abs=0.1)
    mono = settled(tone(1000, -20, 0.3))[:, MID]
    assert mono == pytest.approx(-20, abs=0.1), "mono is left, right and both"


def test_bands_side_by_side_add_up() -> None:
    noise = np.random.default_rng(5).normal(scale=0.1, size=(24000, 1))
    edges = (20.0, 111.0, 200.0, 2500.0, 20000.0)
    bands = [*pairwise(edges), (edges[0], edges[-1])]
    levels = BandMeter(48000, bands).feed(noise)[8:, :, BOTH]
    powers = 10 ** (levels / 10)
    assert powers[:, :-1].sum(axis=1) == pytest.approx(powers[:, -1])


def test_silence_and_a_constant_are_silence() -> None:
    assert (settled(silence(0.3)) == SILENCE_DB).all()
    assert (settled(silence(0.3) + 0.5) <= SILENCE_DB + 1e-9).all(), "an offset is no sound"
    quiet = settled(np.full(9600, 0.3) + tone(60, -40, 0.2))[:, LOW, BOTH]
    assert quiet == pytest.approx(-40, abs=0.5), "nor does it hide any"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_what_is_no_number_gives_numbers(value: float) -> None:
    wave = tone(1000, -20, 0.5)
    wave[7000:7003] = value
    measure = meter()
    levels = measure.feed(wave[:, None].astype(np.float32))
    assert np.isfinite(levels).all()
    if abs(value) != 3e38:
        assert levels.max() < -5, "it counts as silence, not as loud"
    after = measure.feed(tone(1000, -20, 0.3)[:, None])[8:, MID, BOTH]
    assert after == pytest.approx(-20, abs=0.1), "and nothing stays of it"


@given(st.lists(st.integers(0, 3000), max_size=12), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_pieces_do_not_matter(cuts: list[int], seed: int) -> None:
    wave = np.random.default_rng(seed).normal(scale=0.2, size=(9000, 2))
    whole = meter().feed(wave)
    pieces = meter()
    edges = [0, *np.cumsum(cuts)[np.cumsum(cuts) < 9000].tolist(), 9000]
    parts = [pieces.feed(wave[a:b]) for a, b in pairwise(edges)]
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-9
    assert pieces.passed == len(whole) == 9000 // 256


def test_a_level_stands_in_the_middle_of_its_window() -> None:
    """A click is loudest in the level whose place is nearest to it."""
    measure = meter()
    click = silence(0.5)
    click[12345] = 1
    levels = measure.feed(click[:, None])[:, ALL, BOTH]
    loudest = int(levels.argmax())
    assert abs(measure.middle(loudest) - 12345) <= measure.step / 2
    heard = np.flatnonzero(levels > SILENCE_DB)
    assert abs(measure.middle(int(heard[0])) - 12345) <= measure.window / 2


def test_the_delay_is_under_30_ms() -> None:
    for rate in (44100, 48000, 96000):
        measure = meter(rate)
        assert (measure.window / 2 + measure.step) / rate < 0.030


def test_bands_change_while_it_runs() -> None:
    measure = meter()
    wave = tone(1000, -20, 1)[:, None]
    measure.feed(wave[:24000])
    measure.set_bands([(900.0, 1100.0), (20.0, 200.0)])
    levels = measure.feed(wave[24000:])[:, :, BOTH]
    assert levels[:, 0] == pytest.approx(-20, abs=0.1)
    assert levels[:, 1].max() < -60


def test_samples_of_another_form_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(n, 1\) or \(n, 2\), not \(5, 3\)"):
        meter().feed(np.zeros((5, 3)))
