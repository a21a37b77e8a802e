"""Which tensors a style pack must have, by its header alone: names and shapes, and the check of what is there.

Needs no torch, so that an engine whose graph is written straight from the weights starts without it.
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
from stylefader.training.packs.families.base import Shape
from stylefader.training.packs.families.registry import family_of
from stylefader.training.packs.pack_header import PREDICTOR, STYLES, PackHeader

DTYPE = "F16"
"""The type of all tensors, in the words of safetensors."""


def expected_shapes(header: PackHeader) -> dict[str, Shape]:
    """Name and shape of every tensor of a pack with a header that was checked."""
    return family_of(header.kind).expected_shapes(header)


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
    """SHA-256 over names, shapes and bytes of the network's tensors: equal exactly where the network is equal.

    A palette's style vectors, and what predicts them, are what its network is given, and no part of it.
    """
    digest = hashlib.sha256()
    for name in sorted(filter(is_of_network, arrays)):
        array = arrays[name]
        digest.update(f"{name} {array.shape} torch.{array.dtype}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def is_of_network(name: str) -> bool:
    """Whether a pack's tensor of this name is a weight of its network, as all are but for palettes."""
    return name != STYLES and not name.startswith(PREDICTOR)


def style_vectors(header: PackHeader, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
    """The vectors of a palette's styles, float32 (d,) each, by their names in order; none of another pack."""
    rows = arrays.get(STYLES, np.zeros((0, 0), np.float16)).astype(np.float32)
    return {style.name: row for style, row in zip(header.styles, rows, strict=True)}
