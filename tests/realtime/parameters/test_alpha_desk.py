from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Layout, alpha_parameter, carried_over
from stylefader.training.errors import ControlError
from stylefader.training.packs.pack_header import AlphaHeader
from tests.realtime.controls.player import ALL, block
from tests.realtime.live import HEADER

S = 1_000_000_000


def desk(**words: object) -> AlphaDesk:
    return AlphaDesk([alpha_parameter(HEADER.alpha, 3)], **words)  # type: ignore[arg-type]


def test_it_starts_at_the_default_and_stays_there() -> None:
    d = desk()
    np.testing.assert_allclose(d.values(0)["alpha"], 0.5)
    np.testing.assert_allclose(d.values(5 * S)["alpha"], 0.5)
    assert d.values(6 * S)["alpha"].dtype == np.float32


def test_alpha_goes_to_its_target_by_time_whatever_the_frame_rate() -> None:
    ways = []
    for fps in (10, 30, 240):
        d = desk(time_constant_s=0.1)
        d.values(0)["alpha"]
        d.move(block(1), 1.0)
        for frame in range(1, fps + 1):
            alpha = d.values(frame * S // fps // 5)["alpha"]
        ways.append(alpha[1])
        assert alpha[0] == alpha[2] == 0.5
    assert ways == pytest.approx([0.5 + 0.5 * (1 - np.exp(-2))] * 3, rel=1e-5)


def test_targets_are_kept_in_the_range_and_the_default_comes_back() -> None:
    d = desk(time_constant_s=0)
    d.move(ALL, 7)
    assert d.values(0)["alpha"].tolist() == [1, 1, 1]
    d.nudge(block(0), -0.25)
    d.nudge(block(2), 0.25)
    assert d.targets()["alpha"].tolist() == [0.75, 1, 1]
    d.reset()
    assert d.values(1)["alpha"].tolist() == [0.5] * 3


def test_bad_moves_are_refused() -> None:
    with pytest.raises(ControlError, match="no alpha3: this style has alpha0 to alpha2"):
        desk().move(block(3), 0.5)
    with pytest.raises(ControlError, match="finite"):
        desk().move(ALL, float("nan"))


def test_time_that_goes_back_changes_nothing() -> None:
    d = desk(time_constant_s=0.1)
    d.values(S)["alpha"]
    d.move(ALL, 1.0)
    np.testing.assert_allclose(d.values(0)["alpha"], 0.5)
    after = d.values(S + S // 10)["alpha"]
    np.testing.assert_allclose(after, 0.5 + 0.5 * (1 - np.exp(-1)), rtol=1e-5)


STEP = 1 / 127
FRAME_S = 1 / 30


def sweep(seconds: float, source: str = "midi") -> np.ndarray:
    """What a fader that goes evenly through its 128 positions moves alpha by in each frame, in 7-bit steps."""
    d = AlphaDesk([alpha_parameter(HEADER.alpha, 1)], start={"alpha": np.zeros(1, np.float32)})
    d.values(0)["alpha"]
    steps = [(round(seconds * S * number / 127), number) for number in range(128)]
    way = []
    for frame in range(round((seconds + 1) / FRAME_S)):
        at = round(frame * FRAME_S * S)
        while steps and steps[0][0] <= at:
            when, number = steps.pop(0)
            d.move(block(0), number / 127, when, source)
        way.append(float(d.values(at)["alpha"][0]))
    assert way[-1] == pytest.approx(1, abs=1e-3)
    return np.diff(way) / STEP


@pytest.mark.parametrize("seconds", [25, 40, 127, 254])
def test_steps_of_a_7_bit_fader_do_not_show(seconds: float) -> None:
    assert sweep(seconds).max() <= 0.25
    assert sweep(seconds, "keys").max() > 0.25, "one stage would show them"


@pytest.mark.parametrize("seconds", [0.5, 1, 2, 5, 10, 20])
def test_a_faster_sweep_moves_as_evenly(seconds: float) -> None:
    even = 127 * FRAME_S / seconds
    moved = sweep(seconds)
    assert moved.max() <= even + 0.25
    middle = moved[round(0.4 / FRAME_S) : round(seconds / FRAME_S)]
    np.testing.assert_allclose(middle, even, atol=0.25)


def test_a_move_counts_from_its_own_time() -> None:
    ways = []
    for frames in ([50, 100], [100]):
        d = desk()
        d.values(0)["alpha"]
        for frame in frames:
            if frame == frames[-1]:
                d.move(block(0), 1.0, 70_000_000, "midi")
            alpha = d.values(frame * 1_000_000)["alpha"]
        ways.append(float(alpha[0]))
    u = 30 / 60
    assert ways == pytest.approx([0.5 + 0.5 * (1 - (1 + u) * np.exp(-u))] * 2, rel=1e-6)


def test_the_last_mover_wins_and_alpha_does_not_jump() -> None:
    d = desk()
    d.values(0)["alpha"]
    d.move(block(0), 1.0, 0, "midi")
    before = d.values(S // 20)["alpha"][0]
    d.move(block(0), 0.0, S // 20, "keys")
    assert d.values(S // 20)["alpha"][0] == before
    assert d.values(S // 10)["alpha"][0] < before
    d.move(block(0), 0.9, S // 10, "osc")
    assert d.targets()["alpha"][0] == pytest.approx(0.9)
    assert d.values(3 * S)["alpha"][0] == pytest.approx(0.9)


def test_a_muted_source_moves_nothing() -> None:
    muted: set[str] = set()
    d = desk(muted=muted)
    muted.add("midi")
    d.move(ALL, 1.0, source="midi")
    d.nudge(block(0), 0.1, source="midi")
    assert d.targets()["alpha"].tolist() == [0.5] * 3
    d.move(block(1), 0.75, source="osc")
    muted.clear()
    d.move(block(0), 1.0, source="midi")
    assert d.targets()["alpha"].tolist() == [1.0, 0.75, 0.5]


@pytest.mark.parametrize("frames", [1, 7, 60])
def test_a_scene_glides_evenly_in_its_own_time(frames: int) -> None:
    d = desk()
    d.glide(ALL, np.array([1.0, 0.0, 0.5], np.float32), 2.0, 0)
    assert d.targets()["alpha"].tolist() == [1, 0, 0.5]
    ways = [d.values(S * frame // frames)["alpha"].tolist() for frame in range(1, frames + 1)]
    assert ways[-1] == pytest.approx([0.75, 0.25, 0.5])
    np.testing.assert_allclose(d.values(2 * S)["alpha"], [1, 0, 0.5])
    np.testing.assert_allclose(d.values(3 * S)["alpha"], [1, 0, 0.5])


def test_whatever_moves_takes_over_from_a_glide() -> None:
    d = desk()
    d.values(0)["alpha"]
    d.glide(ALL, 1.0, 2.0, 0)
    assert d.values(S)["alpha"][0] == pytest.approx(0.75)
    d.nudge(block(0), -1.0, S, "keys")
    assert d.values(S)["alpha"][0] == pytest.approx(0.75), "no jump"
    moved, *glide = d.values(S + S // 10)["alpha"].tolist()
    assert moved < 0.2 and glide == pytest.approx([0.775, 0.775])
    d.glide(block(0), 1.0, 1.0, 2 * S)
    d.glide(block(0), 0.0, 1.0, 2 * S + S // 2)
    assert d.values(2 * S + S // 2)["alpha"][0] == pytest.approx(0.5, abs=1e-4), "from where it stands"
    assert d.values(3 * S)["alpha"][0] == pytest.approx(0.25, abs=1e-4)


def test_a_glide_of_no_time_is_a_jump_and_bad_ones_are_refused() -> None:
    d = desk()
    d.values(0)["alpha"]
    d.glide(ALL, 1.0, 0, S)
    assert d.values(S + 1)["alpha"].tolist() == [1] * 3
    for bad in (float("nan"), np.zeros(2, np.float32)):
        with pytest.raises(ControlError, match="finite number"):
            d.glide(ALL, bad, 1, 0)


class Wave:
    """Adds the seconds of the time, to the first block half of it."""

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        return at_ns / S * np.array([0.5] + [1] * (layout.size - 1))


def test_a_modulation_is_added_on_top_and_kept_in_the_range() -> None:
    d = desk(time_constant_s=0, modulation=Wave())
    np.testing.assert_allclose(d.values(S // 4)["alpha"], [0.625, 0.75, 0.75])
    assert d.targets()["alpha"].tolist() == [0.5] * 3, "the faders stand where they stood"
    d.move(block(0), 0.0)
    np.testing.assert_allclose(d.values(S // 2)["alpha"], [0.25, 1, 1])
    np.testing.assert_allclose(d.values(9 * S)["alpha"], [1, 1, 1])


def test_slew_limits_a_modulation_too() -> None:
    d = desk(time_constant_s=0, modulation=Wave(), slew=0.2)
    d.values(0)["alpha"]
    np.testing.assert_allclose(d.values(S)["alpha"], [0.7] * 3)


@pytest.mark.parametrize("fps", [10, 30, 240])
def test_slew_is_limited_by_time(fps: int) -> None:
    d = desk(time_constant_s=0, slew=0.4)
    d.values(0)["alpha"]
    d.move(ALL, 1.0)
    for frame in range(1, fps + 1):
        alpha = d.values(frame * S // fps)["alpha"]
    np.testing.assert_allclose(alpha, 0.9, rtol=1e-6)
    np.testing.assert_allclose(d.values(2 * S)["alpha"], 1)


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
    assert AlphaDesk([alpha_parameter(narrow, 2)], start={"alpha": np.array([0.9, 0.3], np.float32)}).values(0)[
        "alpha"
    ] == pytest.approx([0.4, 0.3])
