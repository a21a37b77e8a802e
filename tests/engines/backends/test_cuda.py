"""The `cuda` engine around a stand-in for the GPU, and where it cannot run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stylefader.engines import REGISTRY, frame_and_alpha, open_engine
from stylefader.engines.backends.cuda_engine import (
    FORMS,
    CudaEngine,
)
from stylefader.engines.backends.gpu import why_no_gpu
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from tests.compare import F32_DB, FP16_DB, psnr
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
EAGER = [name for name, form in FORMS.items() if not form.compiled]


def test_it_gives_the_picture_of_torch_at_a_thousand_alphas(
    pack: StylePack, picture: MakePicture, cpu_gpu: CpuGpu
) -> None:
    frame = picture(9, 14)
    with open_engine(pack, 9, 14, backend="torch")[0] as reference, CudaEngine(pack, 9, 14) as engine:
        assert (engine.precision, engine.device) == ("fp16", "stand-in")
        buffers = [engine.run({"frame": frame, "alpha": np.zeros(3, np.float32)}) for _ in range(2)]
        assert buffers[0] is not buffers[1], "the slots take turns"
        for number in range(1000):
            alpha = np.array([number / 1000, 1 - number / 500, 0.5], np.float32)
            found = engine.run({"frame": frame, "alpha": alpha})
            assert found is buffers[number % 2]
            if number % 100 == 0:
                assert psnr(found, reference.run({"frame": frame, "alpha": alpha})) >= FP16_DB
        assert cpu_gpu.waits == 1002, "once a call"
        assert len(cpu_gpu.recordings) == 2, "of the graph, and of what is done to its picture"


@pytest.mark.parametrize("form", EAGER)
@pytest.mark.parametrize("places", [(), ("residual3",)])
def test_all_forms_in_f32_and_packs_with_fewer_blocks(
    tmp_path: Path, picture: MakePicture, cpu_gpu: CpuGpu, form: str, places: tuple[str, ...]
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", places=places)
    alpha = np.full(len(places), 0.7, np.float32)
    with open_engine(pack, 33, 51, backend="torch")[0] as reference:
        with CudaEngine(pack, 33, 51, precision="f32", form=form) as engine:
            found = engine.run(frame_and_alpha(picture(33, 51), alpha))
        assert psnr(found, reference.run(frame_and_alpha(picture(33, 51), alpha))) >= F32_DB


def test_run_cuda_says_who_owns_the_picture(pack: StylePack, picture: MakePicture, cpu_gpu: CpuGpu) -> None:
    frame, alpha = torch.tensor(picture(16, 24)), torch.tensor([0.1, 0.5, 1.0])
    with CudaEngine(pack, 16, 24) as engine:
        expected = engine.run({"frame": frame.numpy(), "alpha": alpha.numpy()}).copy()
        waits = cpu_gpu.waits
        own = engine.run_cuda({"frame": frame, "alpha": alpha})
        assert np.array_equal(own.numpy(), expected)
        out = torch.zeros_like(frame)
        assert engine.run_cuda({"frame": frame, "alpha": alpha}, out=out) is out
        strided = torch.tensor(picture(16, 24).transpose(1, 0, 2).copy()).transpose(0, 1)
        assert engine.run_cuda({"frame": strided, "alpha": torch.zeros(3)}) is own, "the engine's buffer, written anew"
        assert not np.array_equal(own.numpy(), expected)
        assert np.array_equal(out.numpy(), expected), "the caller's buffer stays"
        assert cpu_gpu.waits == waits, "nothing waited for"
        for bad in (frame[:-1], frame.float()):
            with pytest.raises(EngineError, match="expected uint8"):
                engine.run_cuda({"frame": bad, "alpha": alpha})
        with pytest.raises(EngineError, match="out is"):
            engine.run_cuda({"frame": frame, "alpha": alpha}, out=out[:5])
        with pytest.raises(EngineError, match=r"alpha is torch.float32 \(2,\), expected float32 \(3,\)"):
            engine.run_cuda({"frame": frame, "alpha": alpha[:2]})
        with pytest.raises(EngineError, match="expected it on cpu or in pinned memory"):
            engine.run_cuda({"frame": frame, "alpha": alpha.to("meta")})
    with pytest.raises(EngineError, match="closed"):
        engine.run_cuda({"frame": frame, "alpha": alpha})


def test_closing_frees_the_recording(pack: StylePack, cpu_gpu: CpuGpu) -> None:
    engine = CudaEngine(pack, 16, 24)
    engine.close()
    engine.close()
    assert [recording.live for recording in cpu_gpu.recordings] == [False, False]


def test_a_size_beyond_memory_is_refused_before_trying(pack: StylePack, cpu_gpu: CpuGpu) -> None:
    cpu_gpu.free = 300 << 20
    with CudaEngine(pack, 16, 24):
        pass
    with pytest.raises(
        EngineError, match=r"needs about 1\.7 GiB of memory on stand-in for 3840x2160, and 0\.3 GiB are free: use a sm"
    ):
        CudaEngine(pack, 2160, 3840)
    assert len(cpu_gpu.recordings) == 2, "of the graph, and of what is done to its picture"


def test_running_out_of_memory_all_the_same_is_said_in_words(
    pack: StylePack, cpu_gpu: CpuGpu, monkeypatch: pytest.MonkeyPatch, picture: MakePicture
) -> None:
    def out_of_memory(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(cpu_gpu, "record", out_of_memory)
    with pytest.raises(EngineError, match=r"engine cuda needs about .* GiB .* and ran out of it: use a smaller size"):
        CudaEngine(pack, 16, 24)


def test_what_fails_on_the_device_is_an_engine_error(
    pack: StylePack, cpu_gpu: CpuGpu, monkeypatch: pytest.MonkeyPatch, picture: MakePicture
) -> None:
    def broken(event: object) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously")

    with CudaEngine(pack, 16, 24) as engine:
        monkeypatch.setattr(cpu_gpu, "wait", broken)
        with pytest.raises(
            EngineError, match=r"engine cuda failed on stand-in: CUDA error: unspecified launch failure$"
        ):
            engine.run({"frame": picture(16, 24), "alpha": np.zeros(3, np.float32)})


def test_precisions_and_forms_that_it_does_not_have(pack: StylePack, cpu_gpu: CpuGpu) -> None:
    with pytest.raises(EngineError, match="engine cuda computes in fp16 or f32, not bf16"):
        CudaEngine(pack, 16, 24, precision="bf16")
    with pytest.raises(EngineError, match="no form 'warp': there are eager, eager-transposed, compiled"):
        CudaEngine(pack, 16, 24, form="warp")


@pytest.mark.parametrize("backend", ["cuda", "tensorrt"])
def test_without_a_gpu_the_reason_is_short(pack: StylePack, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(EngineError, match=f"^engine {backend} cannot run: no NVIDIA GPU or driver is here$"):
        open_engine(pack, 16, 16, backend=backend)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(EngineError, match="cannot run: this PyTorch is built without CUDA: see https://"):
        open_engine(pack, 16, 16, backend=backend)

    def old_driver() -> bool:
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old\n(found 11040).", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", old_driver)
    assert why_no_gpu() == "CUDA initialization: The NVIDIA driver on your system is too old (found 11040)."


def test_auto_passes_over_the_engines_of_a_gpu_that_is_not_there(
    pack: StylePack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)
    assert [name for name in REGISTRY if name != "tensorrt-rtx"] == ["tensorrt", "cuda", "openvino", "torch"]
    engine, _ = open_engine(pack, 16, 16)
    assert engine.name == "openvino"
    assert any("no NVIDIA GPU for tensorrt, tensorrt-rtx, cuda" in reason for reason in engine.reasons)
    for name in ("tensorrt", "cuda"):
        with pytest.raises(EngineError, match=f"engine {name} cannot run: "):
            open_engine(pack, 16, 16, backend=name)
