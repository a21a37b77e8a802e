from __future__ import annotations

import random

import pytest

from stylefader.realtime.controls.midi.encoders import CODINGS, Coding, coding_of, relative_step
from stylefader.training.errors import ControlError

BYTES: dict[str, tuple[Coding, list[int], list[int]]] = {
    # What controllers send while they are turned up and then down, by their manuals.
    "Ableton Push, Electrix Tweaker, BCR2000 'relative 1'": ("twos", [1, 1, 2, 5, 3, 1], [127, 127, 126, 122, 127]),
    "Faderfox CCr1, Xone:K2, Akai INC/DEC: 1 and 127 alone": ("twos", [1, 1, 1, 1], [127, 127, 127]),
    "Midi Fighter Twister, Faderfox CCr2: 65 and 63 alone": ("offset", [65, 65, 65], [63, 63, 63, 63]),
    "Arturia 'relative 1', BCR2000 'relative 2'": ("offset", [65, 66, 67, 65, 65], [63, 63, 61, 62, 63]),
    "Mackie Control and X-Touch V-Pots, BCR2000 'relative 3'": ("sign", [1, 1, 3, 7, 2], [65, 65, 67, 72, 66]),
    "Mackie Control jog wheel": ("sign", [1, 1, 1], [65, 65, 65]),
    "increments of 127 and 0": ("inc", [127, 127, 127], [0, 0, 0, 0]),
}
CLICKS = {
    "Ableton Push, Electrix Tweaker, BCR2000 'relative 1'": [1, 1, 2, 5, 3, 1, -1, -1, -2, -6, -1],
    "Mackie Control and X-Touch V-Pots, BCR2000 'relative 3'": [1, 1, 3, 7, 2, -1, -1, -3, -8, -2],
    "Arturia 'relative 1', BCR2000 'relative 2'": [1, 2, 3, 1, 1, -1, -1, -3, -2, -1],
}


@pytest.mark.parametrize("controller", BYTES)
def test_the_bytes_of_real_controllers(controller: str) -> None:
    coding, up, down = BYTES[controller]
    clicks = [relative_step(raw, coding) for raw in up + down]
    if controller in CLICKS:
        assert clicks == CLICKS[controller]
    else:
        assert clicks == [1] * len(up) + [-1] * len(down)
    assert coding_of(up + down) == coding and coding_of(down + up) == coding, "either way first"
    assert coding_of(up + down + up) == coding
    for one_way in (up, down):
        with pytest.raises(ControlError, match="one way and back"):
            coding_of(one_way)


def test_the_ends_of_what_can_be_said() -> None:
    for coding, values in {
        "twos": {0: 0, 63: 63, 64: -64, 127: -1},
        "offset": {0: -64, 63: -1, 64: 0, 127: 63},
        "sign": {0: 0, 63: 63, 64: 0, 127: -63},
        "inc": {0: -1, 127: 1},
    }.items():
        assert {raw: relative_step(raw, coding) for raw in values} == values  # type: ignore[arg-type]
    assert CODINGS == ("twos", "offset", "sign", "inc")


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("coding", CODINGS)
def test_any_encoder_that_is_turned_slowly_is_known(coding: Coding, seed: int) -> None:
    chance = random.Random(seed)
    says = {1: 127, -1: 0} if coding == "inc" else {relative_step(raw, coding): raw for raw in range(128)}
    most = 1 if coding == "inc" else chance.choice([1, 3, 8, 20])
    up, down = ([chance.randint(1, most) for _ in range(chance.randint(0, 30))] + [1, 1, 1] for _ in range(2))
    assert coding_of([says[step] for step in up] + [says[-step] for step in down]) == coding


@pytest.mark.parametrize("seed", range(30))
def test_a_fader_or_knob_is_no_encoder(seed: int) -> None:
    chance = random.Random(seed)
    low, high = chance.choice([(0, 127), (0, 60), (40, 127), (20, 110)])
    step = chance.randint(1, 9)
    assert coding_of([*range(low, high, step), *range(high, low, -step)]) is None


def test_buttons_are_no_encoders() -> None:
    assert coding_of([127, 0]) is None and coding_of([127, 0, 127, 0, 127, 0]) is None


@pytest.mark.parametrize(
    "raws", [[1], [65], [1, 2, 3, 4, 3, 2, 1], [66, 68, 71, 67, 65, 62, 60, 63], [64, 65, 66, 65, 64, 63], [0, 0, 0]]
)
def test_what_could_be_either_is_refused_with_what_to_do(raws: list[int]) -> None:
    with pytest.raises(ControlError, match="from end to end, or turn an endless encoder slowly one way and back"):
        coding_of(raws)
