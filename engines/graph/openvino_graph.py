"""A style pack's whole frame path as an OpenVINO model, written straight from the weights: no torch, no tracing.

The same function as `engines.graph.frame_graph.FrameGraph` with the rewrites `up=transposed, output_stride=2` of
`engines.graph.rewrite`, which has the proofs; tests hold the two together. Importing torch and tracing took two to four
seconds of a start, this takes a few hundredths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.graph.openvino_form import LAST_CONVOLUTION, OPENVINO_REWRITES
from stylefader.engines.graph.openvino_names import name_inputs
from stylefader.engines.graph.sizes import padded
from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.networks.architectures import Stage
from stylefader.training.networks.style_vector import style_slots
from stylefader.training.packs.added_inputs import STYLE
from stylefader.training.packs.families.dynamic_net import TUNING_CONVS, architecture_of
from stylefader.training.packs.families.palette import TUNING_PARTS
from stylefader.training.packs.pack_header import PackHeader

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

_STRIDE = OPENVINO_REWRITES["output_stride"]
_EPS = 1e-5  # of torch.nn.InstanceNorm2d
_FOLD = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)
"""The three taps of an up-convolution on the four of its transposed form: see `TransposedUpConv` in `rewrite.py`."""
Node = Any  # openvino.Node and openvino.Output, which its operators take alike


def convert(pack: StylePack | PackFile, height: int, width: int) -> ov.Model:
    """The model for frames of one size, whose parameters are the inputs that the pack declares. Raises PackError."""
    header = pack.header
    weights = {name: array.astype(np.float32) for name, array in pack.arrays().items()}
    frame = ops.parameter([height, width, 3], np.uint8, name="frame")
    alpha = ops.parameter([pack.n_blocks], np.float32, name="alpha") if pack.n_blocks else None
    sizes = [spec.shape for spec in header.inputs if spec.name == STYLE and header.styles]
    style = ops.parameter(list(sizes[0]), np.float32, name=STYLE) if sizes else None
    affine = Affine(weights) if style is None else StyledAffine(style, header)
    x_NCHW = _colours_in(frame, height, width)
    # Four dimensions a strength: with a bare scalar OpenVINO reorders the features around every block.
    strengths = None if alpha is None else ops.reshape(alpha, [-1, 1, 1, 1, 1], special_zero=False)
    for stage in architecture_of(header).stages:
        if stage.name in header.places:
            strength = ops.gather(strengths, np.int64(header.places.index(stage.name)), np.int64(0))
            x_NCHW = _tuned(x_NCHW, strength, weights, f"blocks.{stage.name}", header.kind, affine)
        x_NCHW = _stage(x_NCHW, stage, weights, affine)
    picture = _colours_out(x_NCHW, height, width)
    given = [node for node in (frame, alpha, style) if node is not None]
    model = ov.Model([ops.result(picture)], given, "stylefader")
    return name_inputs(model, header.inputs)


class Affine:
    """What scales and shifts features behind a norm: the network's own numbers."""

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self._weights = weights

    def __call__(self, x_NCHW: Node, name: str) -> Node:
        """The features, (1, C, H, W), scaled and shifted at the place of this name."""
        scaled = ops.multiply(x_NCHW, ops.constant(self._weights[f"{name}.weight"].reshape(1, -1, 1, 1)))
        return _biased(scaled, self._weights[f"{name}.bias"])


class StyledAffine:
    """The same by a style vector, an input of a palette's graph."""

    def __init__(self, style: Node, header: PackHeader) -> None:
        slots = style_slots(architecture_of(header), header.width, header.places)
        self._places = {slot.name: 2 * number for number, slot in enumerate(slots)}
        lengths = [slot.channels for slot in slots for _ in range(2)]
        self._parts = ops.variadic_split(style, np.int64(0), np.array(lengths, np.int64))

    def __call__(self, x_NCHW: Node, name: str) -> Node:
        """As `Affine`."""
        place = self._places[name]
        scale, shift = (
            ops.reshape(self._parts.output(number), [1, -1, 1, 1], special_zero=False) for number in (place, place + 1)
        )
        # The features as the second operand: as the first one OpenVINO writes them in their own place, for which it
        # copies what a norm gives, a tenth of the time of a frame.
        return ops.add(shift, ops.multiply(ops.add(scale, np.float32(1)), x_NCHW))


def _colours_in(frame: Node, height: int, width: int) -> Node:
    x = ops.unsqueeze(ops.transpose(ops.convert(frame, np.float32), [2, 0, 1]), [0])
    x = ops.divide(ops.subtract(x, _colour(COLOUR_MEAN)), _colour(COLOUR_STD))
    bottom, right = padded(height) - height, padded(width) - width
    return ops.pad(x, [0, 0, 0, 0], [0, 0, bottom, right], "edge") if bottom or right else x


def _colours_out(y_NCHW: Node, height: int, width: int) -> Node:
    if (height, width) != (padded(height), padded(width)):
        y_NCHW = ops.slice(y_NCHW, [0, 0], [height, width], [1, 1], [2, 3])
    y_NCHW = ops.add(ops.multiply(y_NCHW, _colour(COLOUR_STD)), _colour(COLOUR_MEAN))
    whole = ops.round(ops.clamp(y_NCHW, 0, 255), "half_to_even")
    return ops.convert(ops.transpose(ops.squeeze(whole, [0]), [1, 2, 0]), np.uint8)


def _colour(values: tuple[float, float, float]) -> Node:
    return ops.constant((np.array(values, np.float32) * 255).reshape(1, 3, 1, 1))


def _stage(x_NCHW: Node, stage: Stage, weights: Mapping[str, npt.NDArray[Any]], affine: Affine | StyledAffine) -> Node:
    """One stage of the main network."""
    name = f"main.{stage.name}"
    if stage.kind == "output":
        return _output(x_NCHW, weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"], stage.shuffle)
    if stage.kind == "residual":
        first = affine(_norm(_conv(x_NCHW, weights, f"{name}.first.conv")), f"{name}.first.norm")
        second = affine(_norm(_conv(ops.relu(first), weights, f"{name}.second.conv")), f"{name}.second.norm")
        return ops.add(x_NCHW, second)
    if stage.kind == "up":
        features = _up(x_NCHW, weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"])
    else:
        features = _conv(x_NCHW, weights, f"{name}.conv", stride=stage.stride)
    return ops.relu(affine(_norm(features), f"{name}.norm"))


def _tuned(
    z_NCHW: Node, alpha: Node, weights: Mapping[str, npt.NDArray[Any]], name: str, kind: str,
    affine: Affine | StyledAffine,
) -> Node:  # fmt: skip
    """Tuning-block: z + alpha * psi(z), or in a dual network z + relu(alpha) * hi(z) + relu(-alpha) * lo(z)."""
    if kind == "palette":
        return ops.add(z_NCHW, ops.multiply(alpha, _styled_psi(z_NCHW, weights, f"{name}.psi", affine)))
    if kind != "dual":
        return ops.add(z_NCHW, ops.multiply(alpha, _psi(z_NCHW, weights, f"{name}.psi")))
    total = z_NCHW
    for branch, sign in (("hi", 1.0), ("lo", -1.0)):
        strength = ops.relu(ops.multiply(alpha, np.float32(sign)))
        total = ops.add(total, ops.multiply(strength, _psi(z_NCHW, weights, f"{name}.{branch}")))
    return total


def _psi(z_NCHW: Node, weights: Mapping[str, npt.NDArray[Any]], name: str) -> Node:
    for position in TUNING_CONVS:
        z_NCHW = ops.relu(z_NCHW) if position != TUNING_CONVS[0] else z_NCHW
        z_NCHW = _conv(z_NCHW, weights, f"{name}.{position}")
    return z_NCHW


def _styled_psi(
    z_NCHW: Node, weights: Mapping[str, npt.NDArray[Any]], name: str, affine: Affine | StyledAffine
) -> Node:
    for part in TUNING_PARTS[:-1]:
        z_NCHW = ops.relu(affine(_conv(z_NCHW, weights, f"{name}.{part}"), f"{name}.{part}_style"))
    return _conv(z_NCHW, weights, f"{name}.{TUNING_PARTS[-1]}")


def _conv(x_NCHW: Node, weights: Mapping[str, npt.NDArray[Any]], name: str, *, stride: int = 1) -> Node:
    """Reflection padding and a convolution."""
    weight = weights[f"{name}.weight"]
    features = _padded_conv(x_NCHW, weight, stride)
    return _biased(features, weights[f"{name}.bias"])


def _padded_conv(x_NCHW: Node, weight: npt.NDArray[Any], stride: int, margin: int | None = None) -> Node:
    side = (weight.shape[-1] - 1) // 2 if margin is None else margin
    ends = [0, 0, side, side]
    wide = ops.pad(x_NCHW, ends, ends, "reflect")
    return ops.convolution(wide, ops.constant(np.ascontiguousarray(weight)), [stride] * 2, [0, 0], [0, 0], [1, 1])


def _biased(x_NCHW: Node, bias: npt.NDArray[Any]) -> Node:
    return ops.add(x_NCHW, ops.constant(bias.reshape(1, -1, 1, 1)))


def _norm(x_NCHW: Node) -> Node:
    """Instance norm without its scale and shift."""
    return ops.mvn(x_NCHW, np.array([2, 3], np.int64), True, _EPS, "inside_sqrt")


def _up(x_NCHW: Node, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Node:
    """Nearest x2, reflection padding and a 3x3 convolution, as one transposed convolution."""
    kernel = np.einsum("ak,bl,oikl->ioab", _FOLD, _FOLD, weight, optimize=True).astype(np.float32)
    wide = ops.pad(x_NCHW, [0, 0, 1, 1], [0, 0, 1, 1], "edge")
    large = ops.convolution_backprop_data(
        wide, ops.constant(np.ascontiguousarray(kernel)), [2, 2], None, [3, 3], [3, 3], [1, 1]
    )
    return _biased(large, bias)


def _output(x_NCHW: Node, weight: npt.NDArray[Any], bias: npt.NDArray[Any], shuffle: int) -> Node:
    """The last convolution, which makes several pixels at once, as trained or as a strided one, and lays them out."""
    if shuffle > 1:
        features = _padded_conv(x_NCHW, weight, 1)
    else:
        features, shuffle = _padded_conv(x_NCHW, _phases(weight), _STRIDE, weight.shape[-1] // 2), _STRIDE
        bias = bias.repeat(_STRIDE**2)
    features.set_friendly_name(LAST_CONVOLUTION)
    return ops.depth_to_space(_biased(features, bias), "depth_first", shuffle)


def _phases(weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The kernels of a convolution's pixels, two by two at once: see `engines.graph.rewrite.StridedConv`."""
    outputs, inputs, side, _ = weight.shape
    large = side + _STRIDE - 1
    phases = np.zeros((outputs, _STRIDE, _STRIDE, inputs, large, large), np.float32)
    for p in range(_STRIDE):
        for q in range(_STRIDE):
            phases[:, p, q, :, p : p + side, q : q + side] = weight
    return phases.reshape(-1, inputs, large, large)
