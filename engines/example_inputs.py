"""Values for every declared input, for code that runs an engine of any kind: warm-up, timing, measuring, proofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stylefader.engines.inputs import constrained
from stylefader.training.packs.inputs import InputSpec

Array = npt.NDArray[Any]
GREY = 128


def example_inputs(
    specs: Sequence[InputSpec], height: int, width: int, *, rng: np.random.Generator | None = None,
    picture: Array | None = None,
) -> dict[str, Array]:  # fmt: skip
    """One value for each input that an engine of this size takes.

    Args:
        specs: The declarations.
        height: Of the engine, in pixels.
        width: Of the engine, in pixels.
        rng: Vectors, states and labels are drawn from their range by it. Without it they are the defaults,
            or all the same.
        picture: uint8 (height, width, 3), for every image of that shape; a grey one where it is None.
    """
    return {spec.name: _example(spec, height, width, rng, picture) for spec in specs}


def with_vectors(
    values: dict[str, Array], specs: Sequence[InputSpec], rng: np.random.Generator
) -> dict[str, Array]:  # fmt: skip
    """The same values with other random vectors: what changes from one frame to the next."""
    return {**values, **{spec.name: _vector(spec, rng) for spec in specs if spec.kind == "vector"}}


def even_vectors(specs: Sequence[InputSpec], share: float) -> dict[str, Array]:
    """Every vector with all components alike, at a share (0 to 1) of the way from low to high."""
    return {
        spec.name: constrained(spec, np.full(spec.sides(1, 1), spec.low + share * (spec.high - spec.low)))
        for spec in specs if spec.kind == "vector"
    }  # fmt: skip


def spread_vectors(specs: Sequence[InputSpec]) -> dict[str, Array]:
    """Every vector with its components evenly from high to low, so that no two are alike."""
    return {
        spec.name: constrained(spec, np.linspace(spec.high, spec.low, spec.sides(1, 1)[0]))
        for spec in specs if spec.kind == "vector"
    }  # fmt: skip


def random_vectors(specs: Sequence[InputSpec], *, seed: int = 0) -> Iterator[dict[str, Array]]:
    """Endless vectors over the whole range: in turn all components alike, all at an end, each at an end, each anywhere.

    Features are largest where all components are strong at once, which independent random numbers hardly ever are.
    """
    rng = np.random.default_rng(seed)
    vectors = [(spec, spec.sides(1, 1)[0], [spec.low, spec.high]) for spec in specs if spec.kind == "vector"]
    while True:
        yield {s.name: constrained(s, np.full(count, rng.uniform(s.low, s.high))) for s, count, _ in vectors}
        yield {s.name: constrained(s, np.full(count, rng.choice(ends))) for s, count, ends in vectors}
        yield {s.name: constrained(s, rng.choice(ends, count)) for s, count, ends in vectors}
        yield {s.name: constrained(s, rng.uniform(s.low, s.high, count)) for s, count, _ in vectors}


def _example(spec: InputSpec, height: int, width: int, rng: np.random.Generator | None, picture: Array | None) -> Array:
    shape = spec.sides(height, width)
    if spec.kind == "image":
        return picture if picture is not None and picture.shape == shape else np.full(shape, GREY, np.uint8)
    if spec.kind == "mask":
        return np.full(shape, spec.high, np.uint8)
    if spec.kind == "labels":
        low, high = int(spec.low), int(spec.high)
        return np.full(shape, low, spec.dtype) if rng is None else rng.integers(low, high, shape, spec.dtype, True)
    if rng is not None:
        return _vector(spec, rng) if spec.kind == "vector" else rng.uniform(spec.low, spec.high, shape).astype("f4")
    if spec.default is not None:
        return np.array(np.broadcast_to(np.array(spec.default, np.float32), shape))
    return constrained(spec, np.full(shape, (spec.low + spec.high) / 2))


def _vector(spec: InputSpec, rng: np.random.Generator) -> Array:
    return constrained(spec, rng.uniform(spec.low, spec.high, spec.sides(1, 1)))
