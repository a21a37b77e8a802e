"""`openvino`: the whole graph compiled by OpenVINO for the CPU. The default on machines without a GPU."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import openvino as ov
import torch

from engines.base import Engine, Picture, Precision
from engines.graph import FrameGraph
from engines.rewrite import Rewrites
from training.errors import EngineError
from training.pack import StylePack

OPENVINO_REWRITES = Rewrites(up="transposed", output_stride=2)
"""The fastest on a CPU with AVX-512, in bf16 and f32, at width 32 and 16: a fifth to a quarter less time than the
network as trained. Folding the colours gained no time there."""


class OpenVinoEngine(Engine):
    name = "openvino"

    def __init__(self, pack: StylePack, height: int, width: int, *, precision: Precision = "auto") -> None:
        super().__init__(height=height, width=width, n_blocks=pack.n_blocks)
        core = ov.Core()
        self.device = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
        has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "fp16":
            raise EngineError("engine openvino computes in bf16 or f32, not fp16")
        if precision == "bf16" and not has_bf16:
            raise EngineError(f"engine openvino: {self.device} has no bf16 arithmetic; use f32")
        self.precision = ("bf16" if has_bf16 else "f32") if precision == "auto" else precision
        try:
            compiled = core.compile_model(
                _convert(pack, height, width),
                "CPU",
                {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self.precision},
            )
        except RuntimeError as error:
            raise EngineError(f"engine openvino cannot compile at {width}x{height}: {error}", failure=True) from error
        self._request: ov.InferRequest | None = compiled.create_infer_request()

    def _run(self, frame_HWC: Picture, alpha: npt.NDArray[np.float32]) -> Picture:
        assert self._request is not None
        # Shared memory: the arrays outlive the call, which is synchronous.
        inputs = (frame_HWC, alpha)[: 1 + bool(self.n_blocks)]
        self._request.infer(dict(enumerate(inputs)), share_inputs=True, share_outputs=True)
        picture: Picture = self._request.get_output_tensor(0).data
        return picture

    def _release(self) -> None:
        self._request = None


def _convert(pack: StylePack, height: int, width: int) -> ov.Model:
    graph = FrameGraph(pack.network(), height, width, rewrites=OPENVINO_REWRITES).eval()
    frame, alpha = torch.zeros(height, width, 3, dtype=torch.uint8), torch.zeros(pack.n_blocks)
    with warnings.catch_warnings():
        # Tracing warns of Python numbers in shapes; sizes are fixed here on purpose.
        warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        model: ov.Model = ov.convert_model(graph, example_input=(frame, alpha))
    # A pack without blocks has no use for alpha: tracing then leaves the input out.
    inputs = {0: [height, width, 3], 1: [pack.n_blocks]}
    model.reshape({index: ov.PartialShape(inputs[index]) for index in range(len(model.inputs))})
    return model
