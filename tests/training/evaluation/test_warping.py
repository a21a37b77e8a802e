from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stylefader.training.data.optical_flow import Motion, estimated_motion
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.warping import (
    clip_with_motion,
    measure_warping,
    moving_photo,
    warping_error,
)

Picture = npt.NDArray[np.uint8]
MakePicture = Callable[[int, int], Picture]


@pytest.fixture
def textured() -> Picture:
    """A picture with something to follow everywhere, uint8 (160, 200, 3)."""
    noise = np.random.default_rng(0).normal(0, 1, (160, 200, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.asarray((128 + 255 * smooth).clip(0, 255), np.uint8)


def grain(picture: Picture, _: float = 0.0) -> Picture:
    """A style that sticks to the screen."""
    rng = np.random.default_rng(1)
    return np.asarray((picture + rng.normal(0, 20, picture.shape)).clip(0, 255), np.uint8)


def test_the_flow_of_a_moving_photograph_is_exact(textured: Picture) -> None:
    clip = list(moving_photo(textured, side=96, frames=8, seed=0))
    assert clip[0][1] is None
    before = clip[0][0]
    for frame, motion in clip[1:]:
        assert motion is not None
        assert 0.8 < motion.seen_HW.mean() <= 1
        shift = motion.place_HW2 - np.stack(np.meshgrid(np.arange(96), np.arange(96)), -1)
        assert 0.1 < np.abs(shift).max() < 6
        error, still = warping_error(before, frame, motion), np.square((frame - before.astype(float)) / 255).mean()
        assert error < 4e-4, "camera noise and interpolation"
        assert error < 0.3 * still
        before = frame


def test_the_same_seed_is_the_same_clip(textured: Picture) -> None:
    clips = [[frame for frame, _ in moving_photo(textured, side=64, frames=3, seed=seed)] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(clips[0], clips[1])
    assert not np.array_equal(clips[0], clips[2])


def test_estimated_motion_follows_a_shift(textured: Picture) -> None:
    before, after = textured[10:138, 10:170], textured[13:141, 15:175]
    motion = estimated_motion(before, after)
    shift = motion.place_HW2 - np.stack(np.meshgrid(np.arange(160), np.arange(128)), -1)
    assert motion.seen_HW.mean() > 0.7
    np.testing.assert_allclose(np.median(shift[motion.seen_HW], axis=0), (5, 3), atol=0.2)
    assert not motion.seen_HW[:, -5:].all(), "came into the picture from outside"
    assert warping_error(before, after, motion) < 1e-3


def test_what_comes_from_behind_something_is_not_seen(textured: Picture) -> None:
    """A square moves over a still ground: what it uncovers was not in the frame before."""

    def scene(left: int) -> Picture:
        frame = textured.copy()
        frame[50:110, left : left + 60] = textured[:60, :60][::-1, ::-1]
        return frame

    motion = estimated_motion(scene(70), scene(78))
    uncovered, ground = motion.seen_HW[55:105, 71:77], motion.seen_HW[5:40, 10:190]
    assert uncovered.mean() < 0.5
    assert ground.mean() > 0.9


def test_the_error_is_the_mean_square_over_what_is_seen() -> None:
    y, x = np.mgrid[:8, :8].astype(np.float32)
    seen = np.zeros((8, 8), bool)
    motion = Motion(np.stack([x, y], -1), seen)
    before, after = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 200, np.uint8)
    assert warping_error(before, after, motion) == 0
    seen[2:4, 2:4] = True
    after[2:4, 2:4] = 51
    assert warping_error(before, after, motion) == pytest.approx(0.04)


def test_what_sticks_to_the_screen_has_an_excess_and_what_moves_along_has_none(textured: Picture) -> None:
    def clips() -> list[list[tuple[Picture, Motion | None]]]:
        return [list(moving_photo(textured, side=64, frames=4, seed=seed)) for seed in range(2)]

    pairs: list[int] = []
    still = measure_warping(clips(), lambda picture, alpha: 255 - picture, (0.0, 1.0), report=pairs.append)
    assert still.pairs == 6
    assert pairs == [1, 2, 3, 4, 5, 6]
    assert still.excess == pytest.approx((0, 0), abs=1e-9)
    stuck = measure_warping(clips(), grain, (0.5,))
    assert stuck.input == still.input
    assert stuck.excess[0] > 10 * stuck.input


def test_a_real_clip_is_measured_with_estimated_motion(textured: Picture) -> None:
    frames = [textured[at : at + 100, 2 * at : 2 * at + 140] for at in range(0, 12, 3)]
    errors = measure_warping([clip_with_motion(frames)], grain, (1.0,))
    assert errors.pairs == 3
    assert errors.input < 1e-3 < errors.excess[0]


def test_one_frame_is_no_clip(textured: Picture) -> None:
    with pytest.raises(TrainingError, match="two frames"):
        measure_warping([clip_with_motion([textured])], grain, (0.0,))
