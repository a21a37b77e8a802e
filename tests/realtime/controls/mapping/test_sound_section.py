from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.controls.mapping.sound_section import _KEYS, BANDS, CHANNELS, LEVELS, SoundMap
from stylefader.realtime.parameters.curves import CURVES
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import ControlError
from tests.paths import DOCS

CONTROL_MD = DOCS / "control.md"


def test_a_file_with_everything_and_with_nothing() -> None:
    mapping = parse_mapping(
        '[[sound]]\ntarget = "alpha2"\nband = [40, 90.5]\nfloor = -60\nceiling = -6\nattack = 0\nrelease = 2\n'
        'depth = -0.5\ncurve = "slow"\nchannel = "left"\n\n[[sound]]\ntarget = "alpha"\n', origin="t",
    )  # fmt: skip
    first, second = mapping.sounds
    assert first == SoundMap(
        target="alpha2", band=(40, 90.5), floor=-60, ceiling=-6, attack=0, release=2, depth=-0.5, curve="slow",
        channel="left", line=1,
    )  # fmt: skip
    assert first.moves == Target("alpha", 2)
    assert second == SoundMap(target="alpha", line=12)
    assert second.moves == Target("alpha")
    assert str(mapping) == "0 mappings, 2 of sound"
    assert parse_mapping("", origin="t").sounds == ()


@pytest.mark.parametrize("band", BANDS)
def test_floor_and_ceiling_are_those_of_the_band(band: str) -> None:
    (entry,) = parse_mapping(f'[[sound]]\ntarget = "alpha"\nband = "{band}"', origin="t").sounds
    assert (entry.band, (entry.floor, entry.ceiling)) == (BANDS[band], LEVELS[band])


GOOD = '[[sound]]\ntarget = "alpha0"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sound]\ntarget = 'alpha'", "t, line 1: write [[sound]], one for each"),
        ("[[sound]]\nband = 'low'", "t, line 1: this [[sound]] has no target"),
        ("[[sound]]\ntarget = 'style'", "t, line 2: target is alpha, alpha0"),
        (GOOD + "bands = 'low'", "t, line 3: 'bands' is not known; there are target, band"),
        (GOOD + "band = 'bass'", "t, line 3: band is one of low, mid, high, all, or [from, to]"),
        (GOOD + "band = [100]", "t, line 3: band is"),
        (GOOD + "band = [100, 149]", "t, line 3: band is"),
        (GOOD + "band = [200, 100]", "t, line 3: band is"),
        (GOOD + "band = [-1, 100]", "t, line 3: band is"),
        (GOOD + "band = [100, 24001]", "t, line 3: band is"),
        (GOOD + "band = ['a', 'b']", "t, line 3: band is"),
        (GOOD + "band = [nan, 100]", "t, line 3: band is"),
        (GOOD + "floor = 21", "t, line 3: floor is decibels full scale, from -120, not 21"),
        (GOOD + "ceiling = '-10'", "t, line 3: ceiling is decibels"),
        (GOOD + "floor = -20\nceiling = -20", "t, line 4: the floor, -20 dB, must lie below the ceiling, -20 dB"),
        (GOOD + "floor = 0", "t, line 3: the floor, 0 dB, must lie below the ceiling, -8 dB"),
        (GOOD + "attack = -0.1", "t, line 3: attack is seconds from 0 to 60"),
        (GOOD + "release = inf", "t, line 3: release is seconds"),
        (GOOD + "depth = nan", "t, line 3: depth is a number from -10 to 10"),
        (GOOD + "depth = true", "t, line 3: depth"),
        (GOOD + "curve = 'round'", "t, line 3: curve is one of linear, slow"),
        (GOOD + "channel = 1", "t, line 3: channel is one of left, right, both"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ControlError, match=re.escape(message)):
        parse_mapping(text, origin="t")


@given(
    st.dictionaries(
        st.sampled_from([*_KEYS, "other"]),
        st.sampled_from([*BANDS, *CURVES, *CHANNELS, "alpha", "alpha3"]).map(lambda word: f'"{word}"')
        | st.sampled_from(["0", "-30", "0.5", "[20, 90]", "[90, 20]", "inf", "nan", "{}", "[[1]]", "true", "9e400"]),
    )
)
def test_any_table_gives_what_can_be_followed_or_an_error(words: dict[str, str]) -> None:
    text = "[[sound]]\n" + "".join(f"{key} = {value}\n" for key, value in words.items())
    try:
        (entry,) = parse_mapping(text, origin="t").sounds
    except ControlError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert re.match(r"t(, line \d+)?: ", said)
        return
    assert entry.floor < entry.ceiling and entry.band[1] - entry.band[0] >= 50
    assert 0 <= entry.attack <= 60 and 0 <= entry.release <= 60 and abs(entry.depth) <= 10
    assert entry.curve in CURVES and entry.channel in CHANNELS


def test_every_key_is_documented() -> None:
    section = CONTROL_MD.read_text(encoding="utf-8").partition("## Sound")[2].partition("\n## ")[0]
    for key in _KEYS:
        assert f"| `{key}` |" in section, key
