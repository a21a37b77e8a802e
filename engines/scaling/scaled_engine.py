"""An engine of one size made into one of another: its frames are scaled on the way in, its pictures brought back."""

from __future__ import annotations

import cv2
import numpy as np

from stylefader.engines.base import Engine, Pending, Picture
from stylefader.engines.inputs import Array
from stylefader.engines.scaling.bring_back import BringBack
from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import FRAME, MASK, MIX, outside, stylizes
from stylefader.training.packs.inputs import InputSpec

_AREA_FROM = 2.0
"""From how much smaller on a picture is made of means of areas; below, linear interpolation misses nothing."""


class ScaledEngine(Engine):
    """Takes frames of (height, width), and gives pictures of that size, by an engine of another size.

    Pictures are finished at the frame's size, where the original is as sharp as it came. Closing it closes `inner`.

    Args:
        inner: The engine. Nobody else calls it.
        height: Of the frames, in pixels.
        width: Likewise.

    Raises:
        EngineError: Its network takes no frame, or has a state of the picture's size.
    """

    def __init__(self, inner: Engine, height: int, width: int) -> None:
        if not stylizes(inner.inputs):
            raise EngineError("a network that takes no frame cannot compute at another size than its picture's")
        if any(spec.sized and spec.kind == "state" for spec in inner.inputs):
            raise EngineError("a network with a state of the picture's size cannot compute at another size")
        super().__init__(
            inputs=inner.inputs, finishing=inner.finishing, masked=inner.masked, height=height, width=width,
            slots=inner.slots,
        )  # fmt: skip
        self.inner = inner
        self.name, self.device, self.precision = inner.name, inner.device, inner.precision
        self.outcome, self.reasons, self.account = inner.outcome, inner.reasons, inner.account
        self._finishes_inside = {spec.name for spec in inner.finishing}
        self._bring_back = BringBack(height, width)
        self._pictures = [np.empty((height, width, 3), np.uint8) for _ in range(self.slots)]
        self._under_way: list[tuple[Pending, Picture, Picture] | None] = [None] * self.slots
        self._network_pictures: list[Picture | None] = [None] * self.slots

    def _begin(self, slot: int, values: dict[str, Array]) -> None:
        given = {
            spec.name: self._scaled(spec, values[spec.name])
            for spec in self.inner.inputs
            if values[spec.name] is not self._bound.all[spec.name].default
        }
        if MASK in given and outside(MIX) in self._finishes_inside:
            given[outside(MIX)] = np.ones(1, np.float32)  # so that the inner engine finishes neither side
        self._under_way[slot] = (self.inner.start(given), values[FRAME], given[FRAME])

    def _finish(self, slot: int) -> Picture:
        under_way, self._under_way[slot] = self._under_way[slot], None
        assert under_way is not None
        pending, frame, small_frame = under_way
        small = self._network_pictures[slot] = pending.result()
        picture = self._pictures[slot]
        self._bring_back(small, small_frame, frame, picture)
        return picture

    def network_picture(self, slot: int, picture: Picture) -> Picture:
        """The picture of the inner engine, in which what is broken shows."""
        small = self._network_pictures[slot]
        return picture if small is None else small

    def _scaled(self, spec: InputSpec, value: Array) -> Array:
        """An input at the inner engine's size."""
        if not spec.sized:
            return value
        size = (self.inner.width, self.inner.height)
        return np.asarray(cv2.resize(value, size, interpolation=self._way(spec)), value.dtype)

    def _way(self, spec: InputSpec) -> int:
        if spec.kind == "labels":
            return cv2.INTER_NEAREST
        if self.height < self.inner.height:
            return cv2.INTER_CUBIC
        return cv2.INTER_AREA if self.height >= _AREA_FROM * self.inner.height else cv2.INTER_LINEAR

    def _release(self) -> None:
        self.inner.close()
