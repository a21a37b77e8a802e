"""Plans for TensorRT for RTX, built ahead of time on any machine: neither a GPU nor a driver is needed.

One plan serves every compute capability it was built for, and one frame size or a range of them. The network is
strongly typed, so it computes in the types of the ONNX that goes in; kernels are compiled where it is loaded.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from stylefader.engines.backends.gpu import why_no_gpu
from stylefader.engines.backends.gpu_engine import half_or_f32, words_of
from stylefader.engines.base import Outcome, Precision, Report
from stylefader.engines.cache.key import EngineKey
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.families import network_key
from stylefader.engines.graph.onnx_export import OnnxPrecision, export_onnx
from stylefader.engines.graph.rewrite import Rewrites
from stylefader.engines.graph.sizes import FrameSizes
from stylefader.engines.registry import INSTALL_RTX
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile

RTX_REWRITES = Rewrites(up="wide", output_stride=2)
"""Chosen by reasoning, not by measurement: no RTX GPU was there. All forms build."""


def load_library() -> Any:
    """The TensorRT for RTX bindings. Raises EngineError with the command that installs them."""
    try:
        return importlib.import_module("tensorrt_rtx_bindings")
    except (ImportError, OSError) as error:
        raise EngineError(f"engine tensorrt-rtx is not installed ({error}): {INSTALL_RTX}") from error


def known_capabilities() -> dict[str, Any]:
    """The compute capabilities that the library builds for, `8.9` and so on, with its own names for them."""
    members = load_library().ComputeCapability.__members__
    return {f"{name[2:-1]}.{name[-1]}": value for name, value in members.items() if name.startswith("SM")}


def capability_here() -> str | None:
    """The compute capability of the GPU that is here, None where there is none that the library builds for."""
    if why_no_gpu():
        return None
    capability = "{}.{}".format(*torch.cuda.get_device_capability())
    return capability if capability in known_capabilities() else None


def build_plan(
    pack: StylePack | PackFile,
    sizes: FrameSizes,
    *,
    capabilities: Sequence[str],
    precision: OnnxPrecision = "fp16",
    rewrites: Rewrites = RTX_REWRITES,
    masked: bool = False,
) -> bytes:
    """Build one plan for a style pack; its inputs are those that the pack declares.

    capabilities: what the plan shall run on, such as `("7.5", "8.9", "12.0")`.
    Raises EngineError: library missing (with the command), a capability it does not know, or a failed build.
    """
    model = export_onnx(pack, sizes, precision=precision, rewrites=rewrites, masked=masked)
    return compile_plan(model, sizes, capabilities=capabilities)


def build_ahead(
    pack: StylePack | PackFile,
    sizes: FrameSizes,
    *,
    capabilities: Sequence[str],
    precision: Precision,
    cache: EngineCache,
    report: Report,
) -> list[Outcome]:
    """Build a plan for each compute capability into the cache, where an engine of each of the sizes finds it.

    One plan for all would be one file, but those that take in Turing (7.5) are slower on what came after it:
    https://docs.nvidia.com/deeplearning/tensorrt-rtx/latest/getting-started/support-matrix-1/1.1.html
    Raises EngineError as `build_plan`, before anything is built where a capability is not known.
    """
    chosen = half_or_f32("tensorrt-rtx", precision)
    _targets(capabilities)

    @functools.cache
    def exported() -> bytes:
        report("exporting the network")
        return export_onnx(pack, sizes, precision=chosen, rewrites=RTX_REWRITES)

    return [
        cache.open(
            plan_key(pack, sizes, capability, chosen),
            build=lambda: compile_plan(exported(), sizes, capabilities=[capability]),  # noqa: B023  # called at once
            load=bytes, report=lambda words: report(f"{words} for compute capability {capability}"),  # noqa: B023
            facts={"style": pack.header.name},
        )[1]
        for capability in capabilities
    ]  # fmt: skip


def plan_key(
    pack: StylePack | PackFile, sizes: FrameSizes, capability: str, precision: OnnxPrecision, *, masked: bool = False
) -> EngineKey:
    """Cache key of a plan; it has nothing of the machine that builds it, so that another machine finds the plan.

    A plan is for a compute capability and for the version of the library that built it; GPU model, driver and operating
    system do not matter. PyTorch and ONNX only exported it, and their versions may differ between the two.
    """
    return EngineKey(
        engine="tensorrt-rtx", precision=precision, size=str(sizes), **network_key(pack.header, masked=masked),
        weights=pack.weights_hash(),
        rewrites=words_of(RTX_REWRITES), device="any", capability=capability, driver="any",
        libraries={"tensorrt-rtx": str(load_library().__version__)},
    )  # fmt: skip


def compile_plan(onnx_model: bytes, sizes: FrameSizes, *, capabilities: Sequence[str]) -> bytes:
    """Compile an exported model into a plan: `build_plan` without the export. Raises EngineError."""
    trt = load_library()
    targets = _targets(capabilities)
    parsed = parse_network(trt, onnx_model)
    builder, logger = parsed.builder, parsed.logger
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # f32 means f32; fp16 is in the network's own types
    config.num_compute_capabilities = len(targets)
    for index, target in enumerate(targets):
        if not config.set_compute_capability(target, index):
            raise EngineError(f"TensorRT for RTX refuses compute capability {capabilities[index]}: {logger.said()}")
    if not sizes.fixed:
        profile = builder.create_optimization_profile()
        for name, shapes in _dynamic_shapes(parsed.network, sizes).items():
            profile.set_shape(name, *shapes)
        if config.add_optimization_profile(profile) < 0:
            raise EngineError(f"TensorRT for RTX refuses the frame sizes {sizes}: {logger.said()}")
    plan = builder.build_serialized_network(parsed.network, config)
    if plan is None:
        raise EngineError(f"TensorRT for RTX cannot build the network: {logger.said()}", failure=True)
    return bytes(plan)


def _dynamic_shapes(network: Any, sizes: FrameSizes) -> dict[str, list[tuple[int, ...]]]:
    """Smallest, usual and largest shape of every input that has the size of the picture."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for place in range(network.num_inputs):
        entry = network.get_input(place)
        shape = tuple(entry.shape)
        if -1 in shape:
            found[entry.name] = [(*size, *shape[2:]) for size in (sizes.smallest, sizes.usual, sizes.largest)]
    return found


class ParsedNetwork(NamedTuple):
    """A network definition together with the library's objects that it needs alive."""

    network: Any
    builder: Any
    logger: Any


def parse_network(trt: Any, onnx_model: bytes) -> ParsedNetwork:
    """An exported model as a strongly typed network definition. Raises EngineError with the parser's words."""
    logger = error_log(trt)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx_model):
        reasons = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise EngineError(f"TensorRT for RTX cannot read the network: {'; '.join(reasons)}", failure=True)
    return ParsedNetwork(network, builder, logger)


def _targets(capabilities: Sequence[str]) -> list[Any]:
    known = known_capabilities()
    unknown = [capability for capability in capabilities if capability not in known]
    if unknown or not capabilities or len(set(capabilities)) < len(capabilities):
        raise EngineError(
            f"compute capabilities for TensorRT for RTX are one or more, each once, of {', '.join(known)}; "
            f"not {', '.join(capabilities) or 'none'}"
        )
    return [known[capability] for capability in capabilities]


def error_log(trt: Any) -> Any:
    """A logger for the library that prints nothing and keeps its errors: `said()` gives them as one line."""

    class ErrorLog(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)

        def said(self) -> str:
            return "; ".join(self.errors[-3:]) or "it gave no reason"

    return ErrorLog()
