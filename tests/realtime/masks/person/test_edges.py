"""Edges: a coarse mask comes to the frame's own borders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stylefader.realtime.masks.person.edges import refined


@pytest.mark.parametrize("size", [(180, 320), (360, 640), (1080, 1920), (35, 51)])
def test_a_coarse_mask_comes_nearer_to_the_true_border(size: tuple[int, int]) -> None:
    height, width = size
    truth = np.zeros(size, np.uint8)
    cv2.ellipse(truth, (width // 2, height // 2), (width // 5, height // 3), 20, 0, 360, 1, -1)
    image = np.where(truth[:, :, None] > 0, np.uint8([210, 180, 160]), np.uint8([40, 60, 70]))
    coarse = cv2.resize(truth.astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA)
    plain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = refined(coarse, np.ascontiguousarray(image))
    assert mask.shape == size
    assert mask.dtype == np.uint8
    assert np.abs(mask / 255 - truth).mean() < 0.6 * np.abs(plain - truth).mean()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_stays_so_whatever_the_picture(share: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    mask = refined(np.full((64, 64), share, np.float32), image)
    assert (mask == round(255 * share)).all()
