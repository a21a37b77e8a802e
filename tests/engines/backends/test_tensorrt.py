"""The `tensorrt` engine: on the CPU what goes into the compiler and what stands around it; on a GPU the rest."""

from __future__ import annotations

import builtins
import ctypes
import math
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
from stylefader.engines.backends.tensorrt_build import (
    TENSORRT_REWRITES,
    Plan,
    build_ahead,
    build_engine,
    export_padded,
    load_library,
    padded_sizes,
)
from stylefader.engines.backends.tensorrt_engine import TensorRtEngine, fill
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.frame_graph import FrameGraph, PaddedGraph
from stylefader.engines.graph.sizes import FrameSizes, padded
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.compare import F32_DB, FP16_DB, psnr
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu, cpu_gpu, needs_cuda, thousand_calls_leave_no_trace

__all__ = ["cpu_gpu"]

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
CPU = torch.device("cpu")
RANGE = FrameSizes(smallest=(8, 8), usual=(64, 64), largest=(480, 640))
GPU_DB = 40.0
"""As in `test_cuda`. A frame of one colour is no test in fp16: its norms divide rounding errors by sqrt(eps)."""
CONVERTED = {
    "_to_copy.default", "_assert_tensor_metadata.default", "add.Tensor", "clamp.default", "conv2d.default",
    "div.Tensor", "instance_norm.default", "mul.Tensor", "pad.default", "permute.default", "pixel_shuffle.default",
    "relu.default", "round.default", "select.int", "squeeze.dim", "sub.Tensor", "to.dtype", "unsqueeze.default",
    "view.default",
}  # fmt: skip
"""Operators that Torch-TensorRT 2.13 converts or lowers to such, for dynamic sizes as well (its sources)."""
OF_STYLES = {"slice.Tensor", "reshape.default"}
OF_MASKS = {"avg_pool2d.default", "rsub.Scalar"}
"""More of them: what cuts a style vector into its parts, and what makes maps of a mask."""


# What goes into the compiler.


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (64, 48)], ids=str)
def test_the_padded_graph_is_the_frame_graph_without_its_ends(
    pack: StylePack, picture: MakePicture, size: tuple[int, int]
) -> None:
    frame, alpha = torch.tensor(picture(*size)), torch.tensor([0.2, -0.5, 1.0])
    for precision, half in (("f32", False), ("fp16", True)):
        expected = FrameGraph(pack.network(), *size, rewrites=TENSORRT_REWRITES, half=half)(frame, alpha)
        graph = PaddedGraph(pack.network(), precision, rewrites=TENSORRT_REWRITES)
        found = graph(frame.to(graph.picture_type), alpha)
        assert found.dtype == graph.picture_type
        assert torch.equal(found.to(torch.uint8), expected)
        assert torch.equal(found, found.round())


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 97), (9, 12), (12, 9)], ids=str)
def test_a_frame_fills_its_canvas_by_repeating_the_edge(picture: MakePicture, size: tuple[int, int]) -> None:
    height, width = size
    canvas = torch.full((padded(height), padded(width), 3), -1, dtype=torch.float16)
    fill(canvas, torch.tensor(picture(*size)))
    around = ((0, padded(height) - height), (0, padded(width) - width), (0, 0))
    assert np.array_equal(canvas.numpy(), np.pad(picture(*size), around, mode="edge"))


@pytest.mark.parametrize("precision", ["fp16", "f32"])
@pytest.mark.parametrize("sizes", [FrameSizes.only(13, 18), RANGE], ids=["fixed", "range"])
def test_the_exported_program_has_two_inputs_and_only_operators_that_are_converted(
    pack: StylePack, sizes: FrameSizes, precision: str
) -> None:
    program = export_padded(pack, sizes, precision=precision, device=CPU)
    inputs = [node.meta["val"] for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
    numbers = torch.float16 if precision == "fp16" else torch.float32
    assert [value.dtype for value in inputs] == [numbers, torch.float32]
    assert [isinstance(side, torch.SymInt) for side in inputs[0].shape] == [not sizes.fixed] * 2 + [False]
    called = {node.target for node in program.graph.nodes if node.op == "call_function"}
    names = {str(target).removeprefix("aten.") for target in called if isinstance(target, torch._ops.OpOverload)}
    assert names <= CONVERTED
    assert not any(value.dtype == torch.uint8 for value in _values(program))


@pytest.mark.parametrize("sizes", [FrameSizes.only(16, 24), RANGE], ids=str)
def test_a_nano_network_is_of_operators_that_are_converted_and_gives_its_picture(
    tmp_path: Path, picture: MakePicture, sizes: FrameSizes
) -> None:
    pack = random_pack(tmp_path / "nano.safetensors", architecture="nano")
    program = export_padded(pack, sizes, precision="f32", device=CPU)
    called = {node.target for node in program.graph.nodes if node.op == "call_function"}
    names = {str(target).removeprefix("aten.") for target in called if isinstance(target, torch._ops.OpOverload)}
    assert names <= CONVERTED
    frame, alpha = torch.tensor(picture(16, 24)), torch.tensor([0.2, -0.5, 1.0])
    found = program.module()(frame.float(), alpha)
    assert (found - FrameGraph(pack.network(), 16, 24)(frame, alpha).float()).abs().max() <= 1


@pytest.mark.parametrize(
    ("sizes", "masked"), [(FrameSizes.only(16, 24), False), (FrameSizes.only(16, 24), True), (RANGE, False)], ids=str
)
def test_a_palette_has_its_style_as_an_input_and_gives_its_picture(
    tmp_path: Path, picture: MakePicture, sizes: FrameSizes, masked: bool
) -> None:
    pack = random_pack(tmp_path / "hall.safetensors", kind="palette")
    program = export_padded(pack, sizes, precision="f32", device=CPU, masked=masked)
    called = {node.target for node in program.graph.nodes if node.op == "call_function"}
    names = {str(target).removeprefix("aten.") for target in called if isinstance(target, torch._ops.OpOverload)}
    assert names <= CONVERTED | OF_STYLES | (OF_MASKS if masked else set())
    first, second = map(torch.from_numpy, pack.style_vectors().values())
    frame, alpha = torch.tensor(picture(16, 24)), torch.tensor([0.2, -0.5, 1.0])
    given = [alpha, first]
    expected = FrameGraph(pack.network(), 16, 24, masked=masked)
    if masked:
        mask = torch.arange(16 * 24).view(16, 24) % 256
        found = program.module()(frame.float(), *given, alpha.flip(0), second, mask.float())
        given += [alpha.flip(0), second, mask.byte()]
    else:
        found = program.module()(frame.float(), *given)
    assert (found - expected(frame, *given).float()).abs().max() <= 1


def test_norms_and_colours_are_f32_in_the_exported_program_and_convolutions_fp16(pack: StylePack) -> None:
    program = export_padded(pack, FrameSizes.only(16, 24), precision="fp16", device=CPU)
    types_of: dict[str, set[torch.dtype]] = {"instance_norm": set(), "conv2d": set(), "round": set()}
    for node in program.graph.nodes:
        for name, seen in types_of.items():
            if node.op == "call_function" and str(node.target).startswith(f"aten.{name}."):
                seen.add(node.args[0].meta["val"].dtype)
    assert types_of == {"instance_norm": {torch.float32}, "conv2d": {torch.float16}, "round": {torch.float32}}


def test_a_program_for_a_range_gives_the_picture_at_every_size_of_it(pack: StylePack, picture: MakePicture) -> None:
    run = export_padded(pack, RANGE, precision="f32", device=CPU).module()
    alpha = torch.tensor([0.3, 1.0, -0.2])
    for size in ((8, 8), (8, 96), (64, 64), (40, 36)):
        frame = torch.tensor(picture(*size))
        expected = FrameGraph(pack.network(), *size)(frame, alpha)
        assert (run(frame.float(), alpha).int() - expected.int()).abs().max() <= 1, size


@pytest.mark.parametrize(
    ("smallest", "usual", "largest", "dynamic"),
    [
        ((64, 64), (64, 64), (64, 128), [False, True]),
        ((64, 64), (128, 64), (128, 64), [True, False]),
        ((61, 64), (64, 64), (64, 64), [False, False]),
    ],
)
def test_only_sides_that_vary_are_dynamic(
    pack: StylePack,
    smallest: tuple[int, int],
    usual: tuple[int, int],
    largest: tuple[int, int],
    dynamic: list[bool],
) -> None:
    sizes = FrameSizes(smallest=smallest, usual=usual, largest=largest)
    program = export_padded(pack, sizes, precision="f32", device=CPU)
    name = program.graph_signature.user_inputs[0]
    shape = next(node.meta["val"].shape for node in program.graph.nodes if node.name == name)
    assert [isinstance(side, torch.SymInt) for side in shape] == [*dynamic, False]


def test_sizes_must_grow() -> None:
    assert padded_sizes(FrameSizes(smallest=(1, 9), usual=(10, 9), largest=(11, 13))) == ((8, 12), (12, 12), (12, 16))
    with pytest.raises(EngineError, match="grow from smallest to usual to largest"):
        FrameSizes(smallest=(9, 9), usual=(8, 9), largest=(10, 10))


# What stands around it, with a stand-in for the library that keeps the exported program as it is.


class Input:
    def __init__(self, *, dtype: torch.dtype, name: str, **shapes: tuple[int, ...]) -> None:
        assert set(shapes) in ({"shape"}, {"min_shape", "opt_shape", "max_shape"})
        self.dtype, self.name, self.shapes = dtype, name, shapes


class Library(types.ModuleType):
    """As much of `torch_tensorrt` 2.13 as is used here, with its own names for what it takes."""

    Input = Input

    def __init__(self) -> None:
        super().__init__("torch_tensorrt")
        self.dynamo = types.SimpleNamespace(convert_exported_program_to_serialized_trt_engine=self.convert)
        self.compiled: list[dict[str, Any]] = []
        self.timings: list[Path] = []

    def convert(
        self, exported_program: Any, *, arg_inputs: list[Input], device: torch.device, require_full_compilation: bool,
        min_block_size: int, disable_tf32: bool, timing_cache_path: str, cache_built_engines: bool,
        reuse_cached_engines: bool,
    ) -> bytes:  # fmt: skip
        assert require_full_compilation and not cache_built_engines and not reuse_cached_engines
        self.timings.append(Path(timing_cache_path))
        self.timings[-1].write_bytes(b"timings")
        self.compiled.append({"inputs": arg_inputs, "device": device, "program": exported_program})
        return b"plan %d" % (len(self.compiled) - 1)


class Runtime(types.ModuleType):
    """As much of `tensorrt` as is used here. A plan is the number of a program, which is run on the CPU."""

    TensorIOMode = types.SimpleNamespace(INPUT="in", OUTPUT="out")

    def __init__(self, library: Library) -> None:
        super().__init__("tensorrt")
        self.library = library
        self.Logger = type("Logger", (), {"ERROR": 1, "__init__": lambda self, level: None})
        self.Runtime = lambda log: types.SimpleNamespace(deserialize_cuda_engine=self.load)

    def load(self, plan: bytes) -> Any:
        if not plan.startswith(b"plan "):
            return None
        return LoadedEngine(self.library.compiled[int(plan[5:])])


class LoadedEngine:
    def __init__(self, compiled: dict[str, Any]) -> None:
        self.inputs: list[Input] = compiled["inputs"]
        self.program = compiled["program"].module()
        self.num_io_tensors = len(self.inputs) + 1

    def get_tensor_name(self, place: int) -> str:
        return [*(entry.name for entry in self.inputs), "output0"][place]

    def get_tensor_mode(self, name: str) -> str:
        return "out" if name == "output0" else "in"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        (entry,) = (entry for entry in self.inputs if entry.name == name)
        return next(iter(entry.shapes.values()))

    def create_execution_context(self) -> LoadedEngine:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        return self

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        (entry,) = (entry for entry in self.inputs if entry.name == name)
        low = entry.shapes.get("shape") or entry.shapes["min_shape"]
        high = entry.shapes.get("shape") or entry.shapes["max_shape"]
        self.shapes[name] = shape
        return all(a <= side <= b for a, side, b in zip(low, shape, high, strict=True))

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == 7, "the engine's own stream"
        tensors = [_at(self.addresses[e.name], self.shapes[e.name], e.dtype) for e in self.inputs]
        picture = self.program(*tensors)
        _at(self.addresses["output0"], tuple(picture.shape), picture.dtype).copy_(picture)
        return True


def _at(address: int, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """The tensor of which a library has only the address."""
    size = math.prod(shape) * dtype.itemsize
    return torch.frombuffer((ctypes.c_uint8 * size).from_address(address), dtype=dtype).reshape(shape)


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


def _values(program: Any) -> list[torch.Tensor]:
    values = [node.meta.get("val") for node in program.graph.nodes]
    return [value for value in values if isinstance(value, torch.Tensor)]


# On a GPU.


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
