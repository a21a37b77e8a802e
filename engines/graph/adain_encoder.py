"""The style of a new picture for a pack of kind `adain`: one pass of its encoder, by OpenVINO, without torch.

The same numbers as `training.networks.adain.style_of`; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.errors import EngineError
from stylefader.training.networks.adain_layout import ADAIN, ENCODER, POOLED

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

USUAL_SIDE = 512
"""Pixels of a painting's shorter side, where its pack does not say at which its own were looked at."""
_SMALLEST = 8
_EPS = 1e-5
Node = Any  # openvino.Node and openvino.Output, which its operators take alike


def style_side(pack: StylePack | PackFile) -> int:
    """The shorter side, in pixels, at which the pack's own paintings were looked at: larger gives larger strokes."""
    facts = pack.header.training.get("decoder")
    side = facts.get("style_size") if isinstance(facts, dict) else None
    return side if isinstance(side, int) and side >= _SMALLEST else USUAL_SIDE


def style_of_picture(
    pack: StylePack | PackFile, picture_HWC: npt.NDArray[np.uint8], *, threads: int = 0
) -> npt.NDArray[np.float32]:
    """The style vector of a picture, float32 (512,).

    Args:
        pack: Of kind `adain`.
        picture_HWC: uint8 (H, W, 3) RGB, at the size at which it is to be looked at, as `style_side` has it.
        threads: Of the processor, at most; 0 is all of them. A session that plays meanwhile spares some.

    Raises:
        EngineError: The picture or the pack is of another kind, or OpenVINO failed.
        PackError: The pack's file cannot be used.
    """
    if pack.header.kind != ADAIN:
        raise EngineError(f"{pack.header.name} has no encoder: it is of kind {pack.header.kind}, not {ADAIN}")
    shape, dtype = picture_HWC.shape, picture_HWC.dtype
    if dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or min(shape[:2]) < _SMALLEST:
        raise EngineError(
            f"a picture to take a style from is uint8 (H, W, 3), its sides {_SMALLEST} or more, not {dtype} {shape}"
        )
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    model = _encoder(pack, shape[0], shape[1])
    try:
        found = ov.Core().compile_model(model, "CPU", settings)(np.ascontiguousarray(picture_HWC))[0]
    except RuntimeError as error:
        first_line = str(error).strip().partition("\n")[0]
        raise EngineError(f"the encoder of {pack.header.name} cannot look at it: {first_line}", failure=True) from error
    return np.array(found, np.float32)


def _encoder(pack: StylePack | PackFile, height: int, width: int) -> ov.Model:
    weights = {name: array.astype(np.float32) for name, array in pack.arrays().items() if name.startswith("encoder.")}
    picture = ops.parameter([height, width, 3], np.uint8, name="picture")
    x_NCHW: Node = ops.unsqueeze(ops.transpose(ops.convert(picture, np.float32), [2, 0, 1]), [0])
    x_NCHW = ops.divide(ops.subtract(x_NCHW, _colour(COLOUR_MEAN)), _colour(COLOUR_STD))
    for name, _, _ in ENCODER:
        if name in POOLED:
            x_NCHW = ops.max_pool(x_NCHW, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
        wide = ops.pad(x_NCHW, [0, 0, 1, 1], [0, 0, 1, 1], "reflect")
        weight = ops.constant(weights[f"encoder.{name}.weight"])
        features = ops.convolution(wide, weight, [1, 1], [0, 0], [0, 0], [1, 1])
        x_NCHW = ops.relu(ops.add(features, ops.constant(weights[f"encoder.{name}.bias"].reshape(1, -1, 1, 1))))
    mean = ops.reduce_mean(x_NCHW, [2, 3], True)
    off = ops.subtract(x_NCHW, mean)
    variance = ops.reduce_mean(ops.multiply(off, off), [2, 3], True)
    deviation = ops.sqrt(ops.add(variance, np.float32(_EPS)))
    vector = ops.reshape(ops.concat([mean, deviation], 1), [-1], special_zero=False)
    return ov.Model([ops.result(vector)], [picture], "encoder")


def _colour(values: tuple[float, float, float]) -> Node:
    return ops.constant((np.array(values, np.float32) * 255).reshape(1, 3, 1, 1))
