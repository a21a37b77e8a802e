from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.automation.automation_file import file_of, file_text
from stylefader.realtime.automation.csv_file import parse_automation_file
from stylefader.realtime.automation.difference import largest_difference
from stylefader.realtime.automation.keyframes import EASES, Automation, Keyframe
from stylefader.realtime.automation.thinning import thin
from tests.realtime.strengths import alpha_at


def keyframes(*rows: tuple[float | str, float] | tuple[float | str, float, str]) -> list[Keyframe]:
    return [Keyframe(time=Fraction(row[0]), values=(row[1],), ease=(*row, "linear")[2]) for row in rows]  # type: ignore[misc]


def thinned(before: list[Keyframe], tolerance: float) -> list[Keyframe]:
    return list(thin(file_of(before, origin="x"), tolerance).automation.keyframes)


@st.composite
def automations(draw: st.DrawFn) -> list[Keyframe]:
    columns = draw(st.integers(1, 3))
    times = sorted(draw(st.lists(st.integers(0, 40) | st.integers(0, 10**9), min_size=1, max_size=25)))
    # Steps of about the tolerances below, so that all of them come to bear.
    alpha = st.integers(-3, 6).map(lambda n: n * 0.01) | st.floats(-2, 2)
    return [
        Keyframe(
            time=Fraction(time, 30),
            values=tuple(draw(alpha) for _ in range(columns)),
            ease=draw(st.sampled_from(EASES)),
        )
        for time in times
    ]


TOLERANCES = st.sampled_from([0.0, 0.005, 0.02, 0.3])


@given(automations(), TOLERANCES, st.data())
def test_nowhere_further_than_the_tolerance(before: list[Keyframe], tolerance: float, data: st.DataObject) -> None:
    after = thinned(before, tolerance)
    assert len(after) <= len(before)
    assert largest_difference(before, after) <= tolerance
    columns = len(before[0].values)
    times = st.fractions(0, 15, max_denominator=900) | st.sampled_from([keyframe.time for keyframe in before])
    for at in data.draw(st.lists(times, max_size=20)):
        one, other = alpha_at(Automation(before), at, columns), alpha_at(Automation(after), at, columns)
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance + 1e-6)


@given(automations(), automations(), st.data())
def test_the_largest_difference_is_one(one: list[Keyframe], other: list[Keyframe], data: st.DataObject) -> None:
    """No sample is further apart than it, and fine samples come close to it."""
    one, other = ([Keyframe(time=k.time, values=k.values[:1], ease=k.ease) for k in side] for side in (one, other))
    most = largest_difference(one, other)
    assert most == largest_difference(other, one)
    times = sorted({k.time for k in (*one, *other)})
    tiny = Fraction(1, 10**12)
    samples = [at for time in times for at in (time - tiny, time, time + tiny)]
    samples += [a + (b - a) * Fraction(n, 50) for a, b in pairwise(times) for n in range(51)]
    apart = [
        abs(float(alpha_at(Automation(one), at, 1)[0]) - float(alpha_at(Automation(other), at, 1)[0])) for at in samples
    ]
    assert max(apart) <= most + 1e-6
    assert max(apart) >= most - 0.02, "a fiftieth of a way turns little between two samples"


def test_what_it_was_made_for() -> None:
    rate = Fraction(30000, 1001)
    take = [Keyframe(time=n / rate, values=(n / 3000, 0.25, 1 - n / 3000)) for n in range(3001)]
    after = thinned(take, 0.005)
    assert [keyframe.values for keyframe in after] == [take[0].values, take[-1].values], "a ramp is two keyframes"
    wave = [Keyframe(time=Fraction(n, 30), values=(0.5 + 0.5 * math.sin(n / 30),)) for n in range(3000)]
    # As many as a chord between points of the curve can span: sqrt(8 * tolerance / bend) on the mean.
    chords = sum(math.sqrt(0.5 * abs(math.sin(n / 30)) / (8 * 0.005)) / 30 for n in range(3000))
    assert len(thinned(wave, 0.005)) < 1.05 * chords < 0.1 * len(wave)


def test_close_to_the_fewest() -> None:
    """Against every choice among the keyframes that are there."""
    rng = np.random.default_rng(3)
    mine = fewest = 0
    for _ in range(40):
        alphas = np.cumsum(rng.normal(0, 0.02, 9))
        before = keyframes(*((n, float(alpha)) for n, alpha in enumerate(alphas)))
        choices = ([before[0], *inner, before[-1]] for size in range(8) for inner in combinations(before[1:-1], size))
        fewest += next(len(choice) for choice in choices if largest_difference(before, choice) <= 0.02)
        mine += len(thinned(before, 0.02))
    assert mine <= 1.1 * fewest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (keyframes((0, 1), (5, 1), (9, 1)), keyframes((0, 1))),
        (keyframes((0, 0), (5, 0), (6, 1), (7, 1)), keyframes((5, 0), (6, 1))),
        (keyframes((0, 0), (1, 0.5), (2, 1), (3, 0)), keyframes((0, 0), (2, 1), (3, 0))),
        # A jump stays one, and what holds before it is a hold.
        (keyframes((0, 0), (1, 0.2), (2, 0.4), (2, 0.9), (3, 0.9)), keyframes((0, 0), (2, 0.4), (2, 0.9))),
        (keyframes((0, 0, "hold"), (1, 0, "hold"), (2, 1)), keyframes((0, 0, "hold"), (2, 1))),
        (keyframes((0, 0), (1, 1), (2, 1), (2, 0), (3, 0.5)), keyframes((0, 0), (1, 1, "hold"), (2, 0), (3, 0.5))),
        # Stairs finer than the tolerance are a ramp.
        (keyframes(*((n, n / 1000, "hold") for n in range(101))), keyframes((0, 0), (100, 0.1))),
        (keyframes((0, 0, "smooth"), (1, 1, "hold"), (2, 0)), keyframes((0, 0, "smooth"), (1, 1, "hold"), (2, 0))),
        # A jump at the first time of all.
        (keyframes((1, 0), (1, 1), (2, 1)), keyframes((1, 0), (1, 1))),
        (keyframes((0, 3)), keyframes((0, 3))),
    ],
)  # fmt: skip
def test_what_stays(before: list[Keyframe], after: list[Keyframe]) -> None:
    found = thinned(before, 0.005)
    assert [k.time for k in found] == [k.time for k in after]
    assert [k.values[0] for k in found] == pytest.approx([k.values[0] for k in after], abs=0.005)
    assert [k.ease for k in found[:-1]] == [k.ease for k in after[:-1]]


def test_comments_stay_in_place() -> None:
    text = (
        "# mine\ntime,alpha0\n# 0 style first\n0,0\n1,0.1\n# the chorus\n2,0.2\n3,0.3\n# 4 style second\n4,0.4\n"
        "5,0\n# the end\n"
    )
    after = thin(parse_automation_file(text, origin="take.csv"), 0.005)
    assert file_text(after) == (
        "# mine\ntime,alpha0\n# 0 style first\n0,0\n# the chorus\n# 4 style second\n4,0.4\n5,0\n# the end\n"
    )


def test_times_far_apart_lose_nothing() -> None:
    """Picoseconds after half a million years of seconds."""
    late = 10**11
    before = keyframes((late, 0), (late + Fraction(1, 10**12), 1), (late + Fraction(2, 10**12), 0.2))
    assert thinned(before, 0.1) == before


def test_a_nights_take_is_walked_through_once() -> None:
    """Each keyframe is looked at no more than a few times, however far a way goes and wherever it has to end."""
    import stylefader.realtime.automation.thinning as thinning

    looked = 0
    original = thinning._Thinning._narrowed

    def counted(self: thinning._Thinning, *words: object) -> object:
        nonlocal looked
        looked += 1
        return original(self, *words)  # type: ignore[arg-type]

    rng = np.random.default_rng(0)
    shapes = [np.zeros(5000), np.arange(5000) / 5000, rng.normal(0, 0.004, 5000), rng.normal(0, 1, 5000),
              np.tile([0.0, 0.0049], 2500)]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thinning._Thinning, "_narrowed", counted)
        for alphas in shapes:
            looked = 0
            thinned(keyframes(*((n, float(alpha)) for n, alpha in enumerate(alphas))), 0.005)
            assert looked <= 4 * len(alphas)
