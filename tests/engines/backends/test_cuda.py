"""The `cuda` engine: on the CPU all that needs no GPU, and on a GPU, where there is one, the rest."""

from __future__ import annotations

import json
import os
import shutil
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylefader.engines import REGISTRY, frame_and_alpha, open_engine
from stylefader.engines.backends.cuda_engine import (
    FORMS,
    READY_FIRST,
    CudaEngine,
    TuningResult,
    fastest,
    keep_compilers_files,
)
from stylefader.engines.backends.gpu import Gpu, why_no_gpu
from stylefader.engines.backends.gpu_engine import bytes_needed
from stylefader.engines.cache.entries import keep
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.frame_graph import FrameGraph
from stylefader.engines.graph.half import FloatStatisticsNorm
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from tests.compare import F32_DB, FP16_DB, psnr
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu, cpu_gpu, needs_cuda, thousand_calls_leave_no_trace

__all__ = ["cpu_gpu"]

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
EAGER = [name for name, form in FORMS.items() if not form.compiled]
GPU_DB = 40.0
"""fp16 on a GPU, whose kernels add up in other orders and some in fp16, against the reference."""


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CudaEngine, "_known", {})


# What a GPU would compute, computed on the CPU.


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_norms_of_half_precision_keep_their_statistics_in_f32(dtype: torch.dtype) -> None:
    """Against float64, on features whose squares add up far beyond fp16 and whose mean is far from zero."""
    generator = torch.Generator().manual_seed(3)
    x_NCHW = (torch.randn(1, 2, 300, 400, generator=generator) * 500 + 2000).to(dtype)
    norm = nn.InstanceNorm2d(2, affine=True)
    expected = norm.double()(x_NCHW.double())
    found = FloatStatisticsNorm(norm.float())(x_NCHW)
    assert found.dtype == dtype
    rounding = torch.finfo(dtype).eps * expected.abs().max()
    assert (found.double() - expected).abs().max() <= rounding
    x_summed_in_half = x_NCHW.sum((2, 3), dtype=dtype)
    assert not x_summed_in_half.isfinite().all() or dtype == torch.bfloat16


@pytest.mark.parametrize("form", FORMS)
def test_every_norm_of_the_graph_works_in_f32_and_every_convolution_in_fp16(
    pack: StylePack, form: str, picture: MakePicture
) -> None:
    graph = FrameGraph(pack.network(), 16, 24, rewrites=FORMS[form].rewrites, half=True)
    seen: dict[str, set[torch.dtype]] = {"norm": set(), "conv": set()}
    for module in graph.modules():
        if isinstance(module, nn.InstanceNorm2d):
            module.register_forward_pre_hook(lambda _, args: seen["norm"].add(args[0].dtype))
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_pre_hook(lambda _, args: seen["conv"].add(args[0].dtype))
    graph(torch.tensor(picture(16, 24)), torch.ones(3))
    assert seen == {"norm": {torch.float32}, "conv": {torch.float16}}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_compiles_as_one_graph_in_which_alpha_is_an_input(
    pack: StylePack, form: str, picture: MakePicture
) -> None:
    """As the compiled form is traced, with another backend: one graph, no break, nothing made anew for an alpha."""
    graph = FrameGraph(pack.network(), 13, 18, rewrites=FORMS[form].rewrites, half=True)
    graphs = 0

    def count(module: torch.fx.GraphModule, inputs: Any) -> Any:
        nonlocal graphs
        graphs += 1
        return module.forward

    with torch.no_grad():
        compiled = torch.compile(graph, backend=count, fullgraph=True, dynamic=False)
        for value in (0.0, 0.5, -3.0):
            frame, alpha = torch.tensor(picture(13, 18)), torch.full((3,), value)
            assert torch.equal(compiled(frame, alpha), graph(frame, alpha))
    assert graphs == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_inductor_makes_the_compiled_form(
    pack: StylePack, picture: MakePicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the CPU: all of its lowering and fusion is what a GPU gets, but the kernels are C++ instead of Triton."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    graph = FrameGraph(pack.network(), 13, 18, rewrites=FORMS["compiled"].rewrites, half=True)
    with torch.no_grad():
        compiled = torch.compile(graph, fullgraph=True, dynamic=False)
        for value in (0.0, -0.5, 2.0):
            frame, alpha = torch.tensor(picture(13, 18)), torch.full((3,), value)
            assert (compiled(frame, alpha).int() - graph(frame, alpha).int()).abs().max() <= 1


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that live at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self._seen:
                storage = tensor.untyped_storage()
                self._seen.add(storage._cdata)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._drop, storage._cdata, storage.nbytes())
        return out

    def _drop(self, key: int, size: int) -> None:
        self.now -= size
        self._seen.discard(key)


@pytest.mark.parametrize("form", EAGER)
@pytest.mark.parametrize("half", [True, False], ids=["fp16", "f32"])
@pytest.mark.parametrize(("channels", "size"), [(8, (128, 192)), (8, (250, 90)), (32, (64, 96))])
def test_the_estimate_of_memory_is_above_what_lives_at_once_but_not_far(
    tmp_path: Path, form: str, half: bool, channels: int, size: tuple[int, int]
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", width=channels)
    graph = FrameGraph(pack.network(), *size, rewrites=FORMS[form].rewrites, half=half)
    with torch.no_grad(), LiveBytes() as live:
        graph(torch.zeros(*size, 3, dtype=torch.uint8), torch.ones(3))
    estimate = bytes_needed(*size, channels) - bytes_needed(1, 1, 0)
    assert 1.4 * live.peak <= estimate <= 2.5 * live.peak


def test_the_estimate_grows_with_pixels_and_width() -> None:
    base = bytes_needed(1, 1, 0)
    hd, uhd = bytes_needed(1080, 1920, 32) - base, bytes_needed(2160, 3840, 32) - base
    assert uhd == 4 * hd == 8 * (bytes_needed(1080, 1920, 16) - base)
    assert 5 << 30 < uhd < 8 << 30


# The engine around a stand-in for the GPU.


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


def test_warming_up_keeps_the_fastest_form_and_remembers_it(
    pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: MakePicture
) -> None:
    def no_compiler(*args: object, **options: object) -> None:
        assert options == {"mode": "max-autotune-no-cudagraphs", "fullgraph": True, "dynamic": False}
        raise RuntimeError("Cannot find a working triton installation")

    monkeypatch.setattr(torch, "compile", no_compiler)
    cache, said = EngineCache(tmp_path / "new"), list[str]()
    cpu_gpu.speeds = [3.0, 2.0]
    with CudaEngine(pack, 16, 24, cache=cache, report=said.append) as engine:
        assert (engine.form, engine.outcome) == ("eager", None)
        engine.warm_up()
        assert engine.form == "eager-transposed"
        assert engine.outcome and engine.outcome.kept and not engine.outcome.hit
        engine.warm_up()
        assert [recording.live for recording in cpu_gpu.recordings[1:]] == [False, True]
        engine.run({"frame": picture(16, 24), "alpha": np.zeros(3, np.float32)})
    assert said == ["building cuda at 24x16", *(f"measuring form {name}" for name in FORMS)]
    (entry,) = cache.entries()
    assert (entry.key["device"], entry.key["capability"], entry.key["driver"]) == ("stand-in", "8.9", "580.1")
    assert (entry.key["size"], entry.key["precision"], entry.key["width"]) == ("24x16", "fp16", 8)
    answer = json.loads(entry.file.read_bytes())
    assert answer["milliseconds"] == {"eager": 3.0, "eager-transposed": 2.0}
    assert "working triton" in answer["failed"]["compiled"]
    monkeypatch.setattr(CudaEngine, "_known", {})
    engine, why = open_engine(pack, 16, 24, backend="cuda", cache_dir=tmp_path / "new")
    assert isinstance(engine, CudaEngine)
    assert (engine.form, why) == ("eager-transposed", "cuda fp16, as asked, its form from the cache")
    engine.warm_up()
    other = random_pack(tmp_path / "other.safetensors", seed=1)
    with CudaEngine(other, 16, 24, cache=cache) as engine:
        assert engine.form == "eager-transposed", "the weights make no difference to the time"
    with CudaEngine(pack, 24, 24, cache=cache) as engine:
        assert engine.form == "eager", "of another size nothing is known"


def test_a_cache_that_cannot_be_written_costs_only_the_remembering(
    pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(torch, "compile", lambda graph, **_: graph)
    cpu_gpu.speeds = [3.0, 2.0, 1.0]
    with CudaEngine(pack, 16, 24, cache=EngineCache(tmp_path / "file" / "c")) as engine:
        engine.warm_up()
        assert engine.form == "compiled"
        assert engine.outcome and not engine.outcome.kept and "cannot be written" in engine.outcome.words


def test_another_process_may_have_measured_meanwhile(pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        measured = TuningResult(name="eager-transposed", milliseconds={}, failed={}).kept()
        cache.open(engine._question, build=lambda: measured, load=bytes, report=print)
        engine.warm_up()
        assert engine.form == "eager-transposed"
        assert [recording.live for recording in cpu_gpu.recordings[1:]] == [False, True]


def test_the_first_form_stays_where_it_is_the_fastest(pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path) -> None:
    cpu_gpu.speeds = [1.0, 2.0, 3.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", lambda graph, **_: graph)
        with CudaEngine(pack, 16, 24) as engine:
            engine.warm_up()
            assert engine.form == "eager"
            assert [recording.live for recording in cpu_gpu.recordings[1:]] == [True, False, False]
    with CudaEngine(pack, 16, 24) as engine:
        assert engine._measured, "remembered while the program runs"


def test_a_remembered_form_that_no_longer_works_gives_way(
    pack: StylePack, cpu_gpu: CpuGpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = EngineCache(tmp_path)
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        measured = TuningResult(name="compiled", milliseconds={}, failed={}).kept()
        cache.open(engine._question, build=lambda: measured, load=bytes, report=print)
    monkeypatch.setattr(torch, "compile", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("gone")))
    cpu_gpu.speeds = [1.0, 2.0]
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        assert engine.form == "eager"
        assert cache.entries() == []
        engine.warm_up()
        assert json.loads(cache.entries()[0].file.read_bytes())["name"] == "eager"
    with pytest.raises(EngineError, match="failed on stand-in: gone"):
        CudaEngine(pack, 16, 24, form="compiled")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"q": 3}', '{"name": "warp"}', "[" * 100_000, '{"name": [1]}'])
def test_what_is_no_answer_is_as_good_as_none(
    pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineError, match="names no form"):
        TuningResult.read(content.encode())
    cache = EngineCache(tmp_path)
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        keep(cache.folder, engine._question, content.encode(), {})
    monkeypatch.setattr(torch, "compile", lambda graph, **_: graph)
    cpu_gpu.speeds = [1.0, 2.0, 3.0]
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        assert engine.form == READY_FIRST
        engine.warm_up()
        assert engine.outcome and "corrupt" in engine.outcome.words


def test_the_fastest_is_found_among_those_that_work() -> None:
    speeds: dict[str, float | Exception] = {"a": 2.0, "b": ValueError("broken\nlong"), "c": 1.0}

    def measure(name: str) -> float:
        speed = speeds[name]
        if isinstance(speed, Exception):
            raise speed
        return speed

    answer = fastest(speeds, measure)
    assert (answer.name, answer.failed) == ("c", {"b": "ValueError: broken"})
    with pytest.raises(EngineError, match="no form works: b: ValueError: broken"):
        fastest(["b"], measure)


# Where it cannot run.


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


# On a GPU.


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


def test_what_compilers_keep_is_in_our_folder_and_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inductor unpickles what it finds in its cache, which is in /tmp where nobody says otherwise."""
    names = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
    for name in names:
        monkeypatch.setenv(name, "/tmp/elsewhere")
    keep_compilers_files(tmp_path / "c")
    folders = [Path(os.environ[name]) for name in names]
    assert folders == [tmp_path / "c" / "compiled" / part for part in ("inductor", "triton")]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    EngineCache(tmp_path / "c").clear()
    assert not folders[0].exists()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    keep_compilers_files(tmp_path / "open")
    for name in names:
        place = Path(os.environ[name])
        assert tmp_path not in place.parents and place.parents[1].stat().st_mode & 0o777 == 0o700
