"""The `tensorrt` engine on a GPU, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import open_engine
from stylefader.engines.backends.tensorrt_build import (
    build_engine,
)
from stylefader.engines.backends.tensorrt_engine import TensorRtEngine
from stylefader.engines.graph.sizes import FrameSizes
from stylefader.training.packs.pack import StylePack
from tests.compare import psnr
from tests.engines.backends.gpu import GPU_DB, needs_cuda, thousand_calls_leave_no_trace

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
RANGE = FrameSizes(smallest=(8, 8), usual=(64, 64), largest=(480, 640))


@needs_cuda
class TestOnTheGpu:
    @pytest.mark.parametrize("size", [(2, 3), (1, 97), (33, 51), (360, 640)], ids=str)
    def test_the_picture_is_that_of_torch(self, pack: StylePack, picture: MakePicture, size: tuple[int, int]) -> None:
        with (
            open_engine(pack, *size, backend="torch")[0] as reference,
            TensorRtEngine(pack, *size) as engine,
        ):
            for values in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (-0.5, 2.0, 0.3)):
                alpha = np.array(values, np.float32)
                expected = reference.run({"frame": picture(*size), "alpha": alpha})
                assert psnr(engine.run({"frame": picture(*size), "alpha": alpha}), expected) >= GPU_DB, values

    def test_one_engine_serves_a_range_of_sizes_and_loads_without_a_build(
        self, pack: StylePack, picture: MakePicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        built = build_engine(pack, RANGE, timing_cache=tmp_path / "timing.bin")
        assert (tmp_path / "timing.bin").stat().st_size > 0
        monkeypatch.setattr("stylefader.engines.backends.tensorrt_engine.build_engine", None)
        alpha = np.full(3, 0.5, np.float32)
        for size in ((8, 8), (50, 70), (480, 640)):
            with (
                open_engine(pack, *size, backend="torch")[0] as reference,
                TensorRtEngine(pack, *size, built=built) as engine,
            ):
                expected = reference.run({"frame": picture(*size), "alpha": alpha})
                assert psnr(engine.run({"frame": picture(*size), "alpha": alpha}), expected) >= GPU_DB, size

    def test_a_thousand_calls_allocate_nothing_and_wait_only_for_the_picture(
        self, pack: StylePack, picture: MakePicture
    ) -> None:
        with TensorRtEngine(pack, 90, 160) as engine:
            thousand_calls_leave_no_trace(engine, picture(90, 160))
