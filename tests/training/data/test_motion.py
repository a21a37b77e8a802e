from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.training.data.motion import GRID, camera_motion, made_up_pair, whole_pixels
from stylefader.training.data.optical_flow import places

Picture = npt.NDArray[np.uint8]


def photo(side: int = 128) -> Picture:
    coarse = np.random.default_rng(0).integers(40, 216, (9, 9, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_whole_pixels_stay_whole_and_off_the_networks_grid() -> None:
    for seed in range(40):
        motion = whole_pixels(64, 80, np.random.default_rng(seed))
        shift = (motion.place_HW2 - places(64, 80)).reshape(-1, 2)
        assert (shift == shift[0]).all() and (shift[0] == shift[0].round()).all()
        assert (shift[0] % GRID).any() and np.abs(shift).max() < 10


def test_what_is_seen_of_a_next_frame_is_the_photograph_at_its_place() -> None:
    """Up to noise, light and codec: a mean difference of a few levels, where other places differ by many."""
    whole, apart = [], []
    for seed in range(30):
        pair = made_up_pair(photo(), np.random.default_rng(seed))
        difference = np.abs(pair.motion.carry(photo()) - pair.after_HWC).mean(-1)
        seen = pair.motion.seen_HW
        assert 0.3 < seen.mean() < 0.95
        whole.append(difference[seen].mean())
        apart.append(np.abs(photo().astype(float) - pair.after_HWC)[seen].mean())
    assert max(whole) < 14 and float(np.mean(whole)) < 5
    assert float(np.mean(apart)) > 2 * float(np.mean(whole))


def test_a_front_hides_what_is_behind_it() -> None:
    """Somewhere two neighbours come from places far apart, and such edges are not seen."""
    jumps = 0
    for seed in range(20):
        motion = camera_motion(96, 96, np.random.default_rng(seed))
        step = np.abs(np.diff(motion.place_HW2, axis=1)).max(-1)
        both = motion.seen_HW[:, 1:] & motion.seen_HW[:, :-1]
        jumps += bool((step > 4).any())
        assert float(step[both].max()) < 4
    assert 3 < jumps < 17


def test_motion_is_slow_to_fast() -> None:
    lengths = [
        np.abs(camera_motion(96, 96, np.random.default_rng(seed)).place_HW2 - places(96, 96)).mean()
        for seed in range(40)
    ]
    assert min(lengths) < 2 and max(lengths) > 8


def test_the_same_numbers_make_the_same_pair() -> None:
    one, same, other = (made_up_pair(photo(), np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one.after_HWC, same.after_HWC)
    assert np.array_equal(one.motion.place_HW2, same.motion.place_HW2)
    assert not np.array_equal(one.after_HWC, other.after_HWC)
