"""What every engine promises: a pack's network made callable for one device, size and precision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from stylefader.engines.account import EngineAccount
from stylefader.engines.example_inputs import example_inputs
from stylefader.engines.inputs import Array, BoundInputs, Values
from stylefader.training.errors import EngineError
from stylefader.training.packs.inputs import InputSpec

Precision = Literal["auto", "f32", "bf16", "fp16", "int8"]
Goal = Literal["latency", "throughput"]
"""What an engine is made for: each frame soonest, as a live session needs, or most frames a second, as a render."""
Picture = npt.NDArray[np.uint8]
Report = Callable[[str], None]
"""Called with a few words before something that takes long. If it raises, opening the engine ends with that error."""


def quiet(words: str) -> None:
    """A Report that does nothing."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the cache did for an engine. words: for people; kept: whether it is in the cache now."""

    digest: str
    hit: bool
    kept: bool
    words: str


class Engine(ABC):
    """A network with named inputs. `run` computes a picture from their values; all of them may change at every call.

    Changing a value never compiles, allocates or synchronises. One thread calls at a time; `close` twice is harmless.

    Attributes:
        name: As in the registry.
        device: What it runs on, in words.
        precision: Of the matrix products.
        inputs: The inputs that its pack declares, in the order in which its graph takes them.
        height, width: Of its pictures, in pixels, and of every input that has the size of the picture.
        slots: How many frames may be under way at once, by `start`. Each has buffers of its own and they take turns,
            so a picture returned without `out` belongs to the engine and holds until `slots` more frames were
            started; pass `out` to have it written into a buffer of your own.

    A subclass is made as `Kind(pack, height, width, *, precision, goal, cache, report)`, and implements how a frame
    begins (`_begin`) and how its picture is fetched (`_finish`), by slot. An engine that keeps nothing in the cache
    ignores `cache` and `report`.
    """

    name: str
    device: str
    precision: str
    outcome: Outcome | None = None
    """What the cache did for this engine; None for an engine that is not cached."""
    reasons: tuple[str, ...] = ()
    """Why it was taken and not another one, in detail."""
    account: EngineAccount | None = None
    """Which, why and how, as data: set by `open_engine`."""

    def __init__(self, *, inputs: Sequence[InputSpec], height: int, width: int, slots: int = 1) -> None:
        self.inputs = tuple(inputs)
        self.height = height
        self.width = width
        self.slots = slots
        self._bound = BoundInputs(inputs, height, width)
        self._shape = (height, width, 3)
        self._closed = False
        self._started = 0
        self._pending: list[Pending | None] = [None] * slots

    def run(self, values: Values, *, out: Picture | None = None) -> Picture:
        """Compute one picture and wait for it.

        Args:
            values: Arrays by the names of `inputs`, of their types and shapes and any strides; those left out take
                their defaults. Numbers must be finite, labels within their range, and vectors keep their constraint;
                a vector beyond low and high is computed like any other.
            out: uint8 (height, width, 3) to write into; it is then what is returned.

        Returns:
            The picture, uint8 (height, width, 3) RGB.

        Raises:
            EngineError: The engine is closed, a name is unknown, an input without default is missing, or something
                does not fit.
        """
        return self.start(values, out=out).result()

    def start(self, values: Values, *, out: Picture | None = None) -> Pending:
        """Begin a picture, which comes by `result` of what is returned. Arguments and errors as in `run`.

        With several slots, the frames under way overlap. Values and out must stay as they are until `result`.
        Also raises EngineError if the next slot still has a picture whose `result` was not called.
        """
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")
        checked = self._bound.checked(values, self.name)
        if out is not None and (out.shape != self._shape or out.dtype != np.uint8):
            raise EngineError(f"out is {out.dtype} {out.shape}, expected uint8 {self._shape}")
        slot = self._started % self.slots
        if self._pending[slot] is not None:
            raise EngineError(f"engine {self.name} has {self.slots} frames under way: take a result first")
        self._begin(slot, checked)
        self._started += 1
        pending = self._pending[slot] = Pending(self, slot, out)
        return pending

    def _result(self, slot: int) -> Picture:
        """For Pending: wait for a slot's picture and free the slot, also after an error."""
        self._pending[slot] = None
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")
        return self._finish(slot)

    @abstractmethod
    def _begin(self, slot: int, values: dict[str, Array]) -> None:
        """Begin a frame in a free slot.

        values: every input by name, in the order of `inputs`, checked and contiguous. The arrays are kept until
        `_finish` by what holds them.
        """

    @abstractmethod
    def _finish(self, slot: int) -> Picture:
        """Wait for a slot's picture, which is in the slot's own buffer."""

    def warm_up(self) -> None:
        """Run every slot once on a grey frame, so that the first real frame is as fast as the others."""
        values = example_inputs(self.inputs, self.height, self.width)
        for pending in [self.start(values) for _ in range(self.slots)]:
            pending.result()

    def close(self) -> None:
        """Free what the engine holds; afterwards `run` raises EngineError."""
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
