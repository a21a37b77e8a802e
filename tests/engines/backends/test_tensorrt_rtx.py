"""Plans are built here for real, with no GPU. Running one needs an RTX GPU: here it is a stand-in that runs them."""

from __future__ import annotations

import ctypes
import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stylefader.engines import open_engine
from stylefader.engines.backends.tensorrt_rtx import TensorRtRtxEngine
from stylefader.engines.backends.tensorrt_rtx_build import (
    RTX_REWRITES,
    build_ahead,
    build_plan,
    compile_plan,
    known_capabilities,
    parse_network,
    plan_key,
)
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.frame_graph import FrameGraph
from stylefader.engines.graph.onnx_export import export_onnx
from stylefader.engines.graph.sizes import FrameSizes
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.compare import F32_DB, FP16_DB, psnr
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu, needs_rtx

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
@pytest.mark.parametrize(
    "capability",
    [
        pytest.param(one, marks=() if one == "8.9" else pytest.mark.slow)
        for one in (known_capabilities() if trt else [])
    ],
)
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

    monkeypatch.setattr("stylefader.engines.backends.tensorrt_rtx_build.importlib.import_module", missing)
    with pytest.raises(EngineError, match="pip install tensorrt-rtx-cu13-libs tensorrt-rtx-cu13-bindings"):
        compile_plan(b"", FrameSizes.only(8, 8), capabilities=["8.9"])


def test_without_a_gpu_the_error_says_why(pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match=r"cannot run: .*(GPU|CUDA)"):
        open_engine(pack, 16, 16, backend="tensorrt-rtx")
    with pytest.raises(EngineError, match="fp16 or f32, not bf16"):
        open_engine(pack, 16, 16, backend="tensorrt-rtx", precision="bf16")


# Ahead of time, into the cache.


@needs_library
def test_plans_built_ahead_are_kept_one_a_capability_and_nothing_of_this_machine(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, said, exports = EngineCache(tmp_path), list[str](), list[FrameSizes]()

    def export(pack: Any, sizes: FrameSizes, **options: Any) -> bytes:
        exports.append(sizes)
        return export_onnx(pack, sizes, **options)

    monkeypatch.setattr("stylefader.engines.backends.tensorrt_rtx_build.export_onnx", export)
    for hit in (False, True):
        outcomes = build_ahead(
            PackFile(pack.file), RANGE, capabilities=["8.9", "12.0"], precision="auto", cache=cache, report=said.append
        )
        assert [outcome.hit for outcome in outcomes] == [hit, hit]
    assert exports == [RANGE], "once for all"
    assert "building tensorrt-rtx at 8x8..3840x2160 for compute capability 8.9" in said
    entries = cache.entries()
    assert {entry.key["capability"] for entry in entries} == {"8.9", "12.0"}
    assert {(entry.key["device"], entry.key["driver"]) for entry in entries} == {("any", "any")}
    assert {tuple(entry.key["libraries"]) for entry in entries} == {("tensorrt-rtx",)}
    assert all(entry.bytes > 100_000 for entry in entries)
    with pytest.raises(EngineError, match=r"of 7\.5, 8\.0"):
        build_ahead(pack, RANGE, capabilities=["8.9", "1.0"], precision="auto", cache=cache, report=print)
    with pytest.raises(EngineError, match="fp16 or f32, not bf16"):
        build_ahead(pack, RANGE, capabilities=["8.9"], precision="bf16", cache=cache, report=print)


# The engine, with a stand-in for the library that knows a plan by its words and runs the network on the CPU.


class Runtime:
    """As much of TensorRT for RTX as runs a plan; each object asserts that what it needs is there."""

    def __init__(self, library: Library, log: Any) -> None:
        self.library, self.log = library, log

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        sizes, _, capability = plan.decode(errors="replace").partition(" for ")
        if capability != "8.9":
            self.log.log(self.log.Severity.ERROR, "no kernels for this GPU")
            return None
        return Engine(self, FrameSizes.parse(sizes))


class Engine:
    def __init__(self, runtime: Runtime, sizes: FrameSizes) -> None:
        self.runtime, self.sizes = runtime, sizes

    def create_runtime_config(self) -> Config:
        return Config(self.runtime.library)

    def create_execution_context(self, config: Config) -> Context:
        assert config.cuda_graph_strategy == "whole" and config.kernels
        return Context(self, config.kernels)


class Config:
    cuda_graph_strategy = dynamic_shapes_kernel_specialization_strategy = ""
    kernels: Kernels | None = None

    def __init__(self, library: Library) -> None:
        self.library = library

    def create_runtime_cache(self) -> Kernels:
        return Kernels(self.library)

    def set_runtime_cache(self, kernels: Kernels) -> None:
        self.kernels = kernels


class Kernels:
    def __init__(self, library: Library) -> None:
        self.library = library
        self.content = b""

    def deserialize(self, kept: bytes) -> bool:
        self.content = kept if kept.startswith(b"kernels") else b""
        self.library.kernels_read.append(self.content)
        return bool(self.content)

    def serialize(self) -> bytes:
        return self.content


class Context:
    def __init__(self, engine: Engine, kernels: Kernels) -> None:
        self.engine, self.kernels = engine, kernels
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        if name == "frame":
            self.size = shape[:2]
            return self.engine.sizes.covers(*self.size)
        return shape == (3,)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        library = self.engine.runtime.library
        assert stream == 7
        if library.broken:
            return False
        self.kernels.content = b"kernels"
        shape = (*self.size, 3)
        arrays = {
            name: np.ctypeslib.as_array((kind * int(np.prod(dims))).from_address(self.addresses[name])).reshape(dims)
            for name, kind, dims in (
                ("frame", ctypes.c_uint8, shape), ("alpha", ctypes.c_float, (3,)), ("picture", ctypes.c_uint8, shape)
            )
        }  # fmt: skip
        graph = FrameGraph(library.pack.network(), *self.size, rewrites=RTX_REWRITES)
        with torch.no_grad():
            picture = graph(torch.tensor(arrays["frame"]), torch.tensor(arrays["alpha"]))
        np.copyto(arrays["picture"], picture.numpy())
        return True


class Library(types.ModuleType):
    __version__ = "1.7"
    CudaGraphStrategy = types.SimpleNamespace(WHOLE_GRAPH_CAPTURE="whole")
    DynamicShapesKernelSpecializationStrategy = types.SimpleNamespace(EAGER="eager")
    ComputeCapability = types.SimpleNamespace(__members__={"SM75": 75, "SM89": 89, "CURRENT": 0})

    class ILogger:
        Severity = types.SimpleNamespace(ERROR=1, INTERNAL_ERROR=0)

    def __init__(self, pack: StylePack) -> None:
        super().__init__("tensorrt_rtx_bindings")
        self.pack = pack
        self.built: list[str] = []
        self.kernels_read: list[bytes] = []
        self.broken = False

    def Runtime(self, log: Any) -> Runtime:  # noqa: N802  # the library's name
        return Runtime(self, log)

    def build(self, pack: Any, sizes: FrameSizes, *, capabilities: list[str], precision: str, masked: bool) -> bytes:
        self.built.append(f"{sizes} for {' '.join(capabilities)}")
        return self.built[-1].encode()


@pytest.fixture
def library(pack: StylePack, cpu_gpu: CpuGpu, monkeypatch: pytest.MonkeyPatch) -> Library:
    stand_in = Library(pack)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx_bindings", stand_in)
    monkeypatch.setattr("stylefader.engines.backends.tensorrt_rtx.build_plan", stand_in.build)
    return stand_in


def test_the_engine_runs_its_plan_and_finds_it_and_its_kernels_again(
    pack: StylePack, picture: MakePicture, library: Library, tmp_path: Path
) -> None:
    cache, alpha = EngineCache(tmp_path / "c"), np.array([0.1, 0.7, 1.0], np.float32)
    with open_engine(pack, 9, 14, backend="torch")[0] as reference:
        expected = reference.run({"frame": picture(9, 14), "alpha": alpha}).copy()
    for hit in (False, True):
        engine, why = open_engine(pack, 9, 14, backend="tensorrt-rtx", cache_dir=cache.folder)
        with engine:
            assert (engine.precision, engine.slots, engine.device) == ("fp16", 2, "stand-in")
            assert engine.outcome and engine.outcome.hit is hit and engine.outcome.words in why
            engine.warm_up()
            assert psnr(engine.run({"frame": picture(9, 14), "alpha": alpha}), expected) >= F32_DB
            assert isinstance(engine, TensorRtRtxEngine)
            on_gpu = engine.run_cuda({"frame": torch.tensor(picture(9, 14)), "alpha": torch.tensor(alpha)})
            assert psnr(on_gpu.numpy(), expected) >= F32_DB
    assert (library.built, library.kernels_read) == (["14x9 for 8.9"], [b"kernels"])
    (kernels,) = cache.folder.glob("*.side")
    kernels.write_bytes(b"of another driver")
    with TensorRtRtxEngine(pack, 9, 14, cache=cache) as engine:
        engine.warm_up()
    assert kernels.read_bytes() == b"kernels", "made anew"
    assert [entry.key["engine"] for entry in cache.entries()] == ["tensorrt-rtx"]
    cache.remove(cache.entries()[0].digest)
    assert list(cache.folder.iterdir()) == [], "the kernels go with their plan"


def test_a_plan_for_a_range_serves_this_capability_alone(
    pack: StylePack, library: Library, cpu_gpu: CpuGpu, tmp_path: Path
) -> None:
    cache = EngineCache(tmp_path)
    for capability in ("7.5", "8.9"):
        plan = f"{RANGE} for {capability}".encode()
        cache.open(plan_key(pack, RANGE, capability, "fp16"), build=lambda: plan, load=bytes, report=print)  # noqa: B023
    with TensorRtRtxEngine(pack, 9, 14, cache=cache) as engine:
        assert engine.outcome and engine.outcome.words == "from the cache, where it is for 8x8..3840x2160"
    with TensorRtRtxEngine(pack, 7, 14, cache=cache) as engine:
        assert engine.outcome and not engine.outcome.hit
    with TensorRtRtxEngine(pack, 9, 14, cache=cache, precision="f32") as engine:
        assert engine.outcome and not engine.outcome.hit
    assert library.built == ["14x7 for 8.9", "14x9 for 8.9"]


def test_a_plan_that_is_not_for_it_says_why(pack: StylePack, library: Library, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"does not load on stand-in \(compute capability 8.9\): no kernels for this"):
        TensorRtRtxEngine(pack, 9, 14, plan=b"14x9 for 7.5")
    with pytest.raises(EngineError, match=r"the plan does not take frame \(9, 14, 3\) at 14x9"):
        TensorRtRtxEngine(pack, 9, 14, plan=b"8x8 for 8.9")
    with TensorRtRtxEngine(pack, 9, 14) as engine:
        library.broken = True
        with pytest.raises(EngineError, match="engine tensorrt-rtx failed"):
            engine.run({"frame": np.zeros((9, 14, 3), np.uint8), "alpha": np.zeros(3, np.float32)})


def test_what_it_cannot_run_on_is_said_before_anything_is_built(
    pack: StylePack, library: Library, cpu_gpu: CpuGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylefader.engines.backends.tensorrt_rtx.version_of", lambda package: "1.7")
    cpu_gpu.driver, cpu_gpu.driver_cuda = "570.86", 12080
    with pytest.raises(EngineError, match=r"the driver 570.86 is too old, it is for CUDA 12\.8 and .* needs 13\.0: up"):
        TensorRtRtxEngine(pack, 9, 14)
    cpu_gpu.capability = "9.0"
    with pytest.raises(EngineError, match=r"cannot run on stand-in: its compute capability 9.0 is none of 7\.5, 8\.9"):
        TensorRtRtxEngine(pack, 9, 14)
    cpu_gpu.free = 1 << 20
    with pytest.raises(EngineError, match=r"engine tensorrt-rtx needs about .* GiB are free: use a smaller size"):
        TensorRtRtxEngine(pack, 9, 14)
    assert library.built == []


class TestOnAGpu:
    pytestmark = needs_rtx

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
                    expected = reference.run({"frame": picture(*size), "alpha": alpha})
                    assert psnr(engine.run({"frame": picture(*size), "alpha": alpha}), expected) >= least

    def test_a_frame_outside_of_the_plans_sizes_is_refused(self, pack: StylePack) -> None:
        capability = "{}.{}".format(*torch.cuda.get_device_capability())
        plan = build_plan(pack, FrameSizes.only(32, 48), capabilities=[capability])
        with pytest.raises(EngineError, match="does not take frame"):
            TensorRtRtxEngine(pack, 64, 64, plan=plan)
