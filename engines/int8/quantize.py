"""Quantising a style pack to int8 after training: its ranges over pictures and random strengths, and what that costs.

Every picture is computed in floating point once, by OpenVINO; with a palette in each of its styles, and in a mixture of
them. The range of a feature is the widest of all pictures, of which each may leave a few values outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from stylefader.engines.base import Picture
from stylefader.engines.example_inputs import example_inputs, random_vectors, styles_of
from stylefader.engines.graph.families import graphs_of
from stylefader.engines.inputs import constrained
from stylefader.engines.int8.form import Fidelity, Quantized, Ranges, style_hashes
from stylefader.engines.int8.places import features
from stylefader.engines.timing import psnr_db
from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import STYLE
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.packs.pack_header import STYLES

Losses = Callable[[Picture, Picture], tuple[float, float]]
"""Content and style loss of a picture, by its photograph and itself."""
_STYLES_A_PICTURE = 17
_OUTLIERS = 5e-4
"""The share of a feature's values that may lie outside its range, at each end, in the picture with the most.

The widest over pictures, since only strong alphas reach some values: with the mean over pictures 41.8, 39.1 and 30.2 dB
at alpha 0, 0.5 and 1 (width 16), against 41.5, 39.1 and 37.1 dB.
"""


def find_ranges(
    pack: StylePack | PackFile, frames: Iterable[Picture], *, report: Callable[[int], None] = lambda done: None
) -> Ranges:
    """The ranges of the features that go into a network's convolutions.

    Args:
        pack: Whose network.
        frames: uint8 (H, W, 3) RGB, all of one size; forty give good ranges.
        report: Told the number of frames done.

    Raises:
        EngineError: No frames, or sizes that differ.
    """
    specs, pictures = pack.header.inputs, list(frames)
    shapes = {frame.shape for frame in pictures}
    if len(shapes) != 1:
        raise EngineError(f"quantising needs frames of one size, not {len(shapes)} sizes")
    height, width, _ = shapes.pop()
    family = graphs_of(pack.header)
    model = family.openvino_model(pack, height, width)
    places = features(model, family.floating)
    watched = ov.Model([ops.result(node.output(0)) for node in places.values()], model.get_parameters())
    request = ov.Core().compile_model(watched, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    styles, rng = styles_of(pack), np.random.default_rng(0)
    vectors = random_vectors(specs, styles=styles)
    times = _times_a_picture(0 if styles is None else len(styles), len(pictures))
    ends = np.zeros((len(pictures) * times, len(places), 2))
    for number in range(len(ends)):
        frame = pictures[number // times]
        request.infer({**example_inputs(specs, height, width, rng=rng, picture=frame), **next(vectors)})
        for place in range(len(places)):
            ends[number, place] = _ends(request.get_output_tensor(place).data)
        report(number // times + 1)
    found = zip(places, ends[:, :, 0].min(0).tolist(), ends[:, :, 1].max(0).tolist(), strict=True)
    return {name: _with_zero(low, high) for name, low, high in found}


def _times_a_picture(styles: int, pictures: int) -> int:
    """How often a picture is computed: in all styles and a mixture; of very many, in as many as give each four."""
    return min(styles + 1, max(_STYLES_A_PICTURE, -(-4 * (styles + 1) // pictures)))


def quantize(
    pack: StylePack | PackFile,
    frames: Sequence[Picture],
    held_out: Sequence[Picture],
    *,
    of: str = "photographs",
    losses: Losses | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Quantized:
    """Make the int8 form of a pack, and measure it.

    Args:
        pack: The pack.
        frames: Pictures to find the ranges over: uint8 (H, W, 3) RGB, all of one size.
        held_out: Pictures to measure on, likewise.
        of: What the pictures are, in words.
        losses: Content and style loss of a picture, given its photograph.
        report: Told the number of pictures that were measured.

    Raises:
        EngineError: No frames, or sizes that differ.
    """
    ranges = find_ranges(pack, frames)
    height, width, _ = frames[0].shape
    made = {
        "by": "ranges of the convolutions' inputs, weights from -63 to 63, last convolution in floating point",
        "of": of, "pictures": len(frames), "size": f"{width}x{height}", "openvino": ov.get_version(),
    }  # fmt: skip
    low, high = pack.header.alpha.low, pack.header.alpha.high
    alphas = (low, (low + high) / 2, high) if pack.n_blocks else (0.0,)
    if pack.header.styles:
        made[STYLES] = style_hashes(pack)
    nothing = Fidelity(photographs=1, size="", alpha=(), psnr_db=(), worst_db=())
    form = Quantized(weights=pack.weights_hash(), ranges=ranges, fidelity=nothing, made=made)
    fidelity = measure_fidelity(pack, form, held_out, alphas, losses=losses, report=report)
    return Quantized(weights=form.weights, ranges=ranges, fidelity=fidelity, made=made)


def measure_fidelity(
    pack: StylePack | PackFile,
    form: Quantized,
    frames: Sequence[Picture],
    alphas: Sequence[float],
    *,
    losses: Losses | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Fidelity:
    """Compare the pictures of a quantised network with the network's in f32, all vectors alike at each of `alphas`.

    frames: uint8 (H, W, 3), of one size, that it was not quantised over. losses: content and style loss of a picture,
    given its photograph. report: told the number of frames done.

    A palette's styles take turns over the frames, and what is stated is the mean of the style that loses most.
    """
    height, width, _ = frames[0].shape
    specs = pack.header.inputs
    core = ov.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    f32 = core.compile_model(graphs_of(pack.header).openvino_model(pack, height, width), "CPU", settings)
    int8 = core.compile_model(form.model(pack, height, width), "CPU")
    styles = styles_of(pack)
    turns = _turns(1 if styles is None else len(styles), len(frames))
    psnr = np.zeros((len(turns), len(alphas)))
    sums = np.zeros((2, 2, len(alphas)))  # f32 and int8; content and style
    for number, (of_frame, of_style) in enumerate(turns):
        frame = frames[of_frame]
        for place, value in enumerate(alphas):
            vectors = {
                spec.name: constrained(spec, np.full(spec.sides(1, 1), value))
                for spec in specs
                if spec.kind == "vector"
            }
            if styles is not None:
                vectors[STYLE] = styles[of_style]
            values = {**example_inputs(specs, height, width, picture=frame), **vectors}
            pictures = [net(values)[0] for net in (f32, int8)]
            psnr[number, place] = psnr_db(*pictures)
            if losses is not None:
                sums[:, :, place] += [losses(frame, picture) for picture in pictures]
        report(min(number + 1, len(frames)))
    content, style = (sums[1] / sums[0] - 1).round(4).tolist() if losses is not None else ((), ())
    of_styles = np.array([of_style for _, of_style in turns])
    means = np.stack([psnr[of_styles == one].mean(0) for one in sorted(set(of_styles.tolist()))])
    return Fidelity(
        photographs=len(frames), size=f"{width}x{height}", alpha=tuple(alphas),
        psnr_db=tuple(means.min(0).round(2).tolist()), worst_db=tuple(psnr.min(0).round(2).tolist()),
        content_change=tuple(content), style_change=tuple(style),
    )  # fmt: skip


def _turns(styles: int, frames: int) -> list[tuple[int, int]]:
    """Numbers of frames and styles: every frame once, and every style at least once."""
    return [(number % frames, number % styles) for number in range(max(frames, styles))]


def _ends(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The lowest and the highest value but for a few."""
    flat = values.reshape(-1)
    few = round(_OUTLIERS * (flat.size - 1))
    ordered = np.partition(flat, (few, flat.size - 1 - few))
    return float(ordered[few]), float(ordered[flat.size - 1 - few])


def _with_zero(low: float, high: float) -> tuple[float, float]:
    """A range, widened as little as makes 0 one of its 256 values: zeros are frequent, and stay what they are."""
    low, high = min(low, 0.0), max(high, low + 1e-6, 1e-6)
    if low == 0:
        return low, high
    place = min(max(round(-low * 255 / (high - low)), 1), 254)
    lower, higher = place / (place - 255) * high, (place - 255) / place * low
    return (lower, high) if lower <= low else (low, higher)
