from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.pipeline.style_mixer import StyleMixer, Vectors

NAMES = ("a", "b", "c")
VECTORS: dict[str, Vectors] = {
    name: np.random.default_rng(place).normal(size=10).astype(np.float32) for place, name in enumerate(NAMES)
}


def vector(*weights: float) -> Vectors:
    return np.asarray(sum(weight * VECTORS[name] for weight, name in zip(weights, NAMES, strict=True)), np.float32)


def values(*weights: float, free: float = 0.0, outside: tuple[float, ...] = ()) -> dict[str, Vectors]:
    found = {"style": np.array(weights, np.float32), "style_free": np.array([free], np.float32)}
    return found | ({"style_outside": np.array(outside, np.float32)} if outside else {})


def mixer(*inputs: str) -> StyleMixer:
    return StyleMixer(VECTORS, ["style", *inputs], under_way=1)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), st.floats(0, 1, width=32))
def test_weights_count_by_their_sum_or_as_they_stand(weights: list[float], free: float) -> None:
    total = sum(weights)
    found = mixer()(values(*weights, free=free))["style"]
    if total >= 0.05:
        by_sum = vector(*(weight / total for weight in weights))
        assert found == pytest.approx(by_sum + free * (vector(*weights) - by_sum), abs=1e-4)


def test_the_mix_before_comes_in_without_a_jump_where_hardly_any_weight_is_left() -> None:
    mix = mixer()
    mix(values(0, 1, 0))
    path = [mix(values(0, weight, 0))["style"].copy() for weight in np.linspace(1, 0, 40)]
    assert all(np.allclose(one, vector(0, 1, 0), atol=1e-5) for one in path) and mix.empty
    rising = [mix(values(0, 0, weight))["style"].copy() for weight in np.linspace(0, 1, 400)]
    steps = [float(np.abs(after - before).max()) for before, after in pairwise(rising)]
    whole = float(np.abs(vector(0, 0, 1) - vector(0, 1, 0)).max())
    assert max(steps) < whole / 15 and rising[-1] == pytest.approx(vector(0, 0, 1)) and not mix.empty


def test_free_weights_of_nothing_are_the_network_without_a_style() -> None:
    mix = mixer()
    mix(values(1, 0, 0, free=1))
    assert not mix(values(0, 0, 0, free=1))["style"].any() and not mix.empty


def test_nothing_is_computed_or_made_while_no_weight_moves() -> None:
    mix = mixer()
    first = mix(values(1, 0, 0))["style"]
    assert mix(values(1, 0, 0))["style"] is first
    second = mix(values(0.5, 0.5, 0))["style"]
    assert second is not first and first == pytest.approx(vector(1, 0, 0)), "an engine may still read it"
    third = mix(values(0, 0, 1))["style"]
    assert np.shares_memory(third, first), "no new memory"


def test_outside_has_weights_of_its_own_or_is_as_inside() -> None:
    mix = mixer("style_outside")
    found = mix(values(1, 0, 0, outside=(0, 0, 0)))
    assert found["style_outside"] is found["style"]
    found = mix(values(1, 0, 0, outside=(0, 0.25, 0.25)))
    assert found["style_outside"] == pytest.approx(vector(0, 0.5, 0.5), abs=1e-6)
    assert found["style"] == pytest.approx(vector(1, 0, 0))
    near = mix(values(1, 0, 0, outside=(0, 0.001, 0)))["style_outside"]
    assert np.abs(near - vector(1, 0, 0)).max() < 0.1, "it begins at the inside"


def test_a_vector_that_is_exchanged_is_neared_frame_by_frame() -> None:
    mix, better = mixer("style_outside"), VECTORS["b"] + 1
    given = values(0.5, 0.5, 0, outside=(0, 1, 0))
    before = mix(given)["style"].copy()
    mix.learn("b", better)
    path = [before, *(mix(given)["style"].copy() for _ in range(80))]
    wanted = (VECTORS["a"] + better) / 2
    steps = [float(np.abs(after - one).max()) for one, after in pairwise(path)]
    assert 0 < max(steps) <= 0.16 * 0.5, "no frame jumps"
    assert np.allclose(path[-1], wanted, atol=1e-6)
    assert np.allclose(mix(given)["style_outside"], better, atol=1e-6)
    settled = mix(given)["style"]
    assert mix(given)["style"] is settled, "and then nothing is computed"


def test_frames_under_way_keep_the_vector_that_they_began_with() -> None:
    mix = mixer()
    first = mix(values(1, 0, 0))["style"]
    copy = first.copy()
    mix.learn("a", VECTORS["a"] + 1)
    mix(values(1, 0, 0))
    assert np.array_equal(first, copy)


@pytest.mark.parametrize(("name", "size"), [("d", 10), ("a", 9)])
def test_a_vector_of_no_style_or_of_another_length_is_refused(name: str, size: int) -> None:
    with pytest.raises(ValueError, match="no vector of 10 numbers of a style"):
        mixer().learn(name, np.zeros(size, np.float32))
