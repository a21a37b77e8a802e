"""All engines by name: where each lives, and what it needs.

An engine is imported only when it is asked for: their libraries are heavy and some are optional.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """One line of the registry: where the engine's class lives, and how to get what it needs.

    gpu: needs an NVIDIA GPU; looked for before anything heavy is imported.
    needs: the modules that it imports and the distributions that they come from.
    soon: whether it is ready in seconds even the first time; others then compile for minutes.
    precisions: all that it knows; `int8` only for packs that have a quantised form.
    """

    module: str
    class_name: str
    install: str
    gpu: bool = False
    soon: bool = True
    needs: dict[str, str] = field(default_factory=dict)
    precisions: tuple[str, ...] = ("f32",)

    def missing(self) -> list[str]:
        """Modules that are not installed; imports none."""
        return [module for module in self.needs if importlib.util.find_spec(module) is None]


INSTALL_TENSORRT = "pip install 'stylefader[tensorrt]'"
INSTALL_RTX = "pip install tensorrt-rtx-cu13-libs tensorrt-rtx-cu13-bindings onnx onnxscript"
_TORCH = {"torch": "torch"}

REGISTRY = {
    "tensorrt": EngineEntry(
        module="stylefader.engines.backends.tensorrt_engine",
        class_name="TensorRtEngine",
        install=INSTALL_TENSORRT,
        gpu=True,
        soon=False,
        needs={**_TORCH, "torch_tensorrt": "torch-tensorrt"},
        precisions=("fp16", "f32"),
    ),
    "tensorrt-rtx": EngineEntry(
        module="stylefader.engines.backends.tensorrt_rtx",
        class_name="TensorRtRtxEngine",
        install=INSTALL_RTX,
        gpu=True,
        soon=False,
        needs={**_TORCH, "tensorrt_rtx": "tensorrt-rtx-cu13-bindings", "onnx": "onnx", "onnxscript": "onnxscript"},
        precisions=("fp16", "f32"),
    ),
    "cuda": EngineEntry(
        module="stylefader.engines.backends.cuda_engine",
        class_name="CudaEngine",
        install="pip install torch",
        gpu=True,
        needs=_TORCH,
        precisions=("fp16", "f32"),
    ),
    "openvino": EngineEntry(
        module="stylefader.engines.backends.openvino_engine",
        class_name="OpenVinoEngine",
        install="pip install openvino",
        needs={"openvino": "openvino"},
        precisions=("bf16", "f32", "int8"),
    ),
    "torch": EngineEntry(
        module="stylefader.engines.backends.torch_engine",
        class_name="TorchEngine",
        install="pip install torch",
        needs=_TORCH,
    ),
}
"""In the order in which `auto` tries them where nothing was measured: the fastest kind first, the reference last."""
REFERENCE = "torch"
