"""The engine loader: builds engines for a live session in the background while another one plays.

The newest request is built first and waits for nothing else. Older builds go on behind it, for the cache, and engines
are measured behind what plays (`engines.selection.background_measuring`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from stylefader.engines import REGISTRY, Engine, EngineBuild, Precision
from stylefader.engines.account import EngineAccount
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.machine import identity as machine
from stylefader.engines.selection.background_measuring import Look, MeasuringBehind, News
from stylefader.engines.selection.choice import own_precision, why_not_here
from stylefader.engines.selection.expected_time import ExpectedTime, expected_time
from stylefader.realtime.pipeline.events import Note, Tell, untold
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.events import EngineRefused
from stylefader.training.errors import EngineError, PackError, StylefaderError
from stylefader.training.packs.pack_file import PackFile

LIVE_DB = 32.0
"""What an engine must hold for `auto` to take it in a live session: int8 may, where it is faster."""
_END_S = 0.5
_MOST_BEHIND = 2
"""Builds that go on behind the wanted one; beyond that the oldest is ended."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EngineRequest:
    """What is wanted next: which style of the engine loader, at which size, with a mask or not, and how it comes in.

    stroke: the size of the strokes that the size is for.
    """

    style: int
    size: Size
    fade_s: float = 0.0
    masked: bool = False
    stroke: float = 1.0


@dataclass(frozen=True, kw_only=True)
class LoadedEngine:
    """An engine, warmed up, for the order that asked for it. pack: what it was built of."""

    request: EngineRequest
    pack: PackFile
    engine: Engine
    account: EngineAccount


class Ask(NamedTuple):
    """An engine and a precision by name."""

    backend: str
    precision: Precision

    def __str__(self) -> str:
        return self.backend if self.precision == "auto" else f"{self.backend} {self.precision}"


class _Wish(NamedTuple):
    """What a build is of."""

    pack: PackFile
    size: Size
    ask: Ask
    masked: bool


class _Plays(NamedTuple):
    """What was delivered last."""

    request: EngineRequest
    pack: PackFile
    engine: str
    precision: str


class EngineLoader:
    """Builds the latest order first, and an engine that proved to be faster in place of the one that plays.

    Asked from one thread; no call waits for a build or a measurement; `close` twice is harmless.

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
        tell: Tell = untold,
        build: Callable[..., EngineBuild] = EngineBuild,
        measuring: Callable[..., MeasuringBehind] = MeasuringBehind,
    ) -> None:
        self.packs = list(packs)
        self._asked = Ask(backend, precision)
        self._cache_dir, self._tell, self._make = cache_dir, tell, build
        self._broken: set[str] = set()
        self._refused: set[Ask] = set()
        self._request: EngineRequest | None = None
        self._pack: PackFile | None = None  # of the request, since a family's pack changes
        self._build: EngineBuild | None = None
        self._behind: dict[_Wish, EngineBuild] = {}  # left, but going on
        self._old: list[EngineBuild] = []  # cancelled, and not ended yet
        self._trying = self._asked
        self._delivered = False
        self._plays: _Plays | None = None
        self._better = False  # the build is of a faster engine for what plays: nobody waits for it
        self._no_better: set[_Wish] = set()  # where that was tried, once in a session
        self._measuring = (
            measuring(
                precision=precision, least_db=LIVE_DB, cache_dir=cache_dir, say=lambda words: tell(Note(words=words))
            )
            if backend == "auto"
            else None
        )

    def add(self, packs: Sequence[PackFile]) -> None:
        """More styles, after those that there are."""
        self.packs.extend(packs)

    @property
    def busy(self) -> bool:
        """Whether an engine is on its way."""
        return self._build is not None

    @property
    def stage(self) -> str:
        """What the current build is doing, in words."""
        build = self._build
        return build.stage if build else ""

    @property
    def waits_for(self) -> str | None:
        """What is on its way, in words: a style that is built, else what is measured, else None. Any thread."""
        build, request = self._build, self._request
        if build is not None and request is not None:
            return f"{self.packs[request.style].style}: {build.stage}"
        return (self._measuring.stage if self._measuring else "") or None

    @property
    def makes_forms(self) -> bool:
        """Whether int8 would be of use: `auto` may take it, and there is no GPU, which is faster."""
        return self._asked == Ask("auto", "auto") and not machine.has_nvidia_driver()

    @property
    def folder(self) -> Path:
        """Of the cache."""
        return EngineCache(self._cache_dir).folder

    def expected_time(self, pack: PackFile, size: Size) -> ExpectedTime:
        """What a frame of a pack takes here, as far as that is known. Raises PackError for a spoilt pack."""
        return expected_time(
            pack, size.height, size.width, backend=self._asked.backend, precision=self._asked.precision,
            least_db=LIVE_DB, folder=self.folder,
        )  # fmt: skip

    def request(self, request: EngineRequest) -> None:
        """Have an engine made. One that is on its way goes on behind it, and is there sooner when it is asked for."""
        self._leave()
        self._request, self._pack = request, self.packs[request.style].network_pack
        self._refused.clear()  # what did not do for another style may do for this one
        self._begin(self._next() or self._asked)

    def failed(self, engine: str) -> None:
        """An engine of that name broke while it played: no more of its kind."""
        self._broken.add(engine)
        self._plays = None

    def take(self) -> LoadedEngine | None:
        """What was ordered, once it is there. Never waits.

        Raises EngineError when nothing is left to try, PackError for a pack that is spoilt, and at the very first
        whatever stands against what was asked for by name.
        """
        self._reap()
        self._hear()
        if self._build is None or self._request is None:
            return None
        try:
            result = self._build.take()
        except PackError:
            self._cancel()
            raise
        except Exception as error:  # of a compiler or the disk, too: another engine may do
            request, asked_by_name = self._request, self._asked != Ask("auto", "auto")
            better = self._better
            _log.warning("%s cannot be had", self._trying, exc_info=error)
            self._cancel()
            if better:
                self._tell(EngineRefused(why=str(error), trying=None))
                return None
            if asked_by_name and not self._delivered and isinstance(error, StylefaderError):
                raise
            self._refused.add(self._trying)
            following = self._next()
            if following is None:
                raise EngineError(f"no engine is left to play on: {error}", failure=True) from error
            self._tell(EngineRefused(why=str(error), trying=str(following)))
            self._request = request
            self._begin(following)
            return None
        if result is None:
            return None
        engine, _ = result
        account = engine.account
        assert account is not None, "open_engine gives one"
        if self._trying != self._asked and self._trying.backend != "auto":
            account = replace(account, why="in place of what failed")
        assert self._pack is not None
        loaded = LoadedEngine(request=self._request, pack=self._pack, engine=engine, account=account)
        self._plays = _Plays(self._request, self._pack, engine.name, engine.precision)
        self._build = self._request = None
        self._delivered, self._better = True, False
        if self._measuring is not None:
            self._measuring.hold(False)
            if self._trying.backend == "auto":
                self.measure(loaded.pack, loaded.request.size)
        return loaded

    def measure(self, pack: PackFile, size: Size) -> None:
        """Find out behind what is the fastest for a pack, before all that was asked for so far."""
        if self._measuring is not None:
            self._measuring.look(Look(pack=pack, height=size.height, width=size.width))

    def close(self, timeout_s: float = _END_S) -> None:
        """Cancel what is on its way and what is measured, and wait a moment for it to end: so long for all together."""
        self._cancel()
        for build in self._behind.values():
            build.cancel()
        self._old += self._behind.values()
        self._behind.clear()
        until = time.monotonic() + timeout_s
        if self._measuring is not None:
            self._measuring.close(timeout_s)
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
        assert self._request is not None and self._pack is not None
        self._trying = ask
        if self._measuring is not None:
            self._measuring.hold(True)  # what is waited for comes first
        size = self._request.size
        left = self._behind.pop(self._wish(ask), None)
        if left is not None and left.resume():
            self._build = left
            return
        if left is not None:
            self._old.append(left)
        self._build = self._make(
            self._pack, size.height, size.width, backend=ask.backend, precision=ask.precision,
            least_db=LIVE_DB, cache_dir=self._cache_dir, awaited=self._plays is None,
            masked=self._request.masked,
        )  # fmt: skip

    def _hear(self) -> None:
        """Have a faster engine built for what plays, where measuring has found one."""
        if self._measuring is None or self._build is not None:
            return
        news = self._measuring.news()
        if news is None or self._plays is None or not self._is_better(news, self._plays):
            return
        self._request, self._better = replace(self._plays.request, fade_s=0.0), True
        self._pack = self._plays.pack
        self._no_better.add(self._wish(self._asked))  # it may come to another one
        self._begin(self._asked)

    def _wish(self, ask: Ask) -> _Wish:
        assert self._request is not None and self._pack is not None
        return _Wish(self._pack, self._request.size, ask, self._request.masked)

    def _is_better(self, news: News, plays: _Plays) -> bool:
        request, first = plays.request, news.first
        asked = (news.look.pack, news.look.height, news.look.width)
        if asked != (plays.pack, request.size.height, request.size.width) or self._broken:
            return False
        if _Wish(plays.pack, request.size, self._asked, request.masked) in self._no_better:
            return False
        own = own_precision(first.engine) if first.precision == "auto" else first.precision
        return (first.engine, own) != (plays.engine, plays.precision)

    def _leave(self) -> None:
        """Let the current build go on in the background, for the cache."""
        if self._build is not None and self._request is not None and self._pack is not None:
            self._build.leave()
            self._behind[self._wish(self._trying)] = self._build
        self._build = self._request = None
        self._better = False
        while len(self._behind) > _MOST_BEHIND:
            oldest = self._behind.pop(next(iter(self._behind)))
            oldest.cancel()
            self._old.append(oldest)

    def _cancel(self) -> None:
        if self._build is not None:
            self._build.cancel()  # its thread and process end by themselves, and are waited for at the end
            self._old.append(self._build)
        self._build = self._request = None
        self._better = False
        if self._measuring is not None:
            self._measuring.hold(False)

    def _reap(self) -> None:
        for wish in [wish for wish, build in self._behind.items() if build.wait(0)]:
            self._old.append(self._behind.pop(wish))
        for build in [old for old in self._old if old.wait(0)]:
            build.close()
            self._old.remove(build)
