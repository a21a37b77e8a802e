"""What every engine promises: a style pack made callable for one device, size and precision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from stylefader.engines.account import EngineAccount
from stylefader.training.errors import EngineError

Precision = Literal["auto", "f32", "bf16", "fp16", "int8"]
Goal = Literal["latency", "throughput"]
"""What an engine is made for: each frame soonest, as a live session needs, or most frames a second, as a render."""
Picture = npt.NDArray[np.uint8]
Report = Callable[[str], None]
"""Told in words before something that takes long, and only then. What it raises ends the opening of an engine."""


def quiet(words: str) -> None:
    """A Report that keeps it to itself."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an engine came out of the cache. words: for people; kept: it is in the cache now."""

    digest: str
    hit: bool
    kept: bool
    words: str


class Engine(ABC):
    """`stylize` a frame at the strengths `alpha`, which are a run-time input: changing them costs nothing.

    name: as in the registry; device: what it runs on, in words; precision: of the matrix products.
    slots: how many frames may be under way at once, by `start`. Each has buffers of its own and they take turns, so
    a picture returned without `out` belongs to the engine and holds until `slots` more frames were started; pass
    `out` to have it written into a buffer of your own. One thread calls at a time. `close` twice is harmless.

    A subclass is made as `Kind(pack, height, width, *, precision, goal, cache, report)`, and says how a frame begins
    (`_begin`) and how its picture is had (`_finish`), slot by slot. What has nothing to keep takes no notice of
    `cache` and `report`.
    """

    name: str
    device: str
    precision: str
    outcome: Outcome | None = None
    """How this engine came out of the cache, where it is one that is kept there."""
    reasons: tuple[str, ...] = ()
    """Why it was taken and not another one, at length: for whoever asks."""
    account: EngineAccount | None = None
    """Which, why and how, as data: set by `open_engine`."""

    def __init__(self, *, height: int, width: int, n_blocks: int, slots: int = 1) -> None:
        self.height = height
        self.width = width
        self.n_blocks = n_blocks
        self.slots = slots
        self._closed = False
        self._started = 0
        self._pending: list[Pending | None] = [None] * slots

    def stylize(self, frame_HWC: Picture, alpha: npt.NDArray[np.float32], *, out: Picture | None = None) -> Picture:
        """Stylize one frame and wait for it.

        frame_HWC: uint8 (height, width, 3) RGB, any strides. alpha: float32 (n_blocks,).
        out: uint8 (height, width, 3) to write into; it is then what is returned.
        Raises EngineError when the engine is closed or shapes, types or alpha do not fit.
        """
        return self.start(frame_HWC, alpha, out=out).result()

    def start(self, frame_HWC: Picture, alpha: npt.NDArray[np.float32], *, out: Picture | None = None) -> Pending:
        """Begin a frame; its picture comes by `result` of what is returned. Arguments and errors as in `stylize`.

        With several slots, the frames under way overlap. Frame, alpha and out must stay as they are until `result`.
        Raises EngineError as well when the slot whose turn it is has a picture that was not asked for yet.
        """
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")
        expected = (self.height, self.width, 3)
        for what, picture in (("frame", frame_HWC), ("out", out)):
            if picture is not None and (picture.shape != expected or picture.dtype != np.uint8):
                raise EngineError(f"{what} is {picture.dtype} {picture.shape}, expected uint8 {expected}")
        if alpha.shape != (self.n_blocks,) or alpha.dtype != np.float32:
            raise EngineError(f"alpha is {alpha.dtype} {alpha.shape}, expected float32 {(self.n_blocks,)}")
        if not np.isfinite(alpha).all():
            raise EngineError(f"alpha has a value that is not finite: {alpha.tolist()}")
        slot = self._started % self.slots
        if self._pending[slot] is not None:
            raise EngineError(f"engine {self.name} has {self.slots} frames under way: take a result first")
        self._begin(slot, np.ascontiguousarray(frame_HWC), np.ascontiguousarray(alpha))
        self._started += 1
        pending = self._pending[slot] = Pending(self, slot, out)
        return pending

    def _result(self, slot: int) -> Picture:
        """For Pending: wait for a slot's picture and free the slot, also where that fails."""
        self._pending[slot] = None
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")
        return self._finish(slot)

    @abstractmethod
    def _begin(self, slot: int, frame_HWC: Picture, alpha: npt.NDArray[np.float32]) -> None:
        """Begin a checked, contiguous frame in a free slot. The arrays are kept until `_finish` by what holds them."""

    @abstractmethod
    def _finish(self, slot: int) -> Picture:
        """Wait for a slot's picture, which is in the slot's own buffer."""

    def warm_up(self) -> None:
        """Run every slot once on a grey frame, so that the first real frame is as fast as the others."""
        grey, alpha = np.full((self.height, self.width, 3), 128, np.uint8), np.zeros(self.n_blocks, np.float32)
        for pending in [self.start(grey, alpha) for _ in range(self.slots)]:
            pending.result()

    def close(self) -> None:
        """Free what the engine holds; afterwards `stylize` raises EngineError."""
        if not self._closed:
            self._closed = True
            self._release()

    def _release(self) -> None:
        """Free device memory and handles; called once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Pending:
    """A frame under way in an engine. Asking for the result again gives the same picture."""

    def __init__(self, engine: Engine, slot: int, out: Picture | None) -> None:
        self._engine: Engine | None = engine
        self._slot = slot
        self._picture = out

    def result(self) -> Picture:
        """Wait for the picture. Raises EngineError when it failed or the engine was closed meanwhile."""
        engine, self._engine = self._engine, None
        if engine is not None:
            picture = engine._result(self._slot)
            if self._picture is None:
                self._picture = picture
            else:
                np.copyto(self._picture, picture)
        if self._picture is None:
            raise EngineError("this frame failed when its picture was asked for before", failure=True)
        return self._picture
