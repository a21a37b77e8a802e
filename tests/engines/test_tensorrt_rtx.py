"""Plans are built here for real, with no GPU. Running one needs an RTX GPU."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from engines import open_engine
from engines.onnx_export import export_onnx
from engines.sizes import FrameSizes
from engines.tensorrt_rtx import TensorRtRtxEngine
from engines.tensorrt_rtx_build import (
    RTX_REWRITES,
    build_plan,
    compile_plan,
    known_capabilities,
    parse_network,
)
from tests.compare import F32_DB, FP16_DB, psnr
from tests.conftest import random_pack
from tests.engines.gpu import needs_cuda
from training.errors import EngineError
from training.pack import StylePack

try:
    trt: Any = importlib.import_module("tensorrt_rtx_bindings")
except ImportError:
    trt = None
needs_library = pytest.mark.skipif(trt is None, reason="TensorRT for RTX is not installed")

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
RANGE = FrameSizes(smallest=(8, 8), usual=(360, 640), largest=(2160, 3840))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[FrameSizes, bytes]:
    """One fp16 export a size, for all tests here."""
    pack = random_pack(tmp_path_factory.mktemp("rtx") / "rtx.safetensors")
    sizes = (FrameSizes.only(360, 640), FrameSizes.only(33, 50), RANGE)
    return {size: export_onnx(pack, size, precision="fp16", rewrites=RTX_REWRITES) for size in sizes}


@needs_library
def test_frame_and_alpha_are_inputs_of_the_network(models: dict[FrameSizes, bytes]) -> None:
    for sizes, model in models.items():
        frame_shape = (*sizes.usual, 3) if sizes.fixed else (-1, -1, 3)
        parsed = parse_network(trt, model)
        network = parsed.network
        inputs = [network.get_input(index) for index in range(network.num_inputs)]
        assert [(entry.name, entry.dtype, tuple(entry.shape)) for entry in inputs] == [
            ("frame", trt.DataType.UINT8, frame_shape),
            ("alpha", trt.DataType.FLOAT, (3,)),
        ]
        assert network.num_outputs == 1
        picture = network.get_output(0)
        assert (picture.name, picture.dtype, tuple(picture.shape)) == ("picture", trt.DataType.UINT8, frame_shape)
        assert network.get_flag(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


@needs_library
@pytest.mark.parametrize("capability", list(known_capabilities()) if trt else [])
def test_a_plan_comes_out_for_every_capability_and_size(models: dict[FrameSizes, bytes], capability: str) -> None:
    plans = {sizes: compile_plan(model, sizes, capabilities=[capability]) for sizes, model in models.items()}
    assert all(len(plan) > 100_000 for plan in plans.values())
    assert len(set(plans.values())) == len(plans)


@needs_library
def test_one_plan_serves_many_capabilities(models: dict[FrameSizes, bytes]) -> None:
    capabilities = list(known_capabilities())
    assert {"7.5", "8.6", "8.9", "12.0"} <= set(capabilities)
    plans = [
        compile_plan(models[RANGE], RANGE, capabilities=some)
        for some in (capabilities, capabilities[:1], capabilities[1:])
    ]
    assert len(set(plans)) == len(plans), "a plan says what it was built for"


@needs_library
def test_a_style_pack_without_blocks_and_one_in_f32_build(pack: StylePack, tmp_path: Path) -> None:
    assert build_plan(pack, FrameSizes.only(32, 48), capabilities=["8.9"], precision="f32")
    fixed = random_pack(tmp_path / "fixed.safetensors", places=())
    assert build_plan(fixed, RANGE, capabilities=["8.9"])


@needs_library
@pytest.mark.parametrize("capabilities", [["9.9"], [], ["8.9", "8.9"], ["8.9", "9.0"]])
def test_capabilities_that_it_does_not_know_are_refused(capabilities: list[str]) -> None:
    with pytest.raises(EngineError, match=r"one or more, each once, of 7\.5, 8\.0"):
        compile_plan(b"", FrameSizes.only(8, 8), capabilities=capabilities)


@needs_library
def test_a_model_that_cannot_be_read_says_why() -> None:
    with pytest.raises(EngineError, match=r"cannot read the network: .+"):
        compile_plan(b"no model", FrameSizes.only(8, 8), capabilities=["8.9"])


def test_without_the_library_the_error_has_the_command(pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("engines.tensorrt_rtx_build.importlib.import_module", missing)
    with pytest.raises(EngineError, match="pip install tensorrt-rtx-cu13-libs tensorrt-rtx-cu13-bindings"):
        compile_plan(b"", FrameSizes.only(8, 8), capabilities=["8.9"])


def test_without_a_gpu_the_error_says_why(pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match=r"cannot run: .*(GPU|CUDA)"):
        open_engine(pack, 16, 16, backend="tensorrt-rtx")
    with pytest.raises(EngineError, match="fp16 or f32, not bf16"):
        open_engine(pack, 16, 16, backend="tensorrt-rtx", precision="bf16")


@needs_cuda
class TestOnAGpu:
    @pytest.mark.parametrize(("precision", "least"), [("fp16", FP16_DB), ("f32", F32_DB)])
    def test_it_gives_the_picture_of_torch(
        self, pack: StylePack, picture: MakePicture, tmp_path: Path, precision: Any, least: float
    ) -> None:
        capability = "{}.{}".format(*torch.cuda.get_device_capability())
        plan = build_plan(pack, RANGE, capabilities=[capability], precision=precision)
        cache = tmp_path / "runtime.cache"
        for size in ((64, 96), (33, 51)):
            with (
                open_engine(pack, *size, backend="torch")[0] as reference,
                TensorRtRtxEngine(pack, *size, precision=precision, plan=plan, runtime_cache=cache) as engine,
            ):
                engine.warm_up()
                assert cache.stat().st_size > 0
                for value in (0.0, 0.5, 1.0, -2.0):
                    alpha = np.array([value, 1 - value, value / 2], np.float32)
                    expected = reference.stylize(picture(*size), alpha)
                    assert psnr(engine.stylize(picture(*size), alpha), expected) >= least

    def test_a_frame_outside_of_the_plans_sizes_is_refused(self, pack: StylePack) -> None:
        capability = "{}.{}".format(*torch.cuda.get_device_capability())
        plan = build_plan(pack, FrameSizes.only(32, 48), capabilities=[capability])
        with pytest.raises(EngineError, match="does not take frame"):
            TensorRtRtxEngine(pack, 64, 64, plan=plan)
