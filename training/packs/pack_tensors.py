"""Which tensors a style pack must have, by its header alone: names and shapes, and the check of what is there.

Needs no torch, so that an engine whose graph is written straight from the weights starts without it. The names are
those of `training.networks`; a test holds the two together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from stylefader.training.errors import PackError
from stylefader.training.packs.pack_header import PackHeader

Shape = tuple[int, ...]
DTYPE = "F16"
"""The type of all tensors, in the words of safetensors."""
STAGES = ("conv1", "down1", "down2", *(f"residual{index}" for index in range(1, 6)), "up1", "up2", "output")
"""The main network's stages, in order."""
TUNING_CONVS = (1, 4, 7)
"""Where the convolutions stand among the layers of a tuning-block."""


def channels_before(stage: str, width: int) -> int:
    """Channels of the features that enter a stage of the main network."""
    if stage.startswith("residual"):
        return 4 * width
    return {"conv1": 3, "down1": width, "down2": 2 * width, "up1": 4 * width, "up2": 2 * width, "output": width}[stage]


def expected_shapes(header: PackHeader) -> dict[str, Shape]:
    """Name and shape of every tensor. Raises PackError for blocks that do not fit the network."""
    places = header.places
    if list(places) != [stage for stage in STAGES if stage in places]:
        raise PackError(
            f"header.blocks: blocks stand before distinct stages in network order ({', '.join(STAGES)}), not {places}"
        )
    width = header.width
    shapes: dict[str, Shape] = {}
    for stage in STAGES:
        inputs = channels_before(stage, width)
        kernel = 9 if stage in ("conv1", "output") else 3
        following = STAGES[STAGES.index(stage) + 1] if stage != "output" else None
        outputs = channels_before(following, width) if following else 3
        parts = ("first.", "second.") if stage.startswith("residual") else ("",)
        for part in parts:
            shapes |= _conv(f"main.{stage}.{part}conv", outputs, inputs, kernel)
            if stage != "output":
                shapes |= {f"main.{stage}.{part}norm.{name}": (outputs,) for name in ("weight", "bias")}
    for block in header.blocks:
        channels = channels_before(block.place, width)
        if block.channels != channels:
            raise PackError(
                f"header.blocks: {block.channels} channels before {block.place}, but width {width} has {channels}"
            )
        for branch in ("hi", "lo") if header.kind == "dual" else ("psi",):
            for position in TUNING_CONVS:
                shapes |= _conv(f"blocks.{block.place}.{branch}.{position}", channels, channels, 3)
    return shapes


def _conv(name: str, outputs: int, inputs: int, kernel: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def check_layout(header: PackHeader, layout: Mapping[str, tuple[Shape, str]]) -> None:
    """Raise PackError for the first tensor that is missing, extra, misshapen or of another type.

    layout: shape and type, as safetensors names it, of every tensor by its name.
    """
    expected = expected_shapes(header)
    for what, names in (("is missing", expected.keys() - layout), ("does not belong", layout.keys() - expected)):
        if names:
            raise PackError(f"tensor {_shown(min(names))} {what} (and {len(names) - 1} more)")
    for name, (shape, dtype) in layout.items():
        if shape != expected[name]:
            raise PackError(f"tensor {name} is {shape}, expected {expected[name]}")
        if dtype != DTYPE:
            raise PackError(f"tensor {name} is {dtype}, expected {DTYPE} (float16)")


def check_finite(name: str, array: npt.NDArray[Any]) -> None:
    """Raise PackError where a weight is no finite number."""
    if not np.isfinite(array).all():
        raise PackError(f"tensor {name} has NaN or Inf")


def read_arrays(header: PackHeader, path: Path) -> dict[str, npt.NDArray[Any]]:
    """The checked tensors of a pack file, float16. None is read before all fit the header.

    Raises:
        PackError: It names the file and the first thing that does not fit.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            layout = {name: file.get_slice(name) for name in names}
            check_layout(
                header, {name: (tuple(found.get_shape()), found.get_dtype()) for name, found in layout.items()}
            )
            arrays = {name: file.get_tensor(name) for name in names}
        for name, array in arrays.items():
            check_finite(name, array)
    except PackError as error:
        raise PackError(f"{path} is not a style pack that fits: {error}") from error
    except (SafetensorError, OSError) as error:
        raise PackError(f"{path} is not a style pack: {error}") from error
    return arrays


def _shown(name: str) -> str:
    """A tensor's name, which may be anything where a stranger wrote the file."""
    return name if len(name) <= 80 and name.isprintable() else f"{name!r:.80}"


def hash_weights(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 over names, shapes and bytes of the tensors: equal exactly where the network is equal."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.shape} torch.{array.dtype}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
