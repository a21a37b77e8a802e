"""The style of a new picture for a pack of kind `adain`: one pass of its encoder, by OpenVINO, without torch.

The same numbers as `training.networks.adain.style_of`; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.graph.one_picture import seen_in
from stylefader.engines.graph.openvino_parts import (
    colours_in,
    float_weights,
    mean_and_deviation,
    named_conv,
    picture_input,
)
from stylefader.training.errors import EngineError
from stylefader.training.networks.adain_layout import ADAIN, ENCODER, POOLED

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

_SMALLEST = 8
_EPS = 1e-5


def style_of_picture(
    pack: StylePack | PackFile, picture_HWC: npt.NDArray[np.uint8], *, threads: int = 0
) -> npt.NDArray[np.float32]:
    """The style vector of a picture, float32 (512,).

    Args:
        pack: Of kind `adain`.
        picture_HWC: uint8 (H, W, 3) RGB, at the size at which it is to be looked at: larger gives larger strokes. The
            shorter side of the pack's own paintings is in its header (`training`, `decoder`, `style_size`).
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
    model = _encoder(pack, shape[0], shape[1])
    return seen_in(model, picture_HWC, f"the encoder of {pack.header.name} cannot look at it", threads=threads)


def _encoder(pack: StylePack | PackFile, height: int, width: int) -> ov.Model:
    weights = float_weights(pack, "encoder.")
    picture = picture_input(height, width, "picture")
    x_NCHW = colours_in(picture)
    for name, _, _ in ENCODER:
        if name in POOLED:
            x_NCHW = ops.max_pool(x_NCHW, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
        x_NCHW = ops.relu(named_conv(x_NCHW, weights, name))
    vector = ops.reshape(mean_and_deviation(x_NCHW, _EPS), [-1], special_zero=False)
    return ov.Model([ops.result(vector)], [picture], "encoder")
