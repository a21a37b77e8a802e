"""How long a frame of a network is expected to take here: as measured, else as its multiply-adds say.

For choosing between networks before one of them runs. Nothing here takes more than a few tenths of a second: what was
measured stands in `measured.json`, and how fast the processor multiplies is found once and kept in `rate.json`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from stylefader.engines.base import Precision
from stylefader.engines.cache.folder import read_json, write_json
from stylefader.engines.cache.key import version_of
from stylefader.engines.graph.families import graphs_of
from stylefader.engines.machine import identity as machine
from stylefader.engines.registry import REGISTRY
from stylefader.engines.selection.choice import Candidate, choose, own_precision
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.selection.measuring import CPU_SIZE, size_of

if TYPE_CHECKING:
    from stylefader.training.packs.pack_file import PackFile

FILE = "rate.json"
_LARGEST = 1 << 16
_CHANNELS, _SIDE = 32, 96
"""Of the convolutions by which the processor's rate is found: about those of the networks."""
_SHARE = 0.7
"""Of that rate, what whole networks reach: their first and last layers have few channels, and norms stand between."""


@dataclass(frozen=True, kw_only=True)
class ExpectedTime:
    """Of one frame. ms: None where nothing can be said. measured: else it is an estimate."""

    ms: float | None
    measured: bool = False


def expected_time(
    pack: PackFile, height: int, width: int, *, backend: str = "auto", precision: Precision = "auto", least_db: float,
    folder: Path,
) -> ExpectedTime:  # fmt: skip
    """The time of a frame in the engine that `open_engine` would take; the arguments are the same.

    Args:
        pack: Whose network.
        height: Of the frames, in pixels.
        width: Of the frames, in pixels.
        backend: An engine, or `auto`.
        precision: Of the engine, or `auto`.
        least_db: What `auto` asks for.
        folder: Of the cache.

    Raises:
        PackError: The pack is spoilt.
    """
    first = Candidate(engine=backend, precision=precision)
    if backend == "auto":
        first = choose(pack, height, width, precision=precision, least_db=least_db, folder=folder).order[0]
    row = _row(pack, first, height, width, folder)
    if row is not None:
        return ExpectedTime(ms=row.ms_a_megapixel * height * width / 1e6, measured=True)
    if REGISTRY[first.engine].gpu:
        return ExpectedTime(ms=None)
    rate = processor_rate(own_precision("openvino") if first.precision == "auto" else first.precision, folder)
    if rate is None:
        return ExpectedTime(ms=None)
    return ExpectedTime(ms=1000 * multiply_adds(pack, height, width) / (rate * _SHARE))


def multiply_adds(pack: PackFile, height: int, width: int) -> float:
    """Of all convolutions of a frame, as they stand in OpenVINO's graph. Raises PackError for a spoilt pack."""
    total = 0
    for node in graphs_of(pack.header).openvino_model(pack, *CPU_SIZE).get_ordered_ops():
        kind = node.get_type_name()
        if kind in ("Convolution", "ConvolutionBackpropData", "GroupConvolution"):
            places = node.get_output_shape(0) if kind != "ConvolutionBackpropData" else node.get_input_shape(0)
            total += prod(node.get_input_shape(1)) * places[2] * places[3]
    return total * (height * width) / prod(CPU_SIZE)


def processor_rate(precision: str, folder: Path) -> float | None:
    """Multiply-adds a second of convolutions on this processor, found once; None where it has no such precision."""
    key = f"{machine.cpu_name()}, OpenVINO {version_of('openvino')}, {precision}"
    kept = _kept(folder)
    if key not in kept:
        from stylefader.engines.selection.peak_rates import openvino_rate

        kept[key] = openvino_rate(precision, _CHANNELS, _SIDE)
        with suppress(OSError):  # else it is found again the next time
            write_json(folder / FILE, kept)
    return kept[key]


def _row(pack: PackFile, candidate: Candidate, height: int, width: int, folder: Path) -> Measured | None:
    at_height, at_width = size_of(candidate.engine, pack.header, height, width)
    found = Measurements(folder).recall(
        pack, candidate.engine, candidate.precision, height=at_height, width=at_width
    )  # fmt: skip
    return found if found is not None and not found.problem else None


def _kept(folder: Path) -> dict[str, float | None]:
    found = read_json(folder / FILE, largest=_LARGEST)
    try:
        return {str(key): rate for key, rate in found.items() if rate is None or 0 < float(rate) < 1e18}
    except (ValueError, TypeError, AttributeError, OverflowError):
        return {}  # none yet, or broken
