"""Running an OpenVINO graph on one picture, once: the networks that look at a painting."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import openvino as ov

from stylefader.training.errors import EngineError, first_line


def seen_in(
    model: ov.Model, picture_HWC: npt.NDArray[np.uint8], failed: str, *, threads: int = 0
) -> npt.NDArray[np.float32]:
    """What a graph of one input and one output gives, computed on the processor in f32.

    Args:
        model: Made for pictures of this size.
        picture_HWC: uint8 (H, W, 3) RGB.
        failed: What to say where it fails, before OpenVINO's reason.
        threads: Of the processor, at most; 0 is all of them.

    Returns:
        A copy of the output, in its own shape.

    Raises:
        EngineError: OpenVINO failed.
    """
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    try:
        found = ov.Core().compile_model(model, "CPU", settings)(np.ascontiguousarray(picture_HWC))[0]
    except RuntimeError as error:
        raise EngineError(f"{failed}: {first_line(error)}", failure=True) from error
    return np.array(found, np.float32)
