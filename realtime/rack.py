"""The rack: engines on their way for a live session, built in the background while another one plays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines import REGISTRY, Engine, EngineBuild, Precision
from engines.base import quiet
from engines.cache import EngineCache
from engines.choice import choose
from realtime.adaptive import Size
from training.errors import EngineError, StylefaderError
from training.pack_file import PackFile

LIVE_DB = 32.0
"""What an engine must hold for `auto` to take it in a live session: int8 may, where it is faster."""
SOON_DB = 45.0
"""What the engine must hold that plays while `auto` measures: mostly only one does, and nothing is to be measured."""
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is wanted next: which style of the rack, at which size, and how it comes in."""

    style: int
    size: Size
    fade_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An engine, warmed up, for the order that asked for it. provisional: a faster one may be had; order again."""

    order: Order
    engine: Engine
    why: str
    provisional: bool = False


class Rack:
    """Builds one engine at a time, the latest order first. Asked from one thread; `close` twice is harmless.

    backend: a name, or `auto`. An engine that `failed` is told of is not taken again: the next ones of the registry
    are, one after another, whatever was asked for.
    """

    def __init__(
        self,
        packs: Sequence[PackFile],
        *,
        backend: str = "auto",
        precision: Precision = "auto",
        cache_dir: Path | None = None,
        say: Say = lambda words: None,
        build: Callable[..., EngineBuild] = EngineBuild,
    ) -> None:
        self.packs = packs
        self._backend, self._precision, self._cache_dir = backend, precision, cache_dir
        self._say, self._make = say, build
        self._out: set[str] = set()
        self._order: Order | None = None
        self._build: EngineBuild | None = None
        self._old: list[EngineBuild] = []
        self._trying = ""
        self._provisional = self._once_provisional = False

    @property
    def busy(self) -> bool:
        """Whether an engine is on its way."""
        return self._build is not None

    @property
    def ordered(self) -> Order | None:
        """What is on its way."""
        return self._order

    @property
    def stage(self) -> str:
        """What the build is doing, in words."""
        return self._build.stage if self._build else ""

    def order(self, order: Order) -> None:
        """Have an engine made; one that is on its way is dropped."""
        self._cancel()
        self._order = order
        self._begin()

    def failed(self, engine: str) -> None:
        """An engine of that name broke while it played: no more of its kind."""
        self._out.add(engine)

    def take(self) -> Delivery | None:
        """What was ordered, once it is there. Never waits. Raises EngineError when nothing is left to try."""
        self._reap()
        if self._build is None or self._order is None:
            return None
        try:
            result = self._build.take()
        except StylefaderError as error:
            self._cancel(keep_order=True)
            self._out.add(self._trying)
            if not self._next_backend():
                self._order = None
                raise EngineError(f"no engine is left to play on: {error}", failure=True) from error
            self._say(f"{error}; trying {self._next_backend()}")
            self._begin()
            return None
        if result is None:
            return None
        engine, why = result
        delivery = Delivery(order=self._order, engine=engine, why=why, provisional=self._provisional)
        self._build = self._order = None
        return delivery

    def close(self) -> None:
        """Cancel what is on its way."""
        self._cancel()
        for build in self._old:
            build.close()
        self._old.clear()

    def _next_backend(self) -> str:
        """The engine to ask for; empty when all have failed."""
        if self._backend not in self._out and not (self._backend == "auto" and self._out):
            return self._backend
        return next((name for name in REGISTRY if name not in self._out), "")

    def _begin(self) -> None:
        assert self._order is not None
        self._trying = self._next_backend()
        asked = self._trying == self._backend
        self._provisional = not self._once_provisional and self._trying == "auto" and self._must_measure()
        self._once_provisional = self._once_provisional or self._provisional
        self._build = self._make(
            self.packs[self._order.style], self._order.size.height, self._order.size.width,
            backend=self._trying or self._backend, precision=self._precision if asked else "auto",
            least_db=SOON_DB if self._provisional else LIVE_DB, cache_dir=self._cache_dir,
        )  # fmt: skip

    def _must_measure(self) -> bool:
        """Whether `auto` would first have to find out what is the fastest here, which takes seconds."""
        assert self._order is not None
        choice = choose(
            self.packs[self._order.style], self._order.size.height, self._order.size.width, precision=self._precision,
            least_db=LIVE_DB, cache=EngineCache(self._cache_dir), report=quiet, measure=False,
        )  # fmt: skip
        return bool(choice.unmeasured)

    def _cancel(self, *, keep_order: bool = False) -> None:
        if self._build is not None:
            self._build.cancel()  # its thread and process end by themselves, and are waited for at the end
            self._old.append(self._build)
        self._build = None
        if not keep_order:
            self._order = None

    def _reap(self) -> None:
        for build in [old for old in self._old if old.wait(0)]:
            build.close()
            self._old.remove(build)
