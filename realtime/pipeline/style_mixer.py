"""The styles of a palette mixed: the weights of a frame in, the style vector of the engine out.

Weights count by their sum, so that half and half is the same as one and one. Where hardly any is left, the mix before
comes in again by as much as is missing: with every fader down the picture stays as it was, and the first one that goes
up leads on from there without a jump.

A style's vector can be exchanged while it plays, for a better one: it is neared frame by frame.
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
_NEARER = 0.15
"""A vector that is exchanged covers this share of what is left of its way with each frame: half of it in four."""
_THERE = 1e-4


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

    def use(self, vectors: Vectors) -> None:
        """Mix these vectors from the next frame on."""
        self._vectors, self._seen = vectors, None

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
    """Gives the inputs of a palette's engine that are style vectors. One thread calls it; `learn` may come from any.

    Args:
        vectors: The style vectors by name, float32 (d,), in the order of the weights.
        inputs: Names of what the engine takes.
        under_way: See `Mixer`.
    """

    def __init__(self, vectors: Mapping[str, Vectors], inputs: Sequence[str], *, under_way: int) -> None:
        table = self._table = np.ascontiguousarray(np.stack(list(vectors.values())), np.float32)
        self._places = {name: place for place, name in enumerate(vectors)}
        self._wanted: dict[int, Vectors] = {}  # vectors on their way, by place
        self._learnt: Mapping[int, Vectors] = {}  # the newest of all that were exchanged; replaced, never changed
        self._seen: Mapping[int, Vectors] = self._learnt
        self._inside = Mixer(table, under_way=under_way)
        self._outside = Mixer(table, under_way=under_way) if outside(STYLE) in inputs else None
        self._before = np.zeros(len(table), np.float32)
        self._before[0] = 1.0
        self.empty = False
        """Whether every weight of the last frame was 0, where they count by their sum."""

    def learn(self, name: str, vector: Vectors) -> None:
        """Exchange the vector of a style, float32 (d,). Raises ValueError for no such style, or another length."""
        if name not in self._places or vector.shape != self._table.shape[1:]:
            raise ValueError(f"no vector of {self._table.shape[1]} numbers of a style {name!r:.80}")
        self._learnt = {**self._learnt, self._places[name]: np.asarray(vector, np.float32)}

    def allow(self, under_way: int) -> None:
        """See `Mixer.allow`."""
        for side in (self._inside, self._outside):
            if side is not None:
                side.allow(under_way)

    def __call__(self, values: Mapping[str, Values]) -> dict[str, Vectors]:
        """The style vectors by the names of the inputs, for the values of the parameters."""
        self._near()
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

    def _near(self) -> None:
        """Bring vectors that were exchanged a part of their way."""
        learnt = self._learnt
        if learnt is not self._seen:
            self._seen = learnt
            self._wanted = dict(learnt)
        if not self._wanted:
            return
        for place, wanted in list(self._wanted.items()):
            left = wanted - self._table[place]
            if np.abs(left).max() <= _THERE:
                self._table[place] = wanted
                del self._wanted[place]
            else:
                self._table[place] += np.float32(_NEARER) * left
        for side in (self._inside, self._outside):
            if side is not None:
                side.use(self._table)
