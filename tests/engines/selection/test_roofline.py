from __future__ import annotations

import pytest

from stylefader.engines.selection.roofline import Limits, Work, frame_work
from stylefader.training.networks.dynamic_net import ONE_BLOCK, DynamicNet


def test_the_work_of_a_frame_is_counted_from_the_layers() -> None:
    """153,792 multiply-adds a pixel for the main network at width 32, of which the up-convolutions' 36,864 shrink."""
    work = frame_work(DynamicNet(width=32), 360, 640)
    a_pixel = 153_792 - 36_864 + 36_864 / 2.25 + 82_944
    assert work.multiply_adds == pytest.approx(a_pixel * 360 * 640, rel=1e-9)


@pytest.mark.parametrize("width", [8, 16])
def test_work_grows_with_pixels_and_with_the_square_of_the_width(width: int) -> None:
    small, large = (frame_work(DynamicNet(width=width), *size) for size in ((64, 64), (128, 128)))
    assert large.multiply_adds == 4 * small.multiply_adds
    inner = frame_work(DynamicNet(width=2 * width), 64, 64).multiply_adds / small.multiply_adds
    assert 3 < inner < 4, "the two 9x9 convolutions grow only with the width"
    assert frame_work(DynamicNet(width=width, places=ONE_BLOCK), 64, 64).multiply_adds < small.multiply_adds


def test_odd_sizes_cost_what_the_padded_size_costs() -> None:
    assert frame_work(DynamicNet(width=8), 61, 63) == frame_work(DynamicNet(width=8), 64, 64)


def test_the_floor_is_the_larger_of_two() -> None:
    limits = Limits(multiply_adds={"f32": 100.0, "bf16": 400.0}, bandwidth=1000.0)
    assert limits.floor_s(Work(multiply_adds=1000, values=10), "f32") == 10
    assert limits.floor_s(Work(multiply_adds=1000, values=10_000), "bf16") == 20
    assert limits.floor_s(Work(multiply_adds=1, values=1), "int8") is None
