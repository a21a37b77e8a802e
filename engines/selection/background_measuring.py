"""Measuring for `auto` behind a live session: it never waits for it, and no measurement is ever lost.

    session --look(pack, size)--> looks --> [thread "measuring-behind"] --> workers, one engine at a time
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
from stylefader.engines.selection.choice import Candidate, choose
from stylefader.engines.selection.measuring import measure_and_keep
from stylefader.training.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from stylefader.training.packs.pack_file import PackFile

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
        self._folder = EngineCache(cache_dir).folder
        self._say = say
        self._changed = threading.Condition()  # over the three below
        self._looks: list[Look] = []  # what was asked for last is the last
        self._news: deque[News] = deque(maxlen=8)
        self._held = False
        self._closed = threading.Event()
        self._tried: set[tuple[Look, Candidate]] = set()  # once each, also where nothing can be kept
        self._thread: threading.Thread | None = None
        self.stage = ""
        """What is being measured, in words; empty where nothing is."""

    def look(self, look: Look) -> None:
        """Find out, behind, what is the fastest for this; what was asked for last comes first. Never waits."""
        with self._changed:
            if self._closed.is_set():
                return
            with suppress(ValueError):
                self._looks.remove(look)
            self._looks.append(look)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="measuring-behind", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def hold(self, held: bool) -> None:
        """While held, no other engine is begun to be measured; the one that is under way is seen through."""
        with self._changed:
            self._held = held
            self._changed.notify_all()

    def news(self) -> News | None:
        """The next thing that was found out; None where there is nothing new. Never waits."""
        with self._changed:
            return self._news.popleft() if self._news else None

    def close(self, timeout_s: float = _JOIN_S) -> None:
        """End what is under way, waiting no longer than that; what was measured before is kept."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (look := self._next()) is not None:
            try:
                first = self._step(look)
                self.stage = ""
            except Exception as error:  # a spoilt pack, a full disk, a library's own: what plays goes on
                self.stage = ""
                self._say(f"cannot measure for {look.pack.header.name}: {one_line(error)}")
                self._done(look, None)
            else:
                if first is not None:
                    self._done(look, first)

    def _next(self) -> Look | None:
        """Wait for a look that may be gone on with, the newest; None at the end."""
        with self._changed:
            while not self._closed.is_set() and (self._held or not self._looks):
                self._changed.wait(_STEP_S)
            return None if self._closed.is_set() else self._looks[-1]

    def _step(self, look: Look) -> Candidate | None:
        """Measure one engine that is missing; what `auto` takes, where none is."""
        choice = choose(
            look.pack, look.height, look.width, precision=self._precision, least_db=self._least_db, folder=self._folder
        )
        missing = [candidate for candidate in choice.unmeasured if (look, candidate) not in self._tried]
        if not missing:
            return choice.order[0]
        self._tried.add((look, missing[0]))
        self.stage = f"measuring {missing[0]}"
        measure_and_keep(
            look.pack, missing[0].engine, missing[0].precision, look.height, look.width,
            folder=self._folder, behind=True, stop=self._closed, report=self._tell,
        )  # fmt: skip
        return None

    def _done(self, look: Look, first: Candidate | None) -> None:
        with self._changed:
            self._looks.remove(look)
            if first is not None:
                self._news.append(News(look=look, first=first))

    def _tell(self, words: str) -> None:
        if "not used" in words:
            self._say(words)
