from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stylefader.training.data.clips import ClipFolder
from stylefader.training.data.photographs import PhotoFolder
from stylefader.training.errors import TrainingError
from stylefader.training.loop.process_group import ProcessGroup
from stylefader.training.loop.samples import Sample, loader_workers, made_ahead, sample
from stylefader.training.settings import Temporal, TrainSettings


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number, (h, w) in enumerate([(40, 60), (64, 50), (33, 33), (80, 40), (50, 70), (41, 47), (36, 36)]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), rng.integers(0, 256, (h, w, 3), np.uint8))
    return tmp_path


def settings(batch: int = 2, temporal: Temporal = "weak", seed: int = 3) -> TrainSettings:
    return TrainSettings(iterations=9, style_weight=1, batch=batch, crop=32, temporal=temporal, seed=seed)


@pytest.fixture
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of a few frames, all of one grey of their own: 200 and more."""
    folder = tmp_path_factory.mktemp("clips")
    for clip in range(2):
        (folder / f"clip{clip}").mkdir()
        for number in range(4):
            grey = np.full((36, 40, 3), 200 + 10 * clip + number, np.uint8)
            cv2.imwrite(str(folder / f"clip{clip}" / f"{number:03d}.png"), grey)
    return folder


def rows(
    folder: Path, first: int, count: int, *, seed: int = 3, workers: int = 2, clips: Path | None = None
) -> list[Sample]:
    pictures = PhotoFolder(folder)
    moving = ClipFolder(clips) if clips else None

    def make(step: int) -> Sample:
        return sample(pictures, settings(seed=seed), step, blocks=False, group=ProcessGroup(), clips=moving)

    return list(made_ahead(make, first=first, count=count, workers=workers))


def equal(ours: Sample, theirs: Sample) -> bool:
    one, other = ours.next_frames, theirs.next_frames
    assert one is not None and other is not None
    pairs = [(ours.crops_NHWC, theirs.crops_NHWC), (one.warp.grid_NHW2, other.warp.grid_NHW2),
             (one.pictures_NHWC, other.pictures_NHWC)]  # fmt: skip
    return all(torch.equal(a, b) for a, b in pairs) and (one.alpha, one.together) == (other.alpha, other.together)


@pytest.mark.parametrize("workers", [1, 5])
def test_samples_are_a_function_of_seed_and_number(photos: Path, workers: int) -> None:
    whole = rows(photos, 0, 9)
    assert [row.crops_NHWC.shape for row in whole] == [(2, 32, 32, 3)] * 9
    assert all(map(equal, rows(photos, 4, 9, workers=workers), whole[4:]))
    assert not any(map(equal, rows(photos, 0, 9, seed=4), whole))
    assert not equal(whole[0], whole[1])


def test_half_of_the_pairs_are_of_clips_where_there_are_clips(photos: Path, clips: Path) -> None:
    whole = rows(photos, 0, 40, clips=clips)
    of_clips = [bool((crop >= 200).all()) for row in whole for crop in row.crops_NHWC]
    next_of_clips = [bool((picture >= 200).all()) for row in whole for picture in row.next_frames.pictures_NHWC]  # type: ignore[union-attr]
    assert of_clips == next_of_clips
    assert 20 < sum(of_clips) < 60
    assert all(map(equal, rows(photos, 30, 40, clips=clips), whole[30:]))


def test_blocks_are_looked_at_fully_and_at_other_strengths(photos: Path) -> None:
    alphas = [row.next_frames.alpha for row in rows(photos, 0, 9)]  # type: ignore[union-attr]
    assert alphas[1::2] == [1.0] * 4
    assert len(set(alphas[::2])) == 5 and all(0 <= alpha < 1 for alpha in alphas[::2])


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize(("size", "batch"), [(2, 1), (2, 2), (3, 1), (3, 2)])
def test_processes_see_together_what_one_with_their_batches_sees(
    photos: Path, size: int, batch: int, blocks: bool
) -> None:
    folder = PhotoFolder(photos)
    for step in range(3):
        whole = sample(folder, settings(size * batch), step, blocks=blocks, group=ProcessGroup())
        shares = [
            sample(folder, settings(batch), step, blocks=blocks, group=ProcessGroup(rank=rank, size=size))
            for rank in range(size)
        ]
        assert whole.next_frames is not None
        assert len(whole.next_frames) == ((size * batch + 1) // 2 if blocks else size * batch)
        for rank, share in enumerate(shares):
            assert torch.equal(share.crops_NHWC, whole.crops_NHWC[rank::size])
            ours, theirs = share.next_frames, whole.next_frames
            assert ours is not None
            assert torch.equal(ours.warp.grid_NHW2, theirs.warp.grid_NHW2[rank::size])
            assert torch.equal(ours.warp.visible_N1HW, theirs.warp.visible_N1HW[rank::size])
            assert torch.equal(ours.pictures_NHWC, theirs.pictures_NHWC[rank::size])
            assert (ours.alpha, ours.together) == (theirs.alpha, theirs.together)


def test_without_a_temporal_term_there_are_no_next_frames(photos: Path) -> None:
    made = sample(PhotoFolder(photos), settings(temporal="off"), 0, blocks=True, group=ProcessGroup())
    assert made.next_frames is None


def test_a_row_that_is_left_early_ends_its_workers() -> None:
    row = made_ahead(lambda number: number, first=0, count=10**6, workers=3)
    assert [next(row), next(row)] == [0, 1]
    row.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("photos")]


def test_what_is_made_ahead_is_bounded() -> None:
    made: list[int] = []
    row = made_ahead(made.append, first=5, count=1000, workers=3)
    next(row)
    row.close()
    assert 1 <= len(made) <= 9
    assert min(made) == 5


def test_an_error_in_a_worker_reaches_the_loop(photos: Path) -> None:
    for path in photos.rglob("*.png"):
        path.write_bytes(b"broken")
    with pytest.raises(TrainingError, match="cannot be read"):
        rows(photos, 0, 3)


def test_processes_of_one_machine_share_its_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert [loader_workers(size) for size in (1, 2, 4, 8, 16)] == [8, 4, 2, 1, 1]
