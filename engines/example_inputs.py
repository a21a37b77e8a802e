"""Values for every declared input, for code that runs an engine of any kind: warm-up, timing, measuring, proofs.

Numbers anywhere between low and high are strengths, and no style. So for a palette the functions take `styles`, the
vectors of its styles, float32 (n, d), and draw those and their mixtures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stylefader.engines.inputs import Array, constrained
from stylefader.training.packs.added_inputs import STYLE, outside
from stylefader.training.packs.inputs import InputSpec

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

GREY = 128
_STYLES = (STYLE, outside(STYLE))
_SPARSE = 0.3
"""Of a Dirichlet distribution: most of a mixture is a few styles, as performers mix them."""


def styles_of(pack: StylePack | PackFile) -> Array | None:
    """The vectors of a palette's styles, float32 (n, d); None for another pack. Raises PackError."""
    return np.stack(list(pack.style_vectors().values())) if pack.header.styles else None


def mixed(styles: Array, rng: np.random.Generator) -> Array:
    """A random mixture of styles, float32 (d,); its weights have the sum 1."""
    return np.asarray(rng.dirichlet(np.full(len(styles), _SPARSE)) @ styles, np.float32)


def example_inputs(
    specs: Sequence[InputSpec], height: int, width: int, *, rng: np.random.Generator | None = None,
    picture: Array | None = None, styles: Array | None = None,
) -> dict[str, Array]:  # fmt: skip
    """One value for each input that an engine of this size takes.

    Args:
        specs: The declarations.
        height: Of the engine, in pixels.
        width: Of the engine, in pixels.
        rng: Vectors, states and labels are drawn from their range by it. Without it they are the defaults,
            or all the same.
        picture: uint8 (height, width, 3), for every image of that shape; a grey one where it is None.
        styles: Of a palette; without `rng` the first one is taken.
    """
    values = {spec.name: _example(spec, height, width, rng, picture) for spec in specs}
    if styles is not None:
        drawn = {name: styles[0] if rng is None else mixed(styles, rng) for name in _STYLES if name in values}
        values |= drawn
    return values


def with_vectors(
    values: dict[str, Array], specs: Sequence[InputSpec], rng: np.random.Generator, *, styles: Array | None = None
) -> dict[str, Array]:
    """The same values with other random vectors: what changes from one frame to the next."""
    drawn = {spec.name: _vector(spec, rng) for spec in specs if spec.kind == "vector"}
    if styles is not None:
        drawn |= {name: mixed(styles, rng) for name in _STYLES if name in drawn}
    return {**values, **drawn}


def even_vectors(specs: Sequence[InputSpec], share: float, *, styles: Array | None = None) -> dict[str, Array]:
    """Every vector with all components alike, at a share (0 to 1) of the way from low to high.

    styles: of a palette, of which the one at that share of the way from the first to the last is taken.
    """
    values = {
        spec.name: constrained(spec, np.full(spec.sides(1, 1), spec.low + share * (spec.high - spec.low)))
        for spec in specs if spec.kind == "vector"
    }  # fmt: skip
    return values if styles is None else _with_style(values, styles[round(share * (len(styles) - 1))])


def spread_vectors(specs: Sequence[InputSpec], *, styles: Array | None = None) -> dict[str, Array]:
    """Every vector with its components evenly from high to low, so that no two are alike; all styles in equal parts."""
    values = {
        spec.name: constrained(spec, np.linspace(spec.high, spec.low, spec.sides(1, 1)[0]))
        for spec in specs if spec.kind == "vector"
    }  # fmt: skip
    return values if styles is None else _with_style(values, np.asarray(styles.mean(0), np.float32))


def random_vectors(
    specs: Sequence[InputSpec], *, seed: int = 0, styles: Array | None = None
) -> Iterator[dict[str, Array]]:
    """Endless vectors over the whole range: in turn all components alike, all at an end, each at an end, each anywhere.

    Features are largest where all components are strong at once, which independent random numbers hardly ever are.
    styles: of a palette; each comes in its turn, and after them a mixture. Round by round a style meets others of the
    strengths.
    """
    rng = np.random.default_rng(seed)
    vectors = [(spec, spec.sides(1, 1)[0], [spec.low, spec.high]) for spec in specs if spec.kind == "vector"]
    number = 0
    while True:
        for made in (
            {s.name: constrained(s, np.full(count, rng.uniform(s.low, s.high))) for s, count, _ in vectors},
            {s.name: constrained(s, np.full(count, rng.choice(ends))) for s, count, ends in vectors},
            {s.name: constrained(s, rng.choice(ends, count)) for s, count, ends in vectors},
            {s.name: constrained(s, rng.uniform(s.low, s.high, count)) for s, count, _ in vectors},
        ):
            if styles is None:
                yield made
                continue
            turns = len(styles) + 1
            turn = (number + number // turns) % turns
            yield _with_style(made, styles[turn] if turn < len(styles) else mixed(styles, rng))
            number += 1


def _with_style(values: dict[str, Array], style: Array) -> dict[str, Array]:
    return values | {name: style for name in _STYLES if name in values}


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
