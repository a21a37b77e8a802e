"""Measuring for `auto` behind a live session: it never waits for it, and no measurement is ever lost.

    session --look(pack, size)--> queue --> [thread "measuring-behind"] --> workers, one engine at a time
       ^-------------- news() -- what is the fastest now --------'

Each engine's row is kept in the cache folder as soon as it is there, so what was measured stays measured whatever the
session does next, and a session that ends in the middle goes on there the next time.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stylefader.engines.base import Precision
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.int8.proof import proved, share
from stylefader.engines.registry import REGISTRY
from stylefader.engines.selection.choice import TIMEOUTS_S, Candidate, Choice, choose, size_of
from stylefader.engines.selection.measured import Measurements
from stylefader.engines.selection.measuring import Measuring

if TYPE_CHECKING:
    from collections.abc import Callable

    from stylefader.training.packs.pack_file import PackFile

_SECONDS = 0.5
_STEP_S = 0.5
_JOIN_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """Which engine is wanted: for which pack, at which size."""

    pack: PackFile
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class News:
    """What `auto` takes for a look, now that all of it is measured."""

    look: Look
    first: Candidate


class MeasuringBehind:
    """Asked from one thread, which gets what it needs to know by `news`; `close` twice is harmless.

    precision, least_db: as `open_engine` takes them. say: told once of an int8 form that is not used, from the thread.
    """

    def __init__(
        self,
        *,
        precision: Precision,
        least_db: float,
        cache_dir: Path | None,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._precision, self._least_db = precision, least_db
        self._cache = EngineCache(cache_dir)
        self._say = say
        self._changed = threading.Condition()  # over all below
        self._looks: deque[Look] = deque()
        self._news: deque[News] = deque(maxlen=8)
        self._held = self._closed = False
        self._asked = self._began = 0  # looks that were asked for; those until what is measured now was begun
        self._measuring: Measuring | None = None
        self._thread: threading.Thread | None = None
        self.stage = ""
        """What is being measured, in words; empty where nothing is."""

    def look(self, look: Look) -> None:
        """Find out, behind, what is the fastest for this; what was asked for last comes first. Never waits."""
        with self._changed:
            if self._closed:
                return
            with suppress(ValueError):
                self._looks.remove(look)
            self._looks.appendleft(look)
            self._asked += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="measuring-behind", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def hold(self, held: bool) -> None:
        """While held, no other engine is begun to be measured; the one that is under way is seen through."""
        with self._changed:
            if held != self._held:
                self._held = held
                self._changed.notify_all()

    def news(self) -> News | None:
        """The next thing that was found out; None where there is nothing new. Never waits."""
        with self._changed:
            return self._news.popleft() if self._news else None

    def close(self, timeout_s: float = _JOIN_S) -> None:
        """End what is under way, waiting no longer than that; what was measured before is kept."""
        with self._changed:
            self._closed = True
            measuring = self._measuring
            self._changed.notify_all()
        if measuring is not None:
            measuring.stop()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (look := self._next()) is not None:
            try:
                first = self._find(look)
            except Exception as error:  # a spoilt pack, a full disk, a library's own: what plays goes on
                self._say(f"cannot measure for {look.pack.header.name}: {' '.join(str(error).split())}")
                first = None
            self.stage = ""
            if first is not None:
                with self._changed:
                    self._news.append(News(look=look, first=first))

    def _next(self) -> Look | None:
        """Wait for a look that may be begun; None at the end."""
        with self._changed:
            while not self._closed and (self._held or not self._looks):
                self._changed.wait(_STEP_S)
            self._began = self._asked
            return None if self._closed else self._looks.popleft()

    def _find(self, look: Look) -> Candidate | None:
        """Measure what is missing, engine after engine; what `auto` takes then. None where another look goes first."""
        refused: set[Candidate] = set()
        while True:
            choice = self._choose(look)
            missing = [candidate for candidate in choice.unmeasured if candidate not in refused]
            if not missing:
                return choice.order[0] if choice.order else None
            if not self._goes_on(look):
                return None
            refused.add(missing[0])  # once each, also where nothing can be kept
            self.stage = f"measuring {missing[0]}"
            self._measure(look, missing[0])

    def _choose(self, look: Look) -> Choice:
        return choose(
            look.pack, look.height, look.width, precision=self._precision, least_db=self._least_db, cache=self._cache,
            report=lambda words: None, measure=False,
        )  # fmt: skip

    def _goes_on(self, look: Look) -> bool:
        """Wait while it is held. Whether this look goes on: not at the end, nor where a newer one came."""
        with self._changed:
            while self._held and not self._closed and self._asked == self._began:
                self._changed.wait(_STEP_S)
            if self._closed:
                return False
            if self._asked != self._began:
                self._looks.append(look)  # the newer one first, then this
                return False
            return True

    def _measure(self, look: Look, candidate: Candidate) -> None:
        """Measure one engine and keep its row."""
        gpu = REGISTRY[candidate.engine].gpu
        if candidate.precision == "int8" and proved(look.pack, self._cache.folder, self._tell).problem:
            return
        kept = Measurements(self._cache.folder)
        height, width = size_of(candidate, look.pack.header, look.height, look.width)
        if kept.recall(look.pack, candidate.engine, candidate.precision, height=height, width=width) is not None:
            return  # it was only to be tried
        with Measuring(look.pack, height, width, timeout_s=TIMEOUTS_S[gpu], behind=True) as measuring:
            with self._changed:
                self._measuring = measuring
                if self._closed:
                    measuring.stop()
            try:
                folder = self._cache.folder if gpu else measuring.scratch / "engines"
                if not gpu:
                    share(self._cache.folder, folder)
                row = measuring.measure(candidate.engine, candidate.precision, seconds=_SECONDS, cache_dir=folder)
            finally:
                with self._changed:
                    self._measuring = None
            if not measuring.stopped:
                kept.remember(look.pack, [row])

    def _tell(self, words: str) -> None:
        if "not used" in words:
            self._say(words)
