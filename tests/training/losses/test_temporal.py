from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from stylefader.training.data.motion import Pair, camera_motion, whole_pixels
from stylefader.training.losses.temporal import NextFrames, next_frames, temporal_loss, temporal_weight
from stylefader.training.settings import Temporal, TrainSettings


def smooth(side: int, n: int = 2) -> torch.Tensor:
    """Pictures without sharp edges, so that interpolation costs next to nothing: float (n, 3, side, side)."""
    coarse = torch.rand((n, 3, 6, 8), generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)


def moved(side: int, seed: int = 0) -> NextFrames:
    rng = np.random.default_rng(seed)
    motions = [camera_motion(side, side, rng), whole_pixels(side, side, rng)]
    black = np.zeros((side, side, 3), np.uint8)
    return next_frames([Pair(black, motion) for motion in motions], side, alpha=1, together=2)


def test_the_warp_carries_pictures_as_the_motion_says() -> None:
    rng = np.random.default_rng(0)
    photo = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC)
    motion = camera_motion(96, 96, rng)
    warp = next_frames([Pair(photo, motion)], 96, alpha=1, together=1).warp
    carried = warp(torch.from_numpy(photo).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0).numpy()
    difference = np.abs(carried - motion.carry(photo))[motion.seen_HW]
    assert float(difference.max()) < 1.5, "OpenCV's places are rounded to a 32nd of a pixel"
    assert np.array_equal(warp.visible_N1HW[0, 0].numpy() > 0, motion.seen_HW)


def test_the_loss_counts_only_what_both_show() -> None:
    photo, warp = smooth(96), moved(96).warp
    warped = warp(photo)
    visible = warp.visible_N1HW
    assert temporal_loss(warped, warped, visible).tolist() == [0, 0]
    noise = torch.rand(warped.shape, generator=torch.Generator().manual_seed(2))
    assert temporal_loss(warped, torch.where(visible > 0, warped, noise), visible).tolist() == [0, 0]
    assert temporal_loss(warped, warped + 0.1, visible).tolist() == pytest.approx([0.01, 0.01], rel=1e-3)
    assert temporal_loss(warped, warped + 0.1, torch.zeros_like(visible)).tolist() == [0, 0]


def test_a_network_that_goes_with_the_picture_has_no_loss_and_one_that_stays_has() -> None:
    photo, warp = smooth(96), moved(96, seed=3).warp

    def stays(rgb01: torch.Tensor) -> torch.Tensor:
        grain = torch.rand((1, 3, 96, 96), generator=torch.Generator().manual_seed(1))
        return rgb01 + 0.2 * grain

    goes = temporal_loss(warp(1 - photo), 1 - warp(photo), warp.visible_N1HW)
    assert float(goes.max()) < 1e-10
    assert float(temporal_loss(warp(stays(photo)), stays(warp(photo)), warp.visible_N1HW).min()) > 1e-3


def test_a_process_without_a_next_frame_has_empty_batches() -> None:
    none = next_frames([], 32, alpha=0.5, together=1)
    assert len(none) == 0 and none.rgb01.shape == (0, 3, 32, 32)


@pytest.mark.parametrize(
    ("temporal", "style_weight", "weight"),
    [("off", 200, 0), ("weak", 6, 200), ("weak", 80, 400), ("strong", 6, 400), ("strong", 200, 2000)],
)
def test_it_is_held_against_the_style(temporal: Temporal, style_weight: float, weight: float) -> None:
    settings = TrainSettings(iterations=1, style_weight=style_weight, temporal=temporal)
    assert temporal_weight(settings) == weight
