"""The rack: engines on their way for a live session, built in the background while another one plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from engines import REGISTRY, Engine, EngineBuild, Precision
from engines.base import quiet
from engines.cache import EngineCache
from engines.choice import choose, why_not_here
from realtime.adaptive import Size
from training.errors import EngineError, PackError, StylefaderError
from training.pack_file import PackFile

LIVE_DB = 32.0
"""What an engine must hold for `auto` to take it in a live session: int8 may, where it is faster."""
SOON_DB = 45.0
"""What the engine must hold that plays while `auto` measures: mostly only one does, and nothing is to be measured."""
_END_S = 0.5
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


class Ask(NamedTuple):
    """An engine and a precision by name."""

    backend: str
    precision: Precision

    def __str__(self) -> str:
        return self.backend if self.precision == "auto" else f"{self.backend} {self.precision}"


class Rack:
    """Builds one engine at a time, the latest order first. Asked from one thread; `close` twice is harmless.

    backend, precision: what to ask for. What cannot be had at the very first is the caller's error where one of them
    was named; later, and with `auto`, the other engines are tried, those that can run here, one after another. An
    engine that `failed` is told of is not taken again.
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
        self.packs = list(packs)
        self._asked = Ask(backend, precision)
        self._cache_dir, self._say, self._make = cache_dir, say, build
        self._broken: set[str] = set()
        self._refused: set[Ask] = set()
        self._order: Order | None = None
        self._build: EngineBuild | None = None
        self._old: list[EngineBuild] = []
        self._trying = self._asked
        self._delivered = False
        self._provisional = self._once_provisional = False

    def add(self, packs: Sequence[PackFile]) -> None:
        """More styles, after those that there are."""
        self.packs.extend(packs)

    @property
    def busy(self) -> bool:
        """Whether an engine is on its way."""
        return self._build is not None

    @property
    def stage(self) -> str:
        """What the build is doing, in words."""
        return self._build.stage if self._build else ""

    def order(self, order: Order) -> None:
        """Have an engine made; one that is on its way is dropped."""
        self._cancel()
        self._order = order
        self._refused.clear()  # what did not do for another style may do for this one
        self._begin(self._next() or self._asked)

    def failed(self, engine: str) -> None:
        """An engine of that name broke while it played: no more of its kind."""
        self._broken.add(engine)

    def take(self) -> Delivery | None:
        """What was ordered, once it is there. Never waits.

        Raises EngineError when nothing is left to try, PackError for a pack that is spoilt, and at the very first
        whatever stands against what was asked for by name.
        """
        self._reap()
        if self._build is None or self._order is None:
            return None
        try:
            result = self._build.take()
        except PackError:
            self._cancel()
            raise
        except Exception as error:  # of a compiler or the disk, too: another engine may do
            order, asked_by_name = self._order, self._asked != Ask("auto", "auto")
            self._cancel()
            if asked_by_name and not self._delivered and isinstance(error, StylefaderError):
                raise
            self._refused.add(self._trying)
            following = self._next()
            if following is None:
                raise EngineError(f"no engine is left to play on: {error}", failure=True) from error
            self._say(f"{error}; trying {following}")
            self._order = order
            self._begin(following)
            return None
        if result is None:
            return None
        engine, why = result
        if self._trying != self._asked:
            why = why.replace(", as asked", ", in place of what failed")
        delivery = Delivery(order=self._order, engine=engine, why=why, provisional=self._provisional)
        self._build = self._order = None
        self._delivered = True
        return delivery

    def close(self, timeout_s: float = _END_S) -> None:
        """Cancel what is on its way, and wait a moment for it to end: so long for all builds together."""
        self._cancel()
        until = time.monotonic() + timeout_s
        for build in self._old:
            build.wait(max(0.0, until - time.monotonic()))
        self._old.clear()

    def _next(self) -> Ask | None:
        """What to ask for: what was named, then that engine as it likes, then those that can run here."""
        asks = [self._asked, Ask(self._asked.backend, "auto")]
        asks += [Ask(name, "auto") for name in REGISTRY if not why_not_here(name)]
        for ask in asks:
            # `auto` could come to an engine that broke, so then they are named one by one.
            broken = ask.backend in self._broken or (ask.backend == "auto" and self._broken)
            if ask not in self._refused and not broken:
                return ask
        return None

    def _begin(self, ask: Ask) -> None:
        assert self._order is not None
        self._trying = ask
        self._provisional = not self._once_provisional and ask.backend == "auto" and self._must_measure()
        self._once_provisional = self._once_provisional or self._provisional
        self._build = self._make(
            self.packs[self._order.style], self._order.size.height, self._order.size.width, backend=ask.backend,
            precision=ask.precision, least_db=SOON_DB if self._provisional else LIVE_DB, cache_dir=self._cache_dir,
        )  # fmt: skip

    def _must_measure(self) -> bool:
        """Whether `auto` would first have to find out what is the fastest here, which takes seconds."""
        assert self._order is not None
        choice = choose(
            self.packs[self._order.style], self._order.size.height, self._order.size.width,
            precision=self._asked.precision, least_db=LIVE_DB, cache=EngineCache(self._cache_dir), report=quiet,
            measure=False,
        )  # fmt: skip
        return bool(choice.unmeasured)

    def _cancel(self) -> None:
        if self._build is not None:
            self._build.cancel()  # its thread and process end by themselves, and are waited for at the end
            self._old.append(self._build)
        self._build = self._order = None

    def _reap(self) -> None:
        for build in [old for old in self._old if old.wait(0)]:
            build.close()
            self._old.remove(build)
