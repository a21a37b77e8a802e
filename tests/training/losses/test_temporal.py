from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from stylefader.training.losses.temporal import camera_noise, generator_for, random_warp, temporal_loss


def smooth(height: int, width: int, n: int = 2) -> torch.Tensor:
    """Pictures without sharp edges, so that interpolation costs next to nothing: float (n, 3, height, width)."""
    coarse = torch.rand((n, 3, 6, 8), generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def test_the_flow_is_exact() -> None:
    """What the warp says of where a pixel comes from is where it comes from: coordinates are carried along."""
    height, width = 96, 128
    warp = random_warp(3, height, width, generator_for(0, 0))
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    places_N2HW = torch.stack([x / (width / 2) - 1, y / (height / 2) - 1]).expand(3, 2, height, width)
    carried = warp(places_N2HW).permute(0, 2, 3, 1)
    seen = warp.visible_N1HW[:, 0] > 0
    torch.testing.assert_close(carried[seen], warp.grid_NHW2[seen], atol=1e-5, rtol=0)
    assert 0.5 < float(warp.visible_N1HW.mean()) < 0.95


def test_warps_are_small_smooth_and_all_different() -> None:
    warp = random_warp(16, 192, 192, generator_for(1, 2))
    y, x = torch.meshgrid(torch.arange(192) + 0.5, torch.arange(192) + 0.5, indexing="ij")
    flow = (warp.grid_NHW2 + 1) * 96 - torch.stack([x, y], -1)
    assert float(flow.abs().max()) < 25
    assert float(flow.diff(dim=1).abs().max()) < 0.2
    assert float(flow[0].sub(flow[1]).abs().max()) > 1


def test_random_numbers_are_a_function_of_seed_and_number() -> None:
    warps = [random_warp(1, 32, 32, generator_for(*which)).grid_NHW2 for which in ((5, 7), (5, 7), (5, 8), (6, 7))]
    assert torch.equal(warps[0], warps[1])
    assert not torch.equal(warps[0], warps[2])
    assert not torch.equal(warps[0], warps[3])


def test_noise_has_a_strength_of_its_own_for_each_picture() -> None:
    noise = camera_noise((64, 3, 16, 16), generator_for(0, 0))
    strengths = noise.std(dim=(1, 2, 3))
    assert 0 < float(strengths.min()) < 0.004
    assert 0.016 < float(strengths.max()) < 0.022
    assert float(noise.mean()) == pytest.approx(0, abs=1e-3)


def test_the_loss_counts_only_what_both_show() -> None:
    photo, generator = smooth(64, 96), generator_for(0, 0)
    warp = random_warp(2, 64, 96, generator)
    warped = warp(photo)
    assert float(temporal_loss(warped, warped, warp.visible_N1HW)) == 0
    elsewhere = torch.where(warp.visible_N1HW > 0, warped, torch.rand(warped.shape, generator=generator))
    assert float(temporal_loss(warped, elsewhere, warp.visible_N1HW)) == 0
    assert float(temporal_loss(warped, warped + 0.1, warp.visible_N1HW)) == pytest.approx(0.01, rel=1e-3)
    assert np.isfinite(float(temporal_loss(warped, warped + 0.1, torch.zeros_like(warp.visible_N1HW))))


def test_a_network_that_goes_with_the_picture_has_no_loss_and_one_that_stays_has() -> None:
    photo = smooth(96, 96)
    warp = random_warp(2, 96, 96, generator_for(3, 0))

    def stays(rgb01: torch.Tensor) -> torch.Tensor:
        grain = torch.rand((1, 3, 96, 96), generator=torch.Generator().manual_seed(1))
        return rgb01 + 0.2 * grain

    goes = temporal_loss(warp(1 - photo), 1 - warp(photo), warp.visible_N1HW)
    assert float(goes) < 1e-10
    assert float(temporal_loss(warp(stays(photo)), stays(warp(photo)), warp.visible_N1HW)) > 1e-3
