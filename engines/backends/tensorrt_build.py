"""Engines of TensorRT, built by Torch-TensorRT for the GPU of this machine: what goes into the compiler and comes out.

The engine takes and gives colours as numbers 0..255 in the network's own type, at padded size: Torch-TensorRT has
no conversion to uint8 (https://github.com/pytorch/TensorRT/issues/3247, 2.13), and padding that depends on a dynamic
size would be left to PyTorch. Both are copies on the device around it: see `engines.backends.tensorrt_engine`.
"""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylefader.engines.backends.gpu import Gpu
from stylefader.engines.backends.gpu_engine import gpu_key, half_or_f32, words_of
from stylefader.engines.backends.gpu_slots import TYPES
from stylefader.engines.base import Outcome, Precision, Report
from stylefader.engines.cache.key import EngineKey, version_of
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.families import graph_inputs, graphs_of
from stylefader.engines.graph.frame_graph import PADDED_TYPES
from stylefader.engines.graph.rewrite import Rewrites
from stylefader.engines.graph.sizes import FrameSizes, padded
from stylefader.engines.registry import INSTALL_TENSORRT
from stylefader.training.errors import EngineError, first_line
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile

TENSORRT_REWRITES = Rewrites(up="wide", output_stride=2)
"""Chosen by reasoning, not by measurement: no GPU was there."""


def load_library() -> Any:
    """Torch-TensorRT. Raises EngineError with the command that installs it, or with what it says itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch_tensorrt
    except ImportError as error:
        raise EngineError(f"engine tensorrt is not installed ({error}): {INSTALL_TENSORRT}") from error
    except Exception as error:  # without a driver, or with libraries that do not match, it raises anything
        raise EngineError(
            f"engine tensorrt cannot be loaded ({first_line(error)}); installed anew by: {INSTALL_TENSORRT}"
        ) from error
    return torch_tensorrt


def export_padded(
    pack: StylePack | PackFile, sizes: FrameSizes, *, precision: str, device: torch.device, masked: bool = False
) -> Any:
    """The graph that TensorRT compiles, as an exported program on `device`; sides that vary are dynamic."""
    family = graphs_of(pack.header)
    graph = family.padded_graph(pack, precision, TENSORRT_REWRITES, masked=masked).requires_grad_(False).to(device)
    low, usual, high = padded_sizes(sizes)
    names = ("height", "width")
    dims = {
        side: torch.export.Dim(names[side], min=low[side], max=high[side]) for side in (0, 1) if low[side] != high[side]
    }
    # Two sides that are equal could be taken for one: an export of a range sees none such.
    example = list(usual)
    if dims and usual[0] == usual[1]:
        side = next(iter(dims))
        example[side] += 4 if usual[side] < high[side] else -4
    specs = graph_inputs(pack.header, masked=masked)
    values = [
        torch.zeros(spec.sides(example[0], example[1]), dtype=input_type(spec, precision), device=device)
        for spec in specs
    ]
    dynamic = tuple((dims or None) if spec.sized else None for spec in specs)
    return torch.export.export(graph, tuple(values), dynamic_shapes=dynamic)


def input_type(spec: InputSpec, precision: str) -> torch.dtype:
    """The type that the compiled engine takes of an input: images and masks are numbers of the network's own type."""
    return PADDED_TYPES[precision] if spec.kind in ("image", "mask") else TYPES[spec.dtype]


def padded_sizes(sizes: FrameSizes) -> tuple[tuple[int, int], ...]:
    """Smallest, usual and largest as the network sees them."""
    return tuple((padded(h), padded(w)) for h, w in (sizes.smallest, sizes.usual, sizes.largest))


def build_engine(
    pack: StylePack | PackFile,
    sizes: FrameSizes,
    *,
    gpu: Gpu | None = None,
    precision: str = "fp16",
    timing_cache: Path | None = None,
    masked: bool = False,
) -> bytes:
    """Compile a pack for this GPU, as a plan of TensorRT that `Plan` loads without a build.

    sizes: one size, or a range that one engine serves. precision: `fp16` or `f32`; types are explicit in the
    exported program, so norms keep their statistics in f32.
    gpu: the one to build on; the current one where it is None.
    timing_cache: a file of TensorRT's measurements, read where it is there and written afterwards.
    Raises EngineError: no GPU, not installed (with the command), or a build that fails. Takes minutes.
    """
    gpu = gpu or Gpu.find("tensorrt")
    library = load_library()
    inputs = [_library_input(library, spec, sizes, precision) for spec in graph_inputs(pack.header, masked=masked)]
    with tempfile.TemporaryDirectory(prefix="stylefader-") as folder:
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                program = export_padded(pack, sizes, precision=precision, device=gpu.device, masked=masked)
                # The plan alone: `torch_tensorrt.save` writes a program around it whose loading unpickles.
                return bytes(
                    library.dynamo.convert_exported_program_to_serialized_trt_engine(
                        program,
                        arg_inputs=inputs,
                        device=gpu.device,
                        require_full_compilation=True,
                        min_block_size=1,
                        disable_tf32=True,
                        # Its own cache of engines takes no notice of the weights.
                        cache_built_engines=False,
                        reuse_cached_engines=False,
                        timing_cache_path=str((timing_cache or Path(folder) / "timing.bin").absolute()),
                    )
                )
        except Exception as error:  # each step of the compiler has errors of its own
            height, width = sizes.usual
            why = f"{type(error).__name__} {first_line(error)}"
            raise EngineError(f"engine tensorrt cannot be built for {width}x{height}: {why}", failure=True) from error


def _library_input(library: Any, spec: InputSpec, sizes: FrameSizes, precision: str) -> Any:
    """One input as Torch-TensorRT has it described."""
    low, usual, high = (spec.sides(*size) for size in padded_sizes(sizes))
    shapes = {"shape": usual} if low == high else {"min_shape": low, "opt_shape": usual, "max_shape": high}
    return library.Input(**shapes, dtype=input_type(spec, precision), name=spec.name)


class Plan:
    """A plan of TensorRT, loaded by its own runtime, which runs on fixed tensors."""

    def __init__(self, built: bytes) -> None:
        """Raises EngineError where it does not load here."""
        trt = load_runtime()
        self._log = trt.Logger(trt.Logger.ERROR)
        self._runtime = trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(built)
        if self._engine is None:
            raise EngineError(
                "the built engine does not load: it is of another GPU, driver or version of TensorRT, or damaged",
                failure=True,
            )
        names = [self._engine.get_tensor_name(place) for place in range(self._engine.num_io_tensors)]
        # In the order of the exported program's, whatever the compiler calls them.
        self._inputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        (self._output,) = [name for name in names if name not in self._inputs]
        self._context = self._engine.create_execution_context()

    def bind(self, inputs: Sequence[Tensor], picture: Tensor) -> None:
        """Give it the tensors that it reads and writes from now on, inputs in their declared order.

        Raises EngineError where it is for other inputs or sizes.
        """
        if len(inputs) != len(self._inputs):
            raise EngineError(f"the built engine has {len(self._inputs)} inputs, not {len(inputs)}")
        for name, tensor in zip(self._inputs, inputs, strict=True):
            if not self._context.set_input_shape(name, tuple(tensor.shape)):
                height, width = picture.shape[:2]
                raise EngineError(f"the built engine does not take {width}x{height}")
            self._context.set_tensor_address(name, tensor.data_ptr())
        self._context.set_tensor_address(self._output, picture.data_ptr())

    def run(self, stream: int) -> None:
        """Enqueue it on a stream. Raises EngineError."""
        if not self._context.execute_async_v3(stream):
            raise EngineError("engine tensorrt failed", failure=True)


def load_runtime() -> Any:
    """TensorRT's own bindings. Raises EngineError with the command that installs them."""
    try:
        return importlib.import_module("tensorrt")
    except (ImportError, OSError) as error:
        raise EngineError(f"engine tensorrt is not installed ({error}): {INSTALL_TENSORRT}") from error


def build_ahead(
    pack: StylePack | PackFile, sizes: FrameSizes, *, precision: Precision, cache: EngineCache, report: Report
) -> Outcome:
    """Build an engine for this GPU into the cache, where it is found for each of the sizes. Raises EngineError."""
    gpu = Gpu.find("tensorrt")
    chosen = half_or_f32("tensorrt", precision)
    load_library()
    _, outcome = cache.open(
        engine_key(gpu, pack, sizes, chosen),
        build=lambda: build_engine(pack, sizes, gpu=gpu, precision=chosen, timing_cache=timing_file(cache, gpu)),
        load=Plan, report=report, facts={"style": pack.header.name},
    )  # fmt: skip
    return outcome


def engine_key(
    gpu: Gpu, pack: StylePack | PackFile, sizes: FrameSizes, precision: str, *, masked: bool = False
) -> EngineKey:
    """Key of a TensorRT engine in the engine cache: all that the built engine depends on."""
    return gpu_key(
        gpu, "tensorrt", pack, size=str(sizes), precision=precision, rewrites=words_of(TENSORRT_REWRITES),
        weights=pack.weights_hash(), libraries=_libraries(), masked=masked,
    )  # fmt: skip


def timing_file(cache: EngineCache, gpu: Gpu) -> Path | None:
    """Where the measurements of TensorRT's builder are kept, one file for all builds on this GPU."""
    libraries = (f"{name} {version}" for name, version in _libraries().items())
    return cache.side_file("timings of tensorrt", gpu.name, gpu.capability, gpu.driver, *libraries)


def _libraries() -> dict[str, str]:
    return {
        "torch": torch.__version__,
        "torch-tensorrt": version_of("torch-tensorrt"),
        "tensorrt": version_of("tensorrt"),
        "cuda": torch.version.cuda or "none",
    }
