from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stylefader.training.data.clips import ClipFolder
from stylefader.training.errors import TrainingError


@pytest.fixture
def panning(tmp_path: Path) -> Path:
    """A clip whose picture moves by two pixels a frame, and folders that are no clips."""
    wide = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (90, 160, 3)), (0, 0), 2.5)
    wide = (128 + 255 * wide).clip(0, 255).astype(np.uint8)
    (tmp_path / "clip").mkdir()
    for number in range(8):
        cv2.imwrite(str(tmp_path / "clip" / f"{number:05d}.png"), wide[:, 2 * number : 2 * number + 120])
    (tmp_path / "one").mkdir()
    cv2.imwrite(str(tmp_path / "one" / "0.png"), wide)
    (tmp_path / "none").mkdir()
    return tmp_path


def test_pairs_are_frames_a_few_steps_apart_and_their_motion(panning: Path) -> None:
    clips = ClipFolder(panning)
    assert len(clips) == 1
    moved = []
    for number in range(12):
        before, pair = clips.pair(number, seed=0, size=80)
        assert before.shape == pair.after_HWC.shape == (80, 80, 3)
        seen = pair.motion.seen_HW
        assert seen.mean() > 0.4
        error = np.abs(pair.motion.carry(before) - pair.after_HWC)[seen].mean()
        moved.append(np.abs(before.astype(float) - pair.after_HWC)[seen].mean())
        assert error < 0.4 * moved[-1], "the flow explains most of what changed"
    assert max(moved) > 1.5 * min(moved), "steps differ"


def test_pairs_are_a_function_of_seed_and_number(panning: Path) -> None:
    clips, again = ClipFolder(panning), ClipFolder(panning)
    pairs = [which.pair(number, seed=seed, size=64) for which, number, seed in
             ((clips, 3, 1), (again, 3, 1), (clips, 4, 1), (clips, 3, 2))]  # fmt: skip
    assert np.array_equal(pairs[0][0], pairs[1][0]) and np.array_equal(pairs[0][1].after_HWC, pairs[1][1].after_HWC)
    assert not np.array_equal(pairs[0][0], pairs[2][0])
    assert not np.array_equal(pairs[0][0], pairs[3][0])


def test_the_hash_is_of_the_frames_names(panning: Path) -> None:
    before = ClipFolder(panning).names_hash()
    assert ClipFolder(panning).names_hash() == before
    (panning / "clip" / "00007.png").unlink()
    assert ClipFolder(panning).names_hash() != before


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no clips in"):
        ClipFolder(tmp_path)
    with pytest.raises(TrainingError, match="no folder of clips"):
        ClipFolder(tmp_path / "nowhere")


def test_frames_of_different_sizes_are_named(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    for number, side in enumerate((40, 50)):
        cv2.imwrite(str(tmp_path / "clip" / f"{number}.png"), np.zeros((side, side, 3), np.uint8))
    with pytest.raises(TrainingError, match="different sizes"):
        ClipFolder(tmp_path).pair(0, seed=0, size=32)
