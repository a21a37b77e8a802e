"""What the graph of an int8 form may be: only what our own quantiser writes, seen before OpenVINO reads a byte of it.

The form comes with a pack from anywhere. OpenVINO would run anything in it, even endless loops, so its XML is checked
first: known operations, the declared inputs in, one picture out, constants that are there.
"""

from __future__ import annotations

from math import prod
from typing import Any
from xml.etree import ElementTree

from stylefader.training.errors import EngineError
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack_header import PackHeader
from stylefader.training.packs.pack_tensors import expected_shapes

OPERATIONS = frozenset({
    "Add", "Clamp", "Concat", "Const", "Convert", "Convolution", "ConvolutionBackpropData", "DepthToSpace", "Divide",
    "FakeQuantize", "Gather", "MVN", "Multiply", "Pad", "Parameter", "ReLU", "Reshape", "Result", "Round", "ShapeOf",
    "Slice", "Squeeze", "Subtract", "Transpose", "Unsqueeze",
})  # fmt: skip
"""All that the network, its ends and NNCF's quantisation are made of; none of them holds a graph of its own."""
LARGEST_XML = 4 << 20
_MOST_LAYERS = 4000
_ELEMENT_BYTES = {"f32": 4, "f16": 2, "i64": 8, "i32": 4, "u8": 1, "i8": 1}
_TYPES = {"uint8": "u8", "int32": "i32", "float32": "f32"}
_BYTES_A_WEIGHT = 16
"""More than the up-convolutions' folding and f32 take."""


def largest_weights(header: PackHeader) -> int:
    """The most bytes of constants that a quantised graph of such a network can need."""
    return _BYTES_A_WEIGHT * sum(map(prod, expected_shapes(header).values())) + (1 << 20)


def check_graph(xml: bytes, weights: bytes, header: PackHeader) -> None:
    """Raise EngineError, with the first thing that does not fit, for a graph that our quantiser cannot have written."""
    if len(xml) > LARGEST_XML or len(weights) > largest_weights(header):
        raise EngineError(f"its graph has {len(xml)} and {len(weights)} bytes, more than this network can need")
    if b"\0" in xml:  # UTF-16 and UTF-32, in which what is looked for below has other bytes
        raise EngineError("its graph is not XML in UTF-8")
    if b"<!" in xml:
        raise EngineError("its graph declares entities of its own")
    try:
        layers = ElementTree.fromstring(xml).findall("./layers/layer")
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise EngineError(f"its graph is no XML ({error})") from error
    if not 1 <= len(layers) <= _MOST_LAYERS:
        raise EngineError(f"its graph has {len(layers)} operations")
    try:
        _check_layers(layers, len(weights), header)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EngineError(f"its graph is not as OpenVINO writes them ({type(error).__name__}: {error})") from error


def _check_layers(layers: list[ElementTree.Element], n_bytes: int, header: PackHeader) -> None:
    for layer in layers:
        if layer.get("type") not in OPERATIONS or not layer.get("version", "").startswith("opset"):
            kind = layer.get("type")
            raise EngineError(f"its graph has the operation {kind!r:.40}, which no quantised style network has")
    inputs: list[tuple[str, str]] = []
    results: list[str] = []
    for layer in layers:
        kind = layer.get("type")
        data: Any = layer.find("data")
        if kind == "Parameter":
            inputs.append((data.get("element_type"), data.get("shape").replace(" ", "")))
        elif kind == "Result":
            results += [port.get("precision", "") for port in layer.findall("./input/port")]
        elif kind == "Const":
            _check_constant(data, n_bytes)
    if len(inputs) != len(header.inputs) or not all(map(_is_input, inputs, header.inputs)):
        raise EngineError(f"its graph takes {_words(inputs)}, not {', '.join(spec.name for spec in header.inputs)}")
    if results != ["U8"]:
        raise EngineError(f"its graph gives {', '.join(results) or 'nothing'}, not one picture of bytes")


def _is_input(found: tuple[str, str], spec: InputSpec) -> bool:
    """Whether a parameter is of an input's type and shape; sides of the picture may be any."""
    sides = found[1].split(",")
    fits = [isinstance(wanted, str) or side == str(wanted) for side, wanted in zip(sides, spec.shape, strict=False)]
    return found[0] == _TYPES[spec.dtype] and len(sides) == len(spec.shape) and all(fits)


def _check_constant(data: Any, n_bytes: int) -> None:
    offset, size = int(data.get("offset")), int(data.get("size"))
    shape = [int(side) for side in data.get("shape").split(",") if side.strip()]
    element = data.get("element_type")
    if element not in _ELEMENT_BYTES or min([offset, size, *shape]) < 0:
        raise EngineError(f"its graph has a constant of {element!r:.20}")
    if offset + size > n_bytes or prod(shape) * _ELEMENT_BYTES[element] != size:
        raise EngineError("its graph has a constant that its weights do not hold")


def _words(inputs: list[tuple[str, str]]) -> str:
    return " and ".join(f"{element} ({shape})"[:40] for element, shape in inputs[:4]) or "nothing"
