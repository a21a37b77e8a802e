"""A pack's whole frame path as ONNX, for compilers that read it (TensorRT for RTX, ONNX Runtime).

Its inputs are those that the pack declares, and what a mask takes, by name, type and shape; the output is `picture`,
uint8 (height, width, 3).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from stylefader.engines.example_inputs import example_inputs
from stylefader.engines.graph.families import graph_inputs, graphs_of
from stylefader.engines.graph.rewrite import Rewrites
from stylefader.engines.graph.sizes import FrameSizes
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile

OPSET = 18
INSTALL_ONNX = "pip install onnx onnxscript"
OnnxPrecision = Literal["fp16", "f32"]


def export_onnx(
    pack: StylePack | PackFile,
    sizes: FrameSizes,
    *,
    precision: OnnxPrecision = "f32",
    rewrites: Rewrites | None = None,
    masked: bool = False,
) -> bytes:
    """The pack's whole graph as a serialized ONNX model.

    sizes: one fixed size is compiled in; a range leaves height and width dynamic, with padding up to multiples
    of 4 and cropping back computed from the frame's own size.
    masked: with the inputs `alpha_outside` and `mask` after the others.
    precision: of the network; `fp16` keeps the statistics of its norms, the colours and the rounding in f32.
    Raises EngineError: onnx or onnxscript is not installed (with the command), or the export fails.
    """
    height, width = sizes.usual if sizes.fixed else (None, None)
    half, specs = precision == "fp16", graph_inputs(pack.header, masked=masked)
    graph = graphs_of(pack.header).frame_graph(pack, height, width, rewrites=rewrites, half=half, masked=masked)
    # Sides of 1 and 2, and two that are equal, could be taken for constants: a dynamic export sees neither.
    shape = sizes.usual if sizes.fixed else (37, 51)
    values = example_inputs(specs, *shape)
    dynamic: tuple[Any, ...] | None = None
    if not sizes.fixed:
        sides = {0: torch.export.Dim("height", min=1, max=1 << 16), 1: torch.export.Dim("width", min=1, max=1 << 16)}
        dynamic = tuple(sides if spec.sized else None for spec in specs)
    try:
        with _quiet():
            program = torch.onnx.export(
                graph,
                tuple(torch.from_numpy(values[spec.name]) for spec in specs),
                dynamo=True,
                opset_version=OPSET,
                input_names=[spec.name for spec in specs],
                output_names=["picture"],
                dynamic_shapes=dynamic,
                verbose=False,
            )
    except ImportError as error:
        raise EngineError(f"an export to ONNX needs onnx and onnxscript ({error}): {INSTALL_ONNX}") from error
    except torch.onnx.errors.OnnxExporterError as error:
        raise EngineError(f"cannot export {pack.header.name} to ONNX: {error}", failure=True) from error
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """No words about torchvision's operators or PyTorch's own deprecations; failures are raised all the same."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
