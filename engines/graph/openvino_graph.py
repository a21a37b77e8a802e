"""A style pack's whole frame path as an OpenVINO model, written straight from the weights: no torch, no tracing.

The same function as `engines.graph.frame_graph.FrameGraph` with the rewrites `up=transposed, output_stride=2` of
`engines.graph.rewrite`, which has the proofs; tests hold the two together. Importing torch and tracing took two to four
seconds of a start, this takes a few hundredths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.graph.openvino_form import LAST_CONVOLUTION, OPENVINO_REWRITES
from stylefader.engines.graph.openvino_names import name_inputs
from stylefader.engines.graph.openvino_parts import (
    PLACES,
    Node,
    Weight,
    Weights,
    biased,
    channel_numbers,
    colours_in,
    colours_out,
    convolved,
    edges_cut,
    edges_repeated,
    float_weights,
    named_conv,
    picture_input,
)
from stylefader.engines.graph.rewritten_kernels import TRANSPOSED_TAPS, lay_phases
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


def convert(pack: StylePack | PackFile, height: int, width: int) -> ov.Model:
    """The model for frames of one size, whose parameters are the inputs that the pack declares. Raises PackError."""
    header = pack.header
    weights = float_weights(pack)
    frame = picture_input(height, width, "frame")
    alpha = ops.parameter([pack.n_blocks], np.float32, name="alpha") if pack.n_blocks else None
    sizes = [spec.shape for spec in header.inputs if spec.name == STYLE and header.styles]
    style = ops.parameter(list(sizes[0]), np.float32, name=STYLE) if sizes else None
    affine = Affine(weights) if style is None else StyledAffine(style, header)
    x_NCHW = edges_repeated(colours_in(frame), height, width)
    # Four dimensions a strength: with a bare scalar OpenVINO reorders the features around every block.
    strengths = None if alpha is None else ops.reshape(alpha, [-1, 1, 1, 1, 1], special_zero=False)
    for stage in architecture_of(header).stages:
        if stage.name in header.places:
            strength = ops.gather(strengths, np.int64(header.places.index(stage.name)), np.int64(0))
            x_NCHW = _tuned(x_NCHW, strength, weights, f"blocks.{stage.name}", header.kind, affine)
        x_NCHW = _stage(x_NCHW, stage, weights, affine)
    picture = colours_out(edges_cut(x_NCHW, height, width))
    given = [node for node in (frame, alpha, style) if node is not None]
    model = ov.Model([ops.result(picture)], given, "stylefader")
    return name_inputs(model, header.inputs)


class Affine:
    """What scales and shifts features behind a norm: the network's own numbers."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def __call__(self, x_NCHW: Node, name: str) -> Node:
        """The features, (1, C, H, W), scaled and shifted at the place of this name."""
        scaled = ops.multiply(x_NCHW, channel_numbers(self._weights[f"{name}.weight"]))
        return biased(scaled, self._weights[f"{name}.bias"])


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


def _stage(x_NCHW: Node, stage: Stage, weights: Weights, affine: Affine | StyledAffine) -> Node:
    """One stage of the main network."""
    name = f"main.{stage.name}"
    if stage.kind == "output":
        return _output(x_NCHW, weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"], stage.shuffle)
    if stage.kind == "residual":
        first = affine(_norm(named_conv(x_NCHW, weights, f"{name}.first.conv")), f"{name}.first.norm")
        second = affine(_norm(named_conv(ops.relu(first), weights, f"{name}.second.conv")), f"{name}.second.norm")
        return ops.add(x_NCHW, second)
    if stage.kind == "up":
        features = _up(x_NCHW, weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"])
    else:
        features = named_conv(x_NCHW, weights, f"{name}.conv", stride=stage.stride)
    return ops.relu(affine(_norm(features), f"{name}.norm"))


def _tuned(
    z_NCHW: Node, alpha: Node, weights: Weights, name: str, kind: str,
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


def _psi(z_NCHW: Node, weights: Weights, name: str) -> Node:
    for position in TUNING_CONVS:
        z_NCHW = ops.relu(z_NCHW) if position != TUNING_CONVS[0] else z_NCHW
        z_NCHW = named_conv(z_NCHW, weights, f"{name}.{position}")
    return z_NCHW


def _styled_psi(z_NCHW: Node, weights: Weights, name: str, affine: Affine | StyledAffine) -> Node:
    for part in TUNING_PARTS[:-1]:
        z_NCHW = ops.relu(affine(named_conv(z_NCHW, weights, f"{name}.{part}"), f"{name}.{part}_style"))
    return named_conv(z_NCHW, weights, f"{name}.{TUNING_PARTS[-1]}")


def _norm(x_NCHW: Node) -> Node:
    """Instance norm without its scale and shift."""
    return ops.mvn(x_NCHW, PLACES, True, _EPS, "inside_sqrt")


def _up(x_NCHW: Node, weight: Weight, bias: Weight) -> Node:
    """Nearest x2, reflection padding and a 3x3 convolution, as one transposed convolution."""
    taps = np.array(TRANSPOSED_TAPS, np.float32)
    kernel = np.einsum("ak,bl,oikl->ioab", taps, taps, weight, optimize=True).astype(np.float32)
    wide = ops.pad(x_NCHW, [0, 0, 1, 1], [0, 0, 1, 1], "edge")
    large = ops.convolution_backprop_data(
        wide, ops.constant(np.ascontiguousarray(kernel)), [2, 2], None, [3, 3], [3, 3], [1, 1]
    )
    return biased(large, bias)


def _output(x_NCHW: Node, weight: Weight, bias: Weight, shuffle: int) -> Node:
    """The last convolution, which makes several pixels at once, as trained or as a strided one, and lays them out."""
    if shuffle > 1:
        features = convolved(x_NCHW, weight)
    else:
        margin = weight.shape[-1] // 2
        features, shuffle = convolved(x_NCHW, _phases(weight), stride=_STRIDE, margin=margin), _STRIDE
        bias = bias.repeat(_STRIDE**2)
    features.set_friendly_name(LAST_CONVOLUTION)
    return ops.depth_to_space(biased(features, bias), "depth_first", shuffle)


def _phases(weight: Weight) -> Weight:
    """The kernels of a convolution's pixels, two by two at once: see `engines.graph.rewrite.StridedConv`."""
    outputs, inputs, side, _ = weight.shape
    large = side + _STRIDE - 1
    phases = np.zeros((outputs, _STRIDE, _STRIDE, inputs, large, large), np.float32)
    lay_phases(phases, weight, _STRIDE)
    return phases.reshape(-1, inputs, large, large)
