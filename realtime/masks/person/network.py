"""A segmentation network from a file: one picture in, one mask out, whatever its layout, size and range.

OpenVINO reads ONNX and TensorFlow Lite files. What the file declares decides how a frame is brought to it: layout and
size by the shape of its input, the range by ONNX's `Image.NominalPixelRange` and `Image.BitmapPixelFormat` or by
TensorFlow Lite's metadata. A file that says nothing gets RGB of 0 to 1. The mask is brought to 0 to 1 in the graph.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from stylefader.realtime.masks.person.custom_operations import add_translators
from stylefader.realtime.masks.person.mask_output import with_mask_output
from stylefader.realtime.masks.person.tflite_file import TfliteFacts, tflite_facts
from stylefader.training.errors import MaskError
from stylefader.training.files import open_regular

if TYPE_CHECKING:
    import openvino as ov

LARGEST = 512 << 20
"""The largest file of a network that is read, in bytes."""
ENDINGS = (".onnx", ".tflite")
_SHORT_SIDE, _STEP = 256, 32
"""The size that a network without one of its own gets, and what its sides are multiples of."""
_RANGE_WORD, _FORMAT_WORD = "Image.NominalPixelRange", "Image.BitmapPixelFormat"
_RANGES = {
    "NominalRange_0_255": (0.0, 1.0),
    "Normalized_0_1": (0.0, 255.0),
    "Normalized_1_1": (127.5, 127.5),
    "NominalRange_16_235": (-16 * 255 / 219, 255 / 219),
}
"""ONNX's words for the range of a picture: what is taken from bytes, and what they are then divided by."""
_log = logging.getLogger(__name__)


class _Input(NamedTuple):
    layout: str
    height: int
    width: int


class SegmentationNetwork:
    """A network, compiled for the processor. `height` and `width` are those of its picture; one thread at a time."""

    def __init__(self, model: ov.Model, height: int, width: int) -> None:
        import openvino as ov

        self.height, self.width = height, width
        compiled = ov.Core().compile_model(
            model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        )
        self._request = compiled.create_infer_request()
        self._picture = np.zeros((1, height, width, 3), np.uint8)
        self._request.set_input_tensor(ov.Tensor(self._picture, shared_memory=True))

    @property
    def picture(self) -> npt.NDArray[np.uint8]:
        """Where the next picture is put: uint8 (height, width, 3) RGB."""
        return self._picture[0]

    def __call__(self) -> npt.NDArray[np.float32]:
        """The mask of `picture`: float32 (h, w) of 0 to 1, of the network's own size; valid until the next call."""
        self._request.infer()
        return np.asarray(self._request.get_output_tensor(0).data)


def open_network(path: Path, height: int, width: int) -> SegmentationNetwork:
    """Read a network and compile it.

    Args:
        path: An .onnx or .tflite file.
        height: Of the frames, for a network that takes any size.
        width: Likewise.

    Returns:
        The network.

    Raises:
        MaskError: The file is not there, is no network, or has another number of pictures in or masks out.
    """
    try:
        model, facts = _read(path)
        _check_one_each(model)
        picture = _fix_input(model, height, width)
        words = _onnx_words(model)
        model = _with_bytes_in(with_mask_output(model, picture.layout), picture.layout, facts, words)
        return SegmentationNetwork(model, picture.height, picture.width)
    except MaskError as error:
        raise MaskError(f"the segmenter {path}: {error}") from error
    except OSError as error:
        raise MaskError(f"the segmenter {path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # OpenVINO's are of many kinds, over many lines
        _log.debug("reading %s", path, exc_info=error)
        raise MaskError(f"the segmenter {path} cannot be used: {_reason(error)}") from error


def _read(path: Path) -> tuple[ov.Model, TfliteFacts]:
    from openvino.frontend import FrontEndManager

    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise MaskError(f"it is no {' or '.join(ENDINGS)} file")
    with open_regular(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise MaskError(f"it is larger than the {LARGEST >> 20} MiB that are read")
    facts = tflite_facts(data) if ending == ".tflite" else TfliteFacts(custom=())
    reader = FrontEndManager().load_by_framework(ending[1:])
    add_translators(reader, facts.custom)
    return reader.convert(reader.load(str(path))), facts


def _check_one_each(model: ov.Model) -> None:
    for what, found in (("picture", model.inputs), ("mask", model.outputs)):
        if len(found) != 1:
            way = "takes" if what == "picture" else "gives"
            raise MaskError(f"it {way} {len(found)} {what}s; a network with one picture in and one mask out is needed")


def _fix_input(model: ov.Model, height: int, width: int) -> _Input:
    """Say which size the input has, where the file leaves it open."""
    shape = model.inputs[0].get_partial_shape()
    sides = [None if side.is_dynamic else side.get_length() for side in shape] if shape.rank.is_static else []
    layout = {1: "NCHW", 3: "NHWC"}.get(sides.index(3) if len(sides) == 4 and 3 in sides else 0, "")
    if not layout or sides[0] not in (1, None):
        raise MaskError(f"its picture is {shape}; RGB of three channels is needed, NCHW or NHWC, one at a time")
    at = layout.index("H")
    scale = _SHORT_SIDE / min(height, width)
    own = [max(_STEP, round(side * scale / _STEP) * _STEP) for side in (height, width)]
    high, wide = (side or other for side, other in zip(sides[at : at + 2], own, strict=True))
    model.reshape([1, 3, high, wide] if layout == "NCHW" else [1, high, wide, 3])
    return _Input(layout, high, wide)


def _with_bytes_in(model: ov.Model, layout: str, facts: TfliteFacts, declared: dict[str, str]) -> ov.Model:
    """The same network, which takes uint8 (1, H, W, 3) RGB."""
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    kind = model.inputs[0].get_element_type()
    if kind not in (ov.Type.f32, ov.Type.f16, ov.Type.u8):
        raise MaskError(f"its picture is of {kind.get_type_name()}; f32, f16 or u8 is needed")
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout(layout))
    if kind != ov.Type.u8:
        mean, deviation = _range(facts, declared.get(_RANGE_WORD))
        steps.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(deviation)
    if declared.get(_FORMAT_WORD) == "Bgr8":
        steps.input().preprocess().reverse_channels()
    return steps.build()


def _range(facts: TfliteFacts, word: str | None) -> tuple[list[float], list[float]]:
    """What is taken from each channel of bytes, and what it is then divided by."""
    if word is not None:
        if word not in _RANGES:
            raise MaskError(f"its {_RANGE_WORD} is {word!r:.80}; there are {', '.join(_RANGES)}")
        mean, deviation = _RANGES[word]
        return [mean] * 3, [deviation] * 3
    if facts.mean and facts.deviation:
        both = [list(values) * 3 if len(values) == 1 else list(values) for values in (facts.mean, facts.deviation)]
        if any(len(values) != 3 for values in both) or not np.isfinite(both).all() or min(map(abs, both[1])) == 0:
            raise MaskError("its metadata has a mean or a deviation that fits no picture")
        return both[0], both[1]
    return [0.0] * 3, [255.0] * 3


def _onnx_words(model: ov.Model) -> dict[str, str]:
    """The metadata of an ONNX file, where OpenVINO keeps it."""
    there = (name for name in (_RANGE_WORD, _FORMAT_WORD) if model.has_rt_info(["framework", name]))
    return {name: str(model.get_rt_info(["framework", name]).astype(str)) for name in there}


def _reason(error: Exception) -> str:
    """The last line of OpenVINO's words, which says it; the others say where in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
