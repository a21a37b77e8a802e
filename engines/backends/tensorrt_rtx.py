"""`tensorrt-rtx`: a plan of TensorRT for RTX on a GeForce or RTX GPU (Turing to Blackwell).

The cache keeps the plan, which may have been built elsewhere (`tensorrt_rtx_build.py`). Loading it compiles
kernels for this GPU, which the library's own runtime cache keeps beside it for the next time. The library captures and
replays a CUDA graph by itself.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from stylefader.engines.backends.gpu import Gpu
from stylefader.engines.backends.gpu_engine import GpuEngine, half_or_f32, in_a_range
from stylefader.engines.backends.gpu_slots import StaticBuffers
from stylefader.engines.backends.tensorrt_rtx_build import (
    build_plan,
    error_log,
    known_capabilities,
    load_library,
    plan_key,
)
from stylefader.engines.base import Goal, Precision, Report, quiet
from stylefader.engines.cache.folder import read_file
from stylefader.engines.cache.key import version_of
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.sizes import FrameSizes
from stylefader.training.errors import EngineError
from stylefader.training.files import written_whole
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile

log = logging.getLogger(__name__)
_LARGEST_KERNELS = 1 << 30


class TensorRtRtxEngine(GpuEngine):
    """An engine for one size; see `GpuEngine` for buffers and streams.

    Where the cache has no plan for this size and the GPU's compute capability, but one for a range around the size,
    that one is taken.
    plan: from `build_plan`, for this size or a range around it and for this GPU, instead of the cache's. Frames outside
    of its sizes are refused. The engine trusts that the plan is the pack's own.
    runtime_cache: a file that keeps compiled kernels between runs, where not the cache does; one that does not fit is
    replaced.
    """

    name = "tensorrt-rtx"

    def __init__(
        self,
        pack: StylePack | PackFile,
        height: int,
        width: int,
        *,
        precision: Precision = "auto",
        goal: Goal = "latency",
        cache: EngineCache | None = None,
        report: Report = quiet,
        masked: bool = False,
        plan: bytes | None = None,
        runtime_cache: Path | None = None,
    ) -> None:
        super().__init__(pack, height, width, precision=precision, masked=masked)
        chosen = half_or_f32(self.name, precision)
        trt = load_library()
        _check(self._gpu)
        self._log = error_log(trt)
        runtime = trt.Runtime(self._log)
        capability = self._gpu.capability
        sizes = FrameSizes.only(height, width)

        def build() -> bytes:
            return build_plan(pack, sizes, capabilities=[capability], precision=chosen, masked=masked)

        def load(plan: bytes) -> Any:
            engine = runtime.deserialize_cuda_engine(plan)
            if engine is None:
                raise EngineError(
                    f"the plan does not load on {self.device} (compute capability {capability}): {self._log.said()}; "
                    f"build it for this capability with TensorRT for RTX {trt.__version__}"
                )
            return engine

        with self._errors():
            if plan is not None or cache is None:
                engine = load(build() if plan is None else plan)
            else:
                key = plan_key(pack, sizes, capability, chosen, masked=masked)
                engine, self.outcome = cache.open(
                    key, build=build, load=load, report=report, facts={"style": pack.header.name},
                    serves=in_a_range(key, height, width),
                )  # fmt: skip
                if self.outcome.kept and runtime_cache is None:
                    # Whether its driver fits is for the library to say, which takes newer ones as well.
                    place = (self.device, capability, str(sizes))
                    runtime_cache = cache.side_file("kernels", *place, entry=self.outcome.digest)
            if runtime_cache is None or not runtime_cache.is_file():
                report("compiling kernels for this GPU")
            self._execution = Execution(trt, self._log, runtime, engine, runtime_cache)
            self._execution.bind(self._gpu, self._static)
        self._replay = self._execution

    def warm_up(self) -> None:
        """Run every slot once, and keep the kernels that were compiled for it."""
        super().warm_up()
        self._execution.keep_kernels()


class Execution:
    """A loaded plan bound to an engine's fixed buffers: recorded work, whose graph the library captures by itself."""

    def __init__(self, trt: Any, log: Any, runtime: Any, engine: Any, kernels: Path | None) -> None:
        self._log, self._runtime, self._engine = log, runtime, engine
        self._kernels_file = kernels
        self._kept = b""
        config = engine.create_runtime_config()
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        # One size an engine: compile its kernels when it is warmed up, not on the side while frames go by.
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        self._kernels = config.create_runtime_cache()
        self._read_kernels()
        config.set_runtime_cache(self._kernels)
        self._context = engine.create_execution_context(config)
        if self._context is None:
            raise EngineError(f"engine tensorrt-rtx cannot start: {log.said()}", failure=True)

    def bind(self, gpu: Gpu, static: StaticBuffers) -> None:
        """Give the context its buffers, and with them its size. Raises EngineError where the plan is not for it."""
        self._stream = gpu.compute.handle
        height, width, _ = static.picture.shape
        for name, tensor in (*static.inputs.items(), ("picture", static.picture)):
            # A fixed plan takes its own shape as well, and refuses every other.
            fits = name == "picture" or self._context.set_input_shape(name, tuple(tensor.shape))
            if not fits or not self._context.set_tensor_address(name, tensor.data_ptr()):
                raise EngineError(
                    f"the plan does not take {name} {tuple(tensor.shape)} at {width}x{height}: {self._log.said()}"
                )

    def replay(self) -> None:
        """Enqueue the plan on the compute stream. Raises EngineError where TensorRT refuses."""
        if not self._context.execute_async_v3(self._stream):
            raise EngineError(f"engine tensorrt-rtx failed: {self._log.said()}", failure=True)

    def reset(self) -> None:
        """Keep the compiled kernels, then free the context and the plan."""
        self.keep_kernels()
        # In this order: each needs the next one.
        del self._context, self._kernels, self._engine, self._runtime

    def keep_kernels(self) -> None:
        """Write the runtime cache if it has grown; an error is only logged."""
        if self._kernels_file is None:
            return
        serialized = self._kernels.serialize()
        if serialized is None or bytes(serialized) == self._kept:
            return
        self._kept = bytes(serialized)
        try:
            with written_whole(self._kernels_file) as file:
                file.write(self._kept)
        except OSError as error:
            log.warning("the runtime cache %s is not kept: %s", self._kernels_file, error)

    def _read_kernels(self) -> None:
        if self._kernels_file is None:
            return
        try:
            self._kept = read_file(self._kernels_file, largest=_LARGEST_KERNELS)
        except OSError:
            return  # not there yet
        if not self._kernels.deserialize(self._kept):
            log.warning("the runtime cache %s is of another GPU, driver or version: made anew", self._kernels_file)


def _check(gpu: Gpu) -> None:
    """Raises EngineError if the library does not support this GPU or its driver."""
    known = known_capabilities()
    if gpu.capability not in known:
        raise EngineError(
            f"engine tensorrt-rtx cannot run on {gpu.name}: its compute capability {gpu.capability} is none of "
            f"{', '.join(known)}"
        )
    if version_of("tensorrt-rtx-cu13-bindings") != "none" and gpu.driver_cuda < 13000:
        raise EngineError(
            f"engine tensorrt-rtx cannot run: the driver {gpu.driver} is too old, it is for CUDA "
            f"{gpu.driver_cuda // 1000}.{gpu.driver_cuda % 1000 // 10} and this TensorRT for RTX needs 13.0: update it"
        )
