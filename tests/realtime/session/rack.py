"""Stand-ins around a live session: builds and measurements that find what they are told, a source, and an outlet."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from stylefader.engines import Engine
from stylefader.engines.account import EngineAccount
from stylefader.engines.selection.background_measuring import Look, News
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import StylefaderError
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.live import HEIGHT, WIDTH, Clock, TimedEngine, numbered
from tests.realtime.pipeline.test_capture import Reel

WAIT_S = 20
SIZE = Size(height=HEIGHT, width=WIDTH)


class Build:
    """A build in the background that is there when it is told to be."""

    made: list[Build] = []  # noqa: RUF012  # of one test, see the fixture

    def __init__(self, pack: PackFile, height: int, width: int, **words: Any) -> None:
        self.pack, self.size, self.backend = pack, (height, width), words["backend"]
        self.words = words
        self.engine: Engine | None = None
        self.error: StylefaderError | None = None
        self.cancelled = self.left = self.over = False
        self.stage = "compiling"
        Build.made.append(self)

    def take(self) -> tuple[Engine, str] | None:
        if self.error:
            raise self.error
        return (self.engine, f"{self.backend}, as asked") if self.engine else None

    def cancel(self) -> None:
        self.cancelled = True

    def leave(self) -> None:
        self.left = True

    def resume(self) -> bool:
        self.left = False
        return not self.over

    def wait(self, timeout_s: float) -> bool:
        return self.cancelled or self.over

    def close(self) -> None:
        self.cancelled = True

    def ready(self, engine: Engine | None = None, **words: Any) -> Engine:
        self.engine = engine or TimedEngine(Clock(), 0, n_blocks=self.pack.n_blocks, size=self.size, **words)
        self.engine.name = self.backend
        self.engine.account = EngineAccount(engine=self.backend, precision=self.engine.precision, why="as asked")
        return self.engine


class Behind:
    """Measuring that finds out what it is told to."""

    def __init__(self, **words: Any) -> None:
        self.words = words
        self.looks: list[Look] = []
        self.found: list[News] = []
        self.held: bool | None = None
        self.stage = ""
        self.closed = False

    def look(self, look: Look) -> None:
        self.looks.append(look)

    def hold(self, held: bool) -> None:
        self.held = held

    def news(self) -> News | None:
        return self.found.pop(0) if self.found else None

    def close(self, timeout_s: float) -> None:
        self.closed = True


def a_rack(packs: list[PackFile], said: list[str] | None = None, **words: Any) -> EngineLoader:
    heard = said if said is not None else []
    return EngineLoader(
        packs, tell=lambda event: heard.append(words_of(event)), build=Build, **{"measuring": Behind, **words}
    )  # type: ignore[arg-type]


class Outlet:
    """Keeps the last frame and the number of all."""

    def __init__(self) -> None:
        self.last: Frame | None = None
        self.count = 0

    def put(self, frame: Frame) -> None:
        self.last, self.count = frame, self.count + 1


class Flow(Reel):
    """Frames for as long as it is open, as fast as they are wanted."""

    def __iter__(self):  # type: ignore[no-untyped-def]
        number = 0
        while not self.closed.wait(0.001):
            yield numbered(number, captured_ns=time.monotonic_ns())
            number += 1


class Halves:
    """The left half is inside."""

    closed = False

    def mask(self, image: Any, time: Any, values: Any) -> Any:
        inside = np.zeros(image.shape[:2], np.uint8)
        inside[:, : image.shape[1] // 2] = 255
        return inside

    def close(self) -> None:
        self.closed = True
