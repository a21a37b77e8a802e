"""`tensorrt-rtx`: a plan of TensorRT for RTX on a GeForce or RTX GPU (Turing to Blackwell).

The plan may have been built elsewhere (`engines.tensorrt_rtx_build`); loading it compiles kernels for this GPU,
which the runtime cache keeps for the next time. The library captures and replays a CUDA graph by itself.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from engines.base import Engine, Picture, Precision
from engines.sizes import FrameSizes
from engines.tensorrt_rtx_build import build_plan, error_log, known_capabilities, load_library
from training.errors import EngineError
from training.files import written_whole
from training.pack import StylePack

log = logging.getLogger(__name__)


class TensorRtRtxEngine(Engine):
    """The buffer that `stylize` returns is pinned host memory of the engine. All work is on one stream of its own.

    plan: from `build_plan`, for this size or a range around it and for this GPU; without one it is built here.
    Frames outside of a plan's sizes are refused. The engine trusts that the plan is the pack's own.
    runtime_cache: a file that keeps compiled kernels between runs; one that does not fit is replaced.
    """

    name = "tensorrt-rtx"

    def __init__(
        self,
        pack: StylePack,
        height: int,
        width: int,
        *,
        precision: Precision = "auto",
        plan: bytes | None = None,
        runtime_cache: Path | None = None,
    ) -> None:
        super().__init__(height=height, width=width, n_blocks=pack.n_blocks)
        if precision not in ("auto", "fp16", "f32"):
            raise EngineError(f"engine tensorrt-rtx computes in fp16 or f32, not {precision}")
        self.precision = "f32" if precision == "f32" else "fp16"
        capability = _capability_here()
        trt = load_library()
        self.device = torch.cuda.get_device_name()
        if plan is None:
            sizes = FrameSizes.only(height, width)
            plan = build_plan(pack, sizes, capabilities=[capability], precision="f32" if precision == "f32" else "fp16")

        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # this also makes the context that the library needs
        with torch.cuda.stream(self._stream):
            self._device = {"frame": torch.empty((height, width, 3), dtype=torch.uint8, device="cuda")}
            if self.n_blocks:
                self._device["alpha"] = torch.empty(self.n_blocks, device="cuda")
            self._device["picture"] = torch.empty_like(self._device["frame"])
        self._host = {name: torch.empty(t.shape, dtype=t.dtype, pin_memory=True) for name, t in self._device.items()}
        self._host_arrays = {name: tensor.numpy() for name, tensor in self._host.items()}

        self._log = error_log(trt)
        self._runtime = trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise EngineError(
                f"the plan does not load on {self.device} (compute capability {capability}): {self._log.said()}; "
                f"build it for this capability with TensorRT for RTX {trt.__version__}"
            )
        self._cache_file = runtime_cache
        self._context = self._make_context(trt)
        self._bind()

    def _make_context(self, trt: Any) -> Any:
        config = self._engine.create_runtime_config()
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        # One size an engine: compile its kernels when it is warmed up, not on the side while frames go by.
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        self._cache = config.create_runtime_cache()
        self._kept = b""
        if self._cache_file is not None and self._cache_file.is_file():
            self._kept = self._cache_file.read_bytes()
            if not self._cache.deserialize(self._kept):
                log.warning("the runtime cache %s is of another GPU, driver or version: made anew", self._cache_file)
        config.set_runtime_cache(self._cache)
        context = self._engine.create_execution_context(config)
        if context is None:
            raise EngineError(
                f"engine tensorrt-rtx cannot start at {self.width}x{self.height} on {self.device}: {self._log.said()}",
                failure=True,
            )
        return context

    def _bind(self) -> None:
        """Give the context the engine's fixed buffers and this size."""
        for name, tensor in self._device.items():
            # A fixed plan takes its own shape as well, and refuses every other.
            fits = name == "picture" or self._context.set_input_shape(name, tuple(tensor.shape))
            if not fits or not self._context.set_tensor_address(name, tensor.data_ptr()):
                raise EngineError(
                    f"the plan does not take {name} {tuple(tensor.shape)} at {self.width}x{self.height}: "
                    f"{self._log.said()}"
                )

    def _begin(self, slot: int, frame_HWC: Picture, alpha: npt.NDArray[np.float32]) -> None:
        np.copyto(self._host_arrays["frame"], frame_HWC)
        if self.n_blocks:
            np.copyto(self._host_arrays["alpha"], alpha)
        with torch.cuda.stream(self._stream):
            for name in self._host:
                if name != "picture":
                    self._device[name].copy_(self._host[name], non_blocking=True)
            if not self._context.execute_async_v3(self._stream.cuda_stream):
                raise EngineError(f"engine tensorrt-rtx failed: {self._log.said()}", failure=True)
            self._host["picture"].copy_(self._device["picture"], non_blocking=True)

    def _finish(self, slot: int) -> Picture:
        self._stream.synchronize()  # the picture is on the host from here on
        return self._host_arrays["picture"]

    def warm_up(self) -> None:
        super().warm_up()
        self._keep_cache()

    def _keep_cache(self) -> None:
        """Write the runtime cache where it has grown. A folder that cannot be written costs only the cache."""
        if self._cache_file is None:
            return
        cache = self._cache.serialize()
        if cache is None or bytes(cache) == self._kept:
            return
        grown = bytes(cache)
        try:
            with written_whole(self._cache_file) as file:
                file.write(grown)
        except OSError as error:
            log.warning("the runtime cache %s is not kept: %s", self._cache_file, error)
        self._kept = grown

    def _release(self) -> None:
        self._stream.synchronize()
        self._keep_cache()
        # In this order: each needs the next one.
        del self._context, self._cache, self._engine, self._runtime
        self._device.clear()


def _capability_here() -> str:
    """The compute capability of the current GPU. Raises EngineError that says why there is none to use."""
    if not torch.cuda.is_available():
        why = "this PyTorch is built without CUDA" if torch.version.cuda is None else "no NVIDIA GPU or driver is here"
        raise EngineError(f"engine tensorrt-rtx cannot run: {why}")
    major, minor = torch.cuda.get_device_capability()
    capability = f"{major}.{minor}"
    if capability not in known_capabilities():
        raise EngineError(
            f"engine tensorrt-rtx cannot run on {torch.cuda.get_device_name()}: its compute capability {capability} "
            f"is none of {', '.join(known_capabilities())}"
        )
    return capability
