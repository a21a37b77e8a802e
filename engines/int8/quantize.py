"""Quantising a style pack to int8 after training, by NNCF over photographs and random alpha (extra `int8`)."""

from __future__ import annotations

import importlib
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from stylefader.engines.base import Picture
from stylefader.engines.example_inputs import example_inputs, random_vectors
from stylefader.engines.graph.families import graphs_of
from stylefader.engines.inputs import constrained
from stylefader.engines.int8.quantized import Fidelity, QuantizedGraph
from stylefader.engines.timing import psnr_db
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack

Losses = Callable[[Picture, Picture], tuple[float, float]]
"""Content and style loss of a picture, by its photograph and itself."""
INSTALL = "pip install 'stylefader[int8]'"
_OUTLIERS = 5e-4
"""The share of a feature's values that may lie outside its range, at each end, in the photograph with the most.

Measured at 256x192 on 16 photographs, PSNR at alpha 0, 0.5 and 1: 39.1, 39.1, 37.4 dB for 1e-3, 40.4, 39.5, 37.6 dB
for 5e-4 (width 32). NNCF's own choice, the mean over photographs, cuts off what only strong alphas reach: 41.8, 39.1
and 30.2 dB (width 16), against 41.5, 39.1 and 37.1 dB with the largest over photographs.
"""


def quantize(pack: StylePack, frames: Iterable[Picture]) -> QuantizedGraph:
    """Quantise a pack's graph.

    frames: uint8 (H, W, 3) RGB, all of one size whose sides are multiples of 4 and at least 8; forty give good ranges.
    The last convolution stays in floating point: its output is the picture. Raises EngineError: NNCF not
    installed (with the command), no frames, sizes that differ.
    """
    nncf = _nncf()
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import (
        AggregatorType,
        RangeEstimatorParameters,
        StatisticsCollectorParameters,
        StatisticsType,
    )

    specs, pictures = pack.header.inputs, list(frames)
    shapes = {frame.shape for frame in pictures}
    if len(shapes) != 1:
        raise EngineError(f"quantising needs frames of one size, not {len(shapes)} sizes")
    height, width, _ = shapes.pop()
    family = graphs_of(pack.header)
    model = family.openvino_model(pack, height, width)
    vectors, rng = random_vectors(specs), np.random.default_rng(0)
    samples = [
        {**example_inputs(specs, height, width, rng=rng, picture=frame), **next(vectors)} for frame in pictures
    ]  # fmt: skip

    def end(aggregator: Any) -> Any:
        return StatisticsCollectorParameters(
            statistics_type=StatisticsType.QUANTILE, aggregator_type=aggregator, quantile_outlier_prob=_OUTLIERS
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = nncf.quantize(
            model,
            nncf.Dataset(samples),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(samples),
            ignored_scope=nncf.IgnoredScope(names=list(family.floating)),
            advanced_parameters=AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParameters(
                    min=end(AggregatorType.MIN), max=end(AggregatorType.MAX)
                )
            ),
        )
    with tempfile.TemporaryDirectory(prefix="stylefader-") as folder:
        xml = Path(folder) / "graph.xml"
        ov.save_model(quantized, xml, compress_to_fp16=True)
        made = {
            "by": "NNCF post-training quantisation, mixed preset, last convolution in floating point",
            "photographs": len(samples),
            "size": f"{width}x{height}",
            "rewrites": family.openvino_rewrites,
            "nncf": str(nncf.__version__),
            "openvino": ov.get_version(),
        }
        return QuantizedGraph(xml=xml.read_bytes(), weights_bin=xml.with_suffix(".bin").read_bytes(), made=made)


def measure_fidelity(
    pack: StylePack,
    graph: QuantizedGraph,
    frames_NHWC: Picture,
    alphas: Sequence[float],
    *,
    losses: Losses | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Fidelity:
    """Compare the pictures of a quantised graph with the network's in f32, all vectors alike at each of `alphas`.

    frames_NHWC: uint8, photographs that it was not quantised over. losses: content and style loss of a picture,
    given its photograph. report: told the number of frames done.
    """
    n, height, width, _ = frames_NHWC.shape
    specs = pack.header.inputs
    core = ov.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    f32 = core.compile_model(graphs_of(pack.header).openvino_model(pack, height, width), "CPU", settings)
    int8 = core.compile_model(graph.model(pack.header, height, width), "CPU")
    psnr = np.zeros((n, len(alphas)))
    sums = np.zeros((2, 2, len(alphas)))  # f32 and int8; content and style
    for number, frame in enumerate(frames_NHWC):
        for place, value in enumerate(alphas):
            vectors = {
                spec.name: constrained(spec, np.full(spec.sides(1, 1), value))
                for spec in specs
                if spec.kind == "vector"
            }
            values = {**example_inputs(specs, height, width, picture=frame), **vectors}
            pictures = [net(values)[0] for net in (f32, int8)]
            psnr[number, place] = psnr_db(*pictures)
            if losses is not None:
                sums[:, :, place] += [losses(frame, picture) for picture in pictures]
        report(number + 1)
    content, style = (sums[1] / sums[0] - 1).round(4).tolist() if losses is not None else ((), ())
    return Fidelity(
        photographs=n, size=f"{width}x{height}", alpha=tuple(alphas), psnr_db=tuple(psnr.mean(0).round(2).tolist()),
        worst_db=tuple(psnr.min(0).round(2).tolist()), content_change=tuple(content), style_change=tuple(style),
    )  # fmt: skip


def _nncf() -> Any:
    try:
        nncf = importlib.import_module("nncf")
    except ImportError as error:
        raise EngineError(f"quantising needs NNCF, which is not installed ({error}): {INSTALL}") from error
    nncf.set_log_level(logging.ERROR)
    return nncf
