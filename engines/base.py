"""What every engine promises: a pack's network made callable for one device, size and precision."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from stylefader.engines.account import EngineAccount
from stylefader.engines.example_inputs import example_inputs
from stylefader.engines.finishing.settings import UNTOUCHED, Finish, read_finish
from stylefader.engines.inputs import Array, BoundInputs, Values
from stylefader.training.closing import Closing
from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import FRAME, MASK
from stylefader.training.packs.inputs import InputSpec

if TYPE_CHECKING:
    from stylefader.engines.finishing.pictures import Finisher

Precision = Literal["auto", "f32", "bf16", "fp16", "int8"]
Goal = Literal["latency", "throughput"]
"""What an engine is made for: each frame soonest, as a live session needs, or most frames a second, as a render."""
Picture = npt.NDArray[np.uint8]
Report = Callable[[str], None]
"""Called with a few words before something that takes long. If it raises, opening the engine ends with that error."""
Look = Callable[[Picture], None]
"""Called with the network's own picture, before it is finished; it must not keep or change it."""


def quiet(words: str) -> None:
    """A Report that does nothing."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the cache did for an engine. words: for people; kept: whether it is in the cache now."""

    digest: str
    hit: bool
    kept: bool
    words: str


class Engine(Closing):
    """A network with named inputs. `run` computes a picture from their values; all of them may change at every call.

    Changing a value never compiles, allocates or synchronises. One thread calls at a time; `close` twice is harmless.

    Attributes:
        name: As in the registry.
        device: What it runs on, in words.
        precision: Of the matrix products.
        inputs: The inputs that its graph takes, in their order: those that its pack declares, and with a mask
            `alpha_outside` and `mask`, where alpha can be a map.
        finishing: The inputs of what is done to the picture behind the graph: `mix`, `colour`, and with a mask what
            they are outside of it. By default nothing is done.
        masked: Whether it has a mask that its pack does not declare.
        height, width: Of its pictures, in pixels, and of every input that has the size of the picture.
        slots: How many frames may be under way at once, by `start`. Each has buffers of its own and they take turns,
            so a picture returned without `out` belongs to the engine and holds until `slots` more frames were
            started; pass `out` to have it written into a buffer of your own.

    A subclass is made as `Kind(pack, height, width, *, precision, goal, cache, report, masked)`, and implements how a
    frame begins (`_begin`) and how its picture is fetched (`_finish`), by slot. An engine that keeps nothing in the
    cache ignores `cache` and `report`. One that finishes pictures itself, on its device, sets `finishes`.
    """

    finishes = False

    name: str
    device: str
    precision: str
    outcome: Outcome | None = None
    """What the cache did for this engine; None for an engine that is not cached."""
    reasons: tuple[str, ...] = ()
    """Why it was taken and not another one, in detail."""
    account: EngineAccount | None = None
    """Which, why and how, as data: set by `open_engine`."""

    def __init__(
        self, *, inputs: Sequence[InputSpec], height: int, width: int, slots: int = 1,
        finishing: Sequence[InputSpec] = (), masked: bool = False,
    ) -> None:  # fmt: skip
        self.inputs, self.finishing, self.masked = tuple(inputs), tuple(finishing), masked
        self.height = height
        self.width = width
        self.slots = slots
        self._bound = BoundInputs((*inputs, *finishing), height, width)
        self._finished_by = {spec.name for spec in finishing} | ({MASK} if masked else set())
        self._finisher: Finisher | None = None
        self._shape = (height, width, 3)
        self._closed = False
        self._started = 0
        self._pending: list[Pending | None] = [None] * slots

    def run(self, values: Values, *, out: Picture | None = None) -> Picture:
        """Compute one picture and wait for it.

        Args:
            values: Arrays by the names of `inputs` and `finishing`, of their types and shapes and any strides; those
                left out take their defaults. Numbers must be finite, labels within their range, mix and colour from 0
                to 1, and vectors keep their constraint; another vector beyond low and high is computed like any other.
            out: uint8 (height, width, 3) to write into; it is then what is returned.

        Returns:
            The picture, uint8 (height, width, 3) RGB.

        Raises:
            EngineError: The engine is closed, a name is unknown, an input without default is missing, or something
                does not fit.
        """
        return self.start(values, out=out).result()

    def start(self, values: Values, *, out: Picture | None = None, look: Look | None = None) -> Pending:
        """Begin a picture, which comes by `result` of what is returned. Arguments and errors as in `run`.

        With several slots, the frames under way overlap. Values and out must stay as they are until `result`.
        Also raises EngineError if the next slot still has a picture whose `result` was not called.

        look: called by `result` with the network's own picture, where it comes to the host: an engine on a GPU may
        have finished it there.
        """
        self._must_be_open()
        checked = self._bound.checked(values, self.name)
        finish = self.finish_of(values)
        if out is not None and (out.shape != self._shape or out.dtype != np.uint8):
            raise EngineError(f"out is {out.dtype} {out.shape}, expected uint8 {self._shape}")
        slot = self._started % self.slots
        if self._pending[slot] is not None:
            raise EngineError(f"engine {self.name} has {self.slots} frames under way: take a result first")
        self._begin(slot, checked)
        self._started += 1
        if self.finishes or finish.plain:
            pending = self._pending[slot] = Pending(self, slot, out, look)
        else:
            pending = self._pending[slot] = FinishedPending(self, slot, out, look, finish, checked[FRAME])
        return pending

    def finish_of(self, values: Values) -> Finish:
        """What is to be done to a picture of these values, which are of the declared types. Raises EngineError."""
        own = {name: values[name] for name in self._finished_by & values.keys()}  # a pack's own mix is the pack's
        return read_finish(own, masked=self.masked and MASK in own) if own else UNTOUCHED

    def _finish_picture(self, picture: Picture, original: Picture, finish: Finish, out: Picture) -> None:
        """For Pending: write a finished picture; `out` may be the picture itself."""
        if self._finisher is None:
            from stylefader.engines.finishing.pictures import Finisher

            self._finisher = Finisher(self.height, self.width)
        self._finisher(picture, original, finish, out)

    def _result(self, slot: int) -> Picture:
        """For Pending: wait for a slot's picture and free the slot, also after an error."""
        self._pending[slot] = None
        self._must_be_open()
        return self._finish(slot)

    def _must_be_open(self) -> None:
        """Raises EngineError after `close`."""
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")

    @abstractmethod
    def _begin(self, slot: int, values: dict[str, Array]) -> None:
        """Begin a frame in a free slot.

        values: every input by name, those of the graph first and in its order, checked and contiguous. The arrays are
        kept until `_finish` by what holds them.
        """

    @abstractmethod
    def _finish(self, slot: int) -> Picture:
        """Wait for a slot's picture, which is in the slot's own buffer."""

    def network_picture(self, slot: int, picture: Picture) -> Picture:
        """For Pending: what the network itself gave for a slot's picture; another one where that was scaled."""
        return picture

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


class Pending:
    """A frame under way in an engine. Asking for the result again gives the same picture."""

    def __init__(self, engine: Engine, slot: int, out: Picture | None, look: Look | None) -> None:
        self._engine: Engine | None = engine
        self._slot = slot
        self._picture = out
        self._look = look

    def result(self) -> Picture:
        """Wait for the picture. Raises EngineError when it failed or the engine was closed meanwhile."""
        engine, self._engine = self._engine, None
        if engine is not None:
            picture = engine._result(self._slot)
            if self._look is not None:
                self._look(engine.network_picture(self._slot, picture))
            self._picture = self._put(engine, picture, self._picture)
        if self._picture is None:
            raise EngineError("this frame failed when its picture was asked for before", failure=True)
        return self._picture

    def _put(self, engine: Engine, picture: Picture, out: Picture | None) -> Picture:
        """Bring the network's picture to where it is wanted."""
        if out is None:
            return picture
        np.copyto(out, picture)
        return out


class FinishedPending(Pending):
    """The same, finished on the processor on its way out."""

    def __init__(
        self, engine: Engine, slot: int, out: Picture | None, look: Look | None, finish: Finish, original: Any
    ) -> None:
        super().__init__(engine, slot, out, look)
        self._finish, self._original = finish, original

    def _put(self, engine: Engine, picture: Picture, out: Picture | None) -> Picture:
        if out is not None and out.flags.c_contiguous:
            engine._finish_picture(picture, self._original, self._finish, out)
            return out
        engine._finish_picture(picture, self._original, self._finish, picture)
        return super()._put(engine, picture, out)
