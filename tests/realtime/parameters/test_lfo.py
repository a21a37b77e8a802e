from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.controls.mapping.lfo_section import LFO_KEYS
from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.parameters.lfo import SHAPES, LfoMap, Lfos
from stylefader.training.errors import ControlError
from tests.realtime.controls.mapping.test_mapping import CONTROL_MD
from tests.realtime.live import blocks

S = 10**9


def lfos(text: str) -> tuple[LfoMap, ...]:
    return parse_mapping(f"[[lfo]]\n{text}", origin="t").lfos


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("sine", [0, 1, 0, -1, 0]),
        ("triangle", [0, 1, 0, -1, 0]),
        ("ramp", [-1, -0.5, 0, 0.5, -1]),
        ("square", [1, 1, -1, -1, 1]),
    ],
)
def test_shapes(shape: str, expected: list[float]) -> None:
    (entry,) = lfos(f'target="alpha0"\nshape="{shape}"\nhertz=0.5\ndepth=0.2')
    assert [entry.offset(t / 2, 0) for t in range(5)] == pytest.approx([0.2 * e for e in expected], abs=1e-12)


def test_in_beats_with_phase_and_only_upwards() -> None:
    (entry,) = lfos('target="alpha"\nshape="triangle"\nbeats=4\ndepth=0.5\nup=true\nphase=0.25')
    assert [entry.offset(99, beat) for beat in (0, 1, 2, 3, 4)] == pytest.approx([0.5, 0.25, 0, 0.25, 0.5])


def test_random_holds_a_cycle_and_its_seed_decides() -> None:
    def values(seed: int) -> list[float]:
        (entry,) = lfos(f'target="alpha"\nshape="random"\nhertz=1\ndepth=1\nseed={seed}')
        assert entry.offset(3.01, 0) == entry.offset(3.99, 0)
        return [entry.offset(t + 0.5, 0) for t in range(400)]

    first = values(1)
    assert first == values(1) and first != values(2)
    assert abs(np.mean(first)) < 0.15 and np.std(first) == pytest.approx(1 / np.sqrt(3), abs=0.06), "evenly spread"
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.2
    assert abs(np.corrcoef(first, values(2))[0, 1]) < 0.2


def test_drift_goes_softly_between_the_same_values() -> None:
    held, soft = (
        lfos(f'target="alpha"\nshape="{shape}"\nhertz=1\ndepth=1\nseed=5')[0] for shape in ("random", "drift")
    )
    assert [soft.offset(t, 0) for t in range(9)] == [held.offset(t, 0) for t in range(9)]
    way = [soft.offset(t / 100, 0) for t in range(900)]
    assert max(abs(b - a) for a, b in itertools.pairwise(way)) < 0.04


def test_several_add_up_and_blocks_that_are_not_there_are_left_alone() -> None:
    maps = [
        LfoMap(target="alpha", shape="square", hertz=1, depth=0.1),
        LfoMap(target="alpha1", shape="ramp", beats=1, depth=1),
        LfoMap(target="alpha7", hertz=1, depth=9),
    ]
    both = Lfos(maps, beat=lambda at_ns: at_ns / S * 2, zero_ns=S)
    np.testing.assert_allclose(both.offsets(S + S // 8, blocks(2)), [0.1, 0.1 + 2 * 0.25 - 1 - 1 + 1])
    assert Lfos([], beat=lambda at_ns: 0.0).offsets(5, blocks(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hertz=1", r"t, line 1: this \[\[lfo\]\] has no target"),
        ('target="alpha"', "t, line 1: an LFO has either hertz"),
        ('target="alpha"\nhertz=1\nbeats=1', "t, line 1: an LFO has either hertz"),
        ('target="alpha"\nhertz=0', "t, line 3: hertz is cycles a second, above 0"),
        ('target="style"\nhertz=1', "t, line 2: target is alpha, alpha0"),
        ('target="alpha"\nhertz=1\nshape="saw"', "t, line 4: shape is one of sine, triangle"),
        ('target="alpha"\nhertz=1\nseed=1', "t, line 4: seed has no effect here"),
        ('target="alpha"\nhertz=1\nphase=2', "t, line 4: phase"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        lfos(text)


@given(
    shape=st.sampled_from(sorted(SHAPES)),
    hertz=st.floats(1e-6, 100),
    depth=st.floats(-1e5, 1e5),
    seconds=st.floats(-1e6, 1e9),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_lfo_stays_within_its_depth(shape: str, hertz: float, depth: float, seconds: float, seed: int) -> None:
    entry = LfoMap(target="alpha", shape=shape, hertz=hertz, depth=depth, seed=seed)
    assert abs(entry.offset(seconds, 0)) <= abs(depth) * (1 + 1e-9)


def test_the_documents_have_every_key_and_shape() -> None:
    text = CONTROL_MD.read_text()
    for key in LFO_KEYS:
        assert f"| `{key}` |" in text
    for shape in SHAPES:
        assert f"`{shape}`" in text
