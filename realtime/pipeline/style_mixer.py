"""The styles of a palette mixed: the weights of a frame in, the style vector of the engine out.

Weights count by their sum, so that half and half is the same as one and one. Where hardly any is left, the mix before
comes in again by as much as is missing: with every fader down the picture stays as it was, and the first one that goes
up leads on from there without a jump.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from stylefader.realtime.parameters.parameter import STYLE_FREE, Values
from stylefader.training.packs.added_inputs import STYLE, outside

Vectors = npt.NDArray[np.float32]
_FLOOR = 0.05
"""Below this sum of the weights the mix before comes in."""
_NOTHING = 1e-6


class Mixer:
    """One side of a picture: weights times vectors.

    Args:
        vectors: float32 (number of styles, d).
        under_way: How many frames may still be read by an engine while another one begins.
    """

    def __init__(self, vectors: Vectors, *, under_way: int) -> None:
        self._vectors = vectors
        # An engine reads what it was given until its frame is done, so that what is written is always another array.
        self._rows: list[Vectors] = list(np.zeros((under_way + 1, vectors.shape[1]), np.float32))
        self._row = 0
        self._seen: npt.NDArray[np.float32] | None = None
        self.mix = np.zeros(len(vectors), np.float32)
        """The weights of the sum 1 that it came to."""

    def allow(self, under_way: int) -> None:
        """From now on so many frames may be under way, or as many as before where these are more."""
        missing = max(0, under_way + 1 - len(self._rows))
        self._rows += list(np.zeros((missing, self._vectors.shape[1]), np.float32))

    def __call__(self, weights: Values, free: float, before: Values) -> Vectors:
        """The style vector: float32 (d,), the same array as long as nothing changes.

        Args:
            weights: float32 (number of styles,), from 0 on.
            free: 0 counts them by their sum, 1 as they stand.
            before: The mix, of the sum 1, that comes in where they are close to nothing.
        """
        total = float(weights.sum(dtype=np.float64))
        share = min(1.0, total / _FLOOR)
        self.mix = weights / max(total, _FLOOR) + (1 - share) * before
        wanted = np.asarray(self.mix + np.float32(free) * (weights - self.mix), np.float32)
        if self._seen is None or not np.array_equal(wanted, self._seen):
            self._seen = wanted
            self._row = (self._row + 1) % len(self._rows)
            np.matmul(wanted, self._vectors, out=self._rows[self._row])
        return self._rows[self._row]


class StyleMixer:
    """Gives the inputs of a palette's engine that are style vectors. One thread calls it.

    Args:
        vectors: The style vectors by name, float32 (d,), in the order of the weights.
        inputs: Names of what the engine takes.
        under_way: See `Mixer`.
    """

    def __init__(self, vectors: Mapping[str, Vectors], inputs: Sequence[str], *, under_way: int) -> None:
        table = np.ascontiguousarray(np.stack(list(vectors.values())), np.float32)
        self._inside = Mixer(table, under_way=under_way)
        self._outside = Mixer(table, under_way=under_way) if outside(STYLE) in inputs else None
        self._before = np.zeros(len(table), np.float32)
        self._before[0] = 1.0
        self.empty = False
        """Whether every weight of the last frame was 0, where they count by their sum."""

    def allow(self, under_way: int) -> None:
        """See `Mixer.allow`."""
        for side in (self._inside, self._outside):
            if side is not None:
                side.allow(under_way)

    def __call__(self, values: Mapping[str, Values]) -> dict[str, Vectors]:
        """The style vectors by the names of the inputs, for the values of the parameters."""
        weights = values[STYLE]
        free = float(values[STYLE_FREE][0]) if STYLE_FREE in values else 0.0
        total = float(weights.sum(dtype=np.float64))
        found = {STYLE: self._inside(weights, free, self._before)}
        self.empty = total <= _NOTHING and free < 1
        if total >= _FLOOR:
            self._before = self._inside.mix
        if self._outside is not None:
            beyond = values.get(outside(STYLE))
            found[outside(STYLE)] = (
                found[STYLE] if beyond is None or not beyond.any() else self._outside(beyond, free, self._inside.mix)
            )
        return found
