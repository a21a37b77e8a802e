from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.controls.mapping.sound_section import BANDS, CHANNELS, SoundMap
from stylefader.realtime.sound.bands import SILENCE_DB, BandMeter
from stylefader.realtime.sound.envelope import Envelopes, bands_of, offsets
from tests.realtime.live import blocks
from tests.realtime.sound.waves import silence, tone

STEP_S = 256 / 48000


def entry(**words: Any) -> SoundMap:
    return SoundMap(**{"target": "alpha", "floor": -40, "ceiling": -20, "attack": 0, "release": 0, **words})


def levels(*of_map: float, steps: int = 1) -> np.ndarray:
    """What a meter would give, mapping by mapping."""
    made = np.full((steps, len(BANDS) + len(of_map), len(CHANNELS)), SILENCE_DB)
    made[:, len(BANDS) :] = np.array(of_map)[:, None]
    return made


@pytest.mark.parametrize(("db", "value"), [(-120, 0), (-40, 0), (-35, 0.25), (-30, 0.5), (-20, 1), (0, 1)])
def test_floor_and_ceiling(db: float, value: float) -> None:
    assert Envelopes([entry()], STEP_S).follow(levels(db))[-1] == pytest.approx([value])


def test_curve_and_channel() -> None:
    envelopes = Envelopes([entry(curve="slow"), entry(channel="right")], STEP_S)
    heard = levels(-30, -30)
    heard[:, -1] = [-20, -35, -25]
    assert envelopes.follow(heard)[-1] == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize("steps", [1, 7])
def test_attack_and_release_are_time_constants(steps: int) -> None:
    envelopes = Envelopes([entry(attack=0.1, release=0.5)], STEP_S)
    up = np.concatenate([envelopes.follow(levels(0, steps=steps)) for _ in range(1400 // steps)])[:, 0]
    after = round(0.1 / STEP_S)
    assert up[after - 1] == pytest.approx(1 - math.exp(-after * STEP_S / 0.1))
    assert up[after - 1] == pytest.approx(0.63, abs=0.02)
    assert up[-1] == pytest.approx(1)
    down = np.concatenate([envelopes.follow(levels(-120, steps=steps)) for _ in range(700 // steps)])[:, 0]
    after = round(0.5 / STEP_S)
    assert down[after - 1] == pytest.approx(math.exp(-1), abs=0.01)


def test_the_times_of_a_step_of_real_sound() -> None:
    """From silence to a tone at the ceiling and back: 63 % after one time constant, but for half a window."""
    maps = [entry(band=BANDS["mid"], attack=0.1, release=0.3)]
    meter = BandMeter(48000, bands_of(maps))
    wave = np.concatenate([silence(1), tone(1000, -20, 2), silence(2)])
    heard = meter.feed(wave[:, None])
    values = Envelopes(maps, meter.step_s).follow(heard)[:, 0]
    times = (meter.middle(0) + np.arange(len(values)) * meter.step) / 48000
    reached = times[np.flatnonzero(values > 1 - math.exp(-1))[0]]
    assert reached - 1 == pytest.approx(0.1, abs=0.022)
    left = times[np.flatnonzero((values < math.exp(-1)) & (times > 3))[0]]
    assert left - 3 == pytest.approx(0.3, abs=0.022)


def test_silence_adds_exactly_nothing_and_so_does_what_has_died_away() -> None:
    envelopes = Envelopes([entry(release=0.2)], STEP_S)
    assert (envelopes.follow(levels(-120, steps=100)) == 0).all()
    envelopes.follow(levels(0, steps=10))
    died = envelopes.follow(levels(-120, steps=round(4 / STEP_S)))[:, 0]
    assert 0 < died[0] < 1 and died[-1] == 0
    assert (np.diff(died) <= 0).all()


def test_what_blocks_get() -> None:
    maps = [entry(depth=0.5), entry(target="alpha1", depth=-1), entry(target="alpha7")]
    assert offsets(maps, np.array([1.0, 0.25, 1.0]), blocks(3)).tolist() == [0.5, 0.25, 0.5]
    assert offsets(maps, np.array([1.0, 0.25, 1.0]), blocks(0)).tolist() == []
    assert offsets([], np.zeros(0), blocks(2)).tolist() == [0, 0]


def test_values_are_taken_over() -> None:
    old = Envelopes([entry(), entry()], STEP_S)
    old.follow(levels(0, -30))
    newer = Envelopes([entry(release=1)] * 3, STEP_S, old.values.tolist())
    assert newer.values.tolist() == pytest.approx([1, 0.5, 0])
