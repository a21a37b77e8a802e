"""The `tensorrt` engine around stand-ins for its libraries and the GPU."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stylefader.engines import open_engine
from stylefader.engines.backends.tensorrt_build import (
    Plan,
    build_ahead,
    build_engine,
    load_library,
)
from stylefader.engines.backends.tensorrt_engine import TensorRtEngine
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.sizes import FrameSizes
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.compare import F32_DB, FP16_DB, psnr
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu
from tests.engines.backends.tensorrt_stand_in import Library, Runtime

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
RANGE = FrameSizes(smallest=(8, 8), usual=(64, 64), largest=(480, 640))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, cpu_gpu: CpuGpu) -> Library:
    stand_in = Library()
    monkeypatch.setitem(sys.modules, "torch_tensorrt", stand_in)
    monkeypatch.setitem(sys.modules, "tensorrt", Runtime(stand_in))
    return stand_in


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("precision", "least"), [("f32", F32_DB), ("fp16", FP16_DB)])
@pytest.mark.parametrize("size", [(2, 3), (1, 97), (33, 51), (64, 48)], ids=str)
def test_the_engine_pads_crops_and_gives_the_picture_of_torch(
    pack: StylePack, picture: MakePicture, library: Library, size: tuple[int, int], precision: Any, least: float
) -> None:
    with (
        open_engine(pack, *size, backend="torch")[0] as reference,
        TensorRtEngine(pack, *size, precision=precision) as engine,
    ):
        for values in ((0.0, 0.0, 0.0), (-0.5, 2.0, 0.3)):
            alpha = np.array(values, np.float32)
            found = engine.run({"frame": picture(*size), "alpha": alpha})
            assert found.shape == (*size, 3) and found.flags.c_contiguous
            assert psnr(found, reference.run({"frame": picture(*size), "alpha": alpha})) >= least
        on_device = engine.run_cuda({"frame": torch.tensor(picture(*size)), "alpha": torch.tensor(alpha)})
        assert np.array_equal(on_device.numpy(), found)


@pytest.mark.filterwarnings("ignore")
def test_what_was_built_for_a_range_is_loaded_without_a_build(
    pack: StylePack, picture: MakePicture, library: Library, tmp_path: Path
) -> None:
    timings = tmp_path / "timing.bin"
    built = build_engine(pack, RANGE, precision="f32", timing_cache=timings)
    assert timings.read_bytes() == b"timings"
    ((frame, alpha),) = (entry["inputs"] for entry in library.compiled)
    assert frame.shapes == {"min_shape": (8, 8, 3), "opt_shape": (64, 64, 3), "max_shape": (480, 640, 3)}
    assert (frame.dtype, alpha.dtype, alpha.shapes) == (torch.float32, torch.float32, {"shape": (3,)})
    strengths = np.full(3, 0.5, np.float32)
    for size in ((30, 50), (64, 48)):
        with (
            open_engine(pack, *size, backend="torch")[0] as reference,
            TensorRtEngine(pack, *size, precision="f32", built=built) as engine,
        ):
            expected = reference.run({"frame": picture(*size), "alpha": strengths})
            assert psnr(engine.run({"frame": picture(*size), "alpha": strengths}), expected) >= F32_DB
    assert len(library.compiled) == 1
    with pytest.raises(EngineError, match="the built engine does not take 1280x720"):
        TensorRtEngine(pack, 720, 1280, precision="f32", built=built)


@pytest.mark.filterwarnings("ignore")
def test_the_cache_keeps_engine_and_timings_and_clear_takes_both(
    pack: StylePack, picture: MakePicture, library: Library, tmp_path: Path
) -> None:
    cache, alpha, pictures = EngineCache(tmp_path / "c"), np.full(3, 0.5, np.float32), []
    for hit in (False, True):
        engine, why = open_engine(pack, 30, 50, backend="tensorrt", cache_dir=cache.folder)
        with engine:
            assert engine.outcome and engine.outcome.hit is hit and engine.outcome.words in why
            pictures.append(engine.run({"frame": picture(30, 50), "alpha": alpha}).copy())
    assert np.array_equal(*pictures)
    TensorRtEngine(PackFile(pack.file), 34, 50, cache=cache).close()
    assert len(library.compiled) == 2 and len(set(library.timings)) == 1
    assert library.timings[0].parent == cache.folder
    assert [(entry.key["size"], entry.key["device"], entry.key["driver"]) for entry in cache.entries()] == [
        ("50x34", "stand-in", "580.1"), ("50x30", "stand-in", "580.1"),
    ]  # fmt: skip
    assert {"tensorrt", "torch-tensorrt", "torch", "cuda"} == set(cache.entries()[0].key["libraries"])
    cache.clear()
    assert list(cache.folder.iterdir()) == []


@pytest.mark.filterwarnings("ignore")
def test_another_driver_or_gpu_finds_nothing(
    pack: StylePack, library: Library, cpu_gpu: CpuGpu, tmp_path: Path
) -> None:
    cache = EngineCache(tmp_path)
    for field, other in (("driver", "581.0"), ("name", "another"), ("capability", "9.0")):
        for hit in (False, True):
            with TensorRtEngine(pack, 8, 8, cache=cache) as engine:
                assert engine.outcome and engine.outcome.hit is hit
        setattr(cpu_gpu, field, other)
    assert len({path.name for path in library.timings}) == 3


@pytest.mark.filterwarnings("ignore")
def test_what_was_built_ahead_for_a_range_is_found_for_its_sizes(
    pack: StylePack, picture: MakePicture, library: Library, tmp_path: Path
) -> None:
    cache = EngineCache(tmp_path)
    assert build_ahead(pack, RANGE, precision="f32", cache=cache, report=print).kept
    with (
        open_engine(pack, 30, 50, backend="torch")[0] as reference,
        TensorRtEngine(pack, 30, 50, precision="f32", cache=cache) as engine,
    ):
        assert engine.outcome and engine.outcome.words == "from the cache, where it is for 8x8..640x480"
        alpha = np.full(3, 0.5, np.float32)
        assert (
            psnr(
                engine.run({"frame": picture(30, 50), "alpha": alpha}),
                reference.run({"frame": picture(30, 50), "alpha": alpha}),
            )
            >= F32_DB
        )
    for height, width, precision in ((4, 50, "f32"), (30, 50, "fp16")):
        with TensorRtEngine(pack, height, width, precision=precision, cache=cache) as engine:  # type: ignore[arg-type]
            assert engine.outcome and not engine.outcome.hit


@pytest.mark.filterwarnings("ignore")
def test_without_a_cache_folder_it_works_and_says_so(
    pack: StylePack, picture: MakePicture, library: Library, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    engine, why = open_engine(pack, 16, 24, backend="tensorrt", cache_dir=tmp_path / "file" / "c")
    assert "built for this time only" in why and "cannot be written" in why
    assert engine.run({"frame": picture(16, 24), "alpha": np.zeros(3, np.float32)}).shape == (16, 24, 3)


@pytest.mark.filterwarnings("ignore")
def test_a_pack_without_blocks_has_the_frame_as_its_only_input(
    tmp_path: Path, picture: MakePicture, library: Library
) -> None:
    pack = random_pack(tmp_path / "fixed.safetensors", places=())
    with (
        open_engine(pack, 16, 24, backend="torch")[0] as reference,
        TensorRtEngine(pack, 16, 24, precision="f32") as engine,
    ):
        expected = reference.run({"frame": picture(16, 24)})
        assert psnr(engine.run({"frame": picture(16, 24)}), expected) >= F32_DB
    assert [entry.name for entry in library.compiled[0]["inputs"]] == ["frame"]


def test_a_damaged_plan_is_an_engine_error(library: Library) -> None:
    with pytest.raises(EngineError, match="does not load: it is of another GPU, driver or version"):
        Plan(b"no engine")


def test_nothing_of_the_cache_is_unpickled(
    pack: StylePack, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = EngineCache(tmp_path / "c")
    TensorRtEngine(pack, 16, 24, cache=cache).close()
    assert cache.find("").file.read_bytes() == b"plan 0", "the plan and nothing around it"
    for module in ("pickle", "_pickle", "torch.export", "torch"):
        monkeypatch.setattr(f"{module}.load", lambda *_, **__: pytest.fail("unpickled"))
    with TensorRtEngine(pack, 16, 24, cache=cache) as engine:
        assert engine.outcome and engine.outcome.hit


def test_a_build_that_fails_says_why(pack: StylePack, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise AssertionError("require_full_compilation=True was specified, but model is not fully supported\nmore")

    library.dynamo.convert_exported_program_to_serialized_trt_engine = fails
    with pytest.raises(EngineError, match=r"cannot be built for 18x13: AssertionError .* not fully supported$"):
        build_engine(pack, FrameSizes.only(13, 18))


def test_without_the_library_the_error_has_the_command(
    pack: StylePack, cpu_gpu: CpuGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, said = builtins.__import__, ImportError("No module named 'torch_tensorrt'")
    reasons: list[Exception] = [said]

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "torch_tensorrt":
            raise reasons[-1]
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EngineError, match=r"is not installed \(No module .*\): pip install 'stylefader\[tensorrt\]'$"):
        TensorRtEngine(pack, 16, 24)
    reasons.append(Exception("import error when try to import _TensorRTProxyModule\nmore"))
    with pytest.raises(EngineError, match=r"cannot be loaded \(import error .*Module\); .* pip install 'style"):
        load_library()


def test_probing_imports_nothing_heavy(pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = set(sys.modules)
    with pytest.raises(EngineError, match="cannot run"):
        open_engine(pack, 16, 16, backend="tensorrt")
    assert not {name for name in set(sys.modules) - before if name.partition(".")[0] in ("torch_tensorrt", "tensorrt")}
