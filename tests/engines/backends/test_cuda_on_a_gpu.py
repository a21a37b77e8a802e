"""The `cuda` engine on a GPU, where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stylefader.engines import open_engine
from stylefader.engines.backends.cuda_engine import (
    FORMS,
    CudaEngine,
)
from stylefader.engines.backends.gpu import Gpu
from stylefader.engines.cache.store import EngineCache
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from tests.compare import psnr
from tests.conftest import random_pack
from tests.engines.backends.gpu import GPU_DB, needs_cuda, thousand_calls_leave_no_trace

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
EAGER = [name for name, form in FORMS.items() if not form.compiled]


@pytest.fixture(params=["eager", "eager-transposed", "compiled"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@needs_cuda
class TestOnTheGpu:
    def test_styles_of_a_palette_change_without_a_new_recording(
        self, tmp_path: Path, picture: MakePicture, form: str
    ) -> None:
        pack, frame = random_pack(tmp_path / "hall.safetensors", kind="palette", width=16), picture(96, 160)
        first, second = pack.style_vectors().values()
        with (
            open_engine(pack, 96, 160, backend="torch", masked=True)[0] as reference,
            CudaEngine(pack, 96, 160, form=form, masked=True) as engine,
        ):
            recorded = engine._replay
            for share in (0.0, 0.4, 1.0):
                style = np.float32(share) * first + np.float32(1 - share) * second
                values = {"frame": frame, "alpha": np.full(3, 0.7, np.float32), "style": style}
                assert psnr(engine.run(values), reference.run(values)) >= GPU_DB, share
            assert engine._replay is recorded

    @pytest.mark.parametrize("size", [(2, 3), (1, 97), (33, 51), (64, 48), (360, 640), (1080, 1920)], ids=str)
    def test_the_picture_is_that_of_torch(
        self, pack: StylePack, picture: MakePicture, size: tuple[int, int], form: str
    ) -> None:
        with (
            open_engine(pack, *size, backend="torch")[0] as reference,
            CudaEngine(pack, *size, form=form) as engine,
        ):
            for values in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (-0.5, 2.0, 0.3)):
                alpha = np.array(values, np.float32)
                expected = reference.run({"frame": picture(*size), "alpha": alpha})
                assert psnr(engine.run({"frame": picture(*size), "alpha": alpha}), expected) >= GPU_DB, values

    def test_warming_up_chooses_a_form(self, pack: StylePack, tmp_path: Path) -> None:
        cache = EngineCache(tmp_path)
        with CudaEngine(pack, 64, 48, cache=cache) as engine:
            engine.warm_up()
            (entry,) = cache.entries()
            answer = json.loads(entry.file.read_bytes())
            assert answer["name"] == engine.form
            assert set(answer["milliseconds"]) >= set(EAGER)

    def test_a_thousand_calls_allocate_nothing_and_wait_only_for_the_picture(
        self, pack: StylePack, picture: MakePicture, form: str
    ) -> None:
        with CudaEngine(pack, 90, 160, form=form) as engine:
            thousand_calls_leave_no_trace(engine, picture(90, 160))

    def test_a_gpu_that_is_full_is_said_before_trying(self, pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(EngineError, match=r"needs about \d+\.\d GiB of memory on .* for 200000x200000, and"):
            CudaEngine(pack, 200_000, 200_000)
        monkeypatch.setattr(Gpu, "free_bytes", lambda self: 1 << 60)
        with pytest.raises(EngineError, match="ran out of it: use a smaller size"):
            CudaEngine(pack, 400_000, 400_000)

    def test_frames_on_the_gpu_stay_there(self, pack: StylePack, picture: MakePicture) -> None:
        frame, alpha = picture(64, 48), np.array([0.2, 0.4, 0.6], np.float32)
        with CudaEngine(pack, 64, 48) as engine:
            expected = engine.run({"frame": frame, "alpha": alpha}).copy()
            assert engine.stream is not None and engine.stream != torch.cuda.default_stream()
            on_gpu, out = torch.tensor(frame).cuda(), torch.zeros(64, 48, 3, dtype=torch.uint8, device="cuda")
            pinned = torch.tensor(alpha).pin_memory()
            strengths = (pinned, pinned.cuda())
            engine.stream.wait_stream(torch.cuda.current_stream())
            torch.cuda.set_sync_debug_mode("error")
            try:
                for strength in strengths:
                    assert engine.run_cuda({"frame": on_gpu, "alpha": strength}, out=out) is out
            finally:
                torch.cuda.set_sync_debug_mode("default")
            engine.stream.synchronize()
            assert np.array_equal(out.cpu().numpy(), expected)
            with pytest.raises(EngineError, match="expected uint8"):
                engine.run_cuda({"frame": torch.tensor(frame), "alpha": torch.tensor(alpha).cuda()})
            with pytest.raises(EngineError, match="pinned memory"):
                engine.run_cuda({"frame": on_gpu, "alpha": torch.tensor(alpha)})
