from __future__ import annotations

import numpy as np
import pytest

from realtime.desk import AlphaDesk, carried_over
from tests.realtime.live import HEADER
from training.errors import ControlError
from training.pack_header import AlphaHeader

S = 1_000_000_000


def desk(**words: object) -> AlphaDesk:
    return AlphaDesk(HEADER.alpha, 3, **words)  # type: ignore[arg-type]


def test_it_starts_at_the_default_and_stays_there() -> None:
    d = desk()
    np.testing.assert_allclose(d.alpha(0), 0.5)
    np.testing.assert_allclose(d.alpha(5 * S), 0.5)
    assert d.alpha(6 * S).dtype == np.float32


def test_alpha_goes_to_its_target_by_time_whatever_the_frame_rate() -> None:
    ways = []
    for fps in (10, 30, 240):
        d = desk(time_constant_s=0.1)
        d.alpha(0)
        d.move(1, 1.0)
        for frame in range(1, fps + 1):
            alpha = d.alpha(frame * S // fps // 5)
        ways.append(alpha[1])
        assert alpha[0] == alpha[2] == 0.5
    assert ways == pytest.approx([0.5 + 0.5 * (1 - np.exp(-2))] * 3, rel=1e-5)


def test_targets_are_kept_in_the_range_and_the_default_comes_back() -> None:
    d = desk(time_constant_s=0)
    d.move("all", 7)
    assert d.alpha(0).tolist() == [1, 1, 1]
    d.nudge(0, -0.25)
    d.nudge(2, 0.25)
    assert d.targets().tolist() == [0.75, 1, 1]
    d.reset()
    assert d.alpha(1).tolist() == [0.5] * 3


def test_bad_moves_are_refused() -> None:
    with pytest.raises(ControlError, match="no block 3: this style has 3"):
        desk().move(3, 0.5)
    with pytest.raises(ControlError, match="finite"):
        desk().move("all", float("nan"))


def test_time_that_goes_back_changes_nothing() -> None:
    d = desk(time_constant_s=0.1)
    d.alpha(S)
    d.move("all", 1.0)
    np.testing.assert_allclose(d.alpha(0), 0.5)
    after = d.alpha(S + S // 10)
    np.testing.assert_allclose(after, 0.5 + 0.5 * (1 - np.exp(-1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("alpha", "n_blocks", "expected"),
    [([0.2, 0.4, 0.9], 1, [0.2]), ([0.2, 0.4], 3, [0.2, 0.4, 0.3]), ([], 2, [0, 0]), ([0.7], 0, [])],
)
def test_strengths_are_carried_over_to_another_number_of_blocks(
    alpha: list[float], n_blocks: int, expected: list[float]
) -> None:
    np.testing.assert_allclose(carried_over(np.array(alpha, np.float32), n_blocks), expected, rtol=1e-6)


def test_what_is_carried_over_is_kept_in_the_new_range() -> None:
    narrow = AlphaHeader(meaning={}, low=0, high=0.4, default=0.1)
    assert AlphaDesk(narrow, 2, start=np.array([0.9, 0.3], np.float32)).alpha(0) == pytest.approx([0.4, 0.3])
