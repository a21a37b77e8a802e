"""A running session for the tests of faults: real capture, stylizer, rack and fan-out; engines and time are the test's.

Nothing here asserts how long something took. What the session waits for by itself (tries after a loss, back-offs) is
written down as it is asked for and passes on the test's clock; the rest waits for events, with a limit.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.pipeline.outputs import SessionOutputs
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.words import words_of
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.base import Source
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.paths import DOCS
from tests.realtime.controls.player import ALL
from tests.realtime.live import HEIGHT, WIDTH, numbered
from tests.realtime.pipeline.test_capture import Reel
from tests.realtime.session.rack import Behind, Build

LIMIT_S = 60.0
"""Until a test that waits for something gives up: a machine that is very busy."""
MOST_WAITING = 100_000
"""Frames of a sink that must lose none, however late a busy machine lets its thread run."""
_KEPT = 3000
_DOCS = DOCS / "live.md"
_ROW = re.compile(r"^\| ([^|]+?) \| [^|]+ \| [^|]*?\*\*(\d+(?:\.\d+)?) (s|frames?|lines)\*\*[^|]*\|$", re.MULTILINE)


def promise(fault: str) -> float:
    """What docs/live.md promises for a fault: seconds, frames or lines."""
    return promises()[fault][0]


def promises() -> dict[str, tuple[float, str]]:
    """The rows of its table: number and unit by fault."""
    return {fault: (float(number), unit) for fault, number, unit in _ROW.findall(_DOCS.read_text(encoding="utf-8"))}


def until(true: Callable[[], object], why: Callable[[], object] = lambda: "", step_s: float = 0.002) -> None:
    """Wait for something to be so."""
    pause, began = threading.Event(), time.monotonic()
    while time.monotonic() - began < LIMIT_S:
        if true():
            return
        pause.wait(step_s)
    raise AssertionError(f"it was never so: {why()}")


class Watcher(Sink):
    """A sink that keeps the number of frames and the last ones, with their originals."""

    takes_original = True

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.frames: list[Frame] = []
        self.count = 0

    def open(self) -> None: ...

    def write(self, frame: Frame) -> None:
        if len(self.frames) == _KEPT:
            self.frames = self.frames[1:]
        self.frames.append(frame)
        self.count += 1

    def close(self) -> None: ...

    def abort(self) -> None: ...

    @property
    def last(self) -> Frame:
        return self.frames[-1]

    def since(self, count: int) -> list[Frame]:
        """Those that came after the first `count`."""
        assert self.count - count <= _KEPT, "they are gone"
        return self.frames[len(self.frames) - (self.count - count) :]


class Flow(Reel):
    """A camera of numbered frames. With `gate` cleared none come."""

    def __init__(self, size: tuple[int, int] = (HEIGHT, WIDTH)) -> None:
        super().__init__(0)
        self.size = size
        self.height, self.width = size
        self.gate = threading.Event()
        self.gate.set()
        self.number = 0

    def __iter__(self) -> Iterator[Frame]:
        while not self.closed.wait(0.002):
            if self.gate.wait(0.05):
                yield numbered(self.number, captured_ns=time.monotonic_ns(), size=self.size)
                self.number += 1


class Rests(threading.Event):
    """The stop signal of a capture, which writes down how long it would have waited, and waits a moment instead."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            self.seconds.append(timeout)
        return super().wait(0.01)


class Stage:
    """A session of some styles on a source. Use with `with`; it runs from then on.

    sinks: beside the watcher, by name: (sink, words of `FanOut.add`). now_ns: the clock of session and fan-out.
    """

    def __init__(
        self,
        folder: Path,
        make_source: Callable[[], Source],
        *,
        reconnects: bool = True,
        styles: int = 2,
        size: tuple[int, int] = (HEIGHT, WIDTH),
        sinks: dict[str, tuple[Sink, dict[str, Any]]] | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        fade_s: float = 0.0,
    ) -> None:
        self.said: list[str] = []
        self.builds: list[Build] = []
        self.watcher = Watcher()
        self.fan_out = FanOut(tell=self._tell, clock=now_ns)
        self.fan_out.add("watcher", self.watcher, bound=MOST_WAITING)
        for name, (sink, words) in (sinks or {}).items():
            self.fan_out.add(name, sink, **words)
        self.rests = Rests()

        def capture(mailbox: NewestMailbox[Frame]) -> Capture:
            made = Capture(make_source, mailbox, name="the camera", reconnects=reconnects, tell=self._tell)
            made._stop = self.rests
            return made

        options = SessionOptions(height=size[0], width=size[1], fade_s=fade_s)
        packs = [_pack(folder, number) for number in range(styles)]
        loader = EngineLoader(packs, tell=self._tell, build=self._build, measuring=Behind)  # type: ignore[arg-type]
        self.live = LiveSession(
            capture, SessionOutputs(self.fan_out, view=False), loader, options, tell=self._tell, now_ns=now_ns
        )

    def _tell(self, event: Event) -> None:
        self.said.append(words_of(event))

    def _build(self, *words: Any, **more: Any) -> Build:
        self.builds.append(Build(*words, **more))
        return self.builds[-1]

    def __enter__(self) -> Stage:
        self.fan_out.open()
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.close()
        self.fan_out.close(LIMIT_S)

    def until(self, true: Callable[[], object]) -> None:
        """Run the session until it is so."""

        def ticked() -> object:
            self.live.tick()
            return true()

        until(ticked, lambda: f"said: {self.said[-10:]}; {self.live.snapshot()}")

    def frames(self, more: int = 5) -> list[Frame]:
        """Run until so many more pictures were shown; those."""
        begin = self.watcher.count
        self.until(lambda: self.watcher.count >= begin + more)
        return self.watcher.frames[-more:]

    def play(self, build: int = 0, *, alpha: float = 0.5, **words: Any) -> Any:
        """Let the engine of that build come, and wait for its picture; the engine."""
        self.until(lambda: len(self.builds) > build)
        engine = self.builds[build].ready(**words)
        self.live.move(ALL, alpha)
        self.until(lambda: self.watcher.count and shift(self.watcher.last) == round(100 * alpha))
        return engine


def shift(frame: Frame) -> int:
    """What the engine added to the first pixel: 100 times alpha; 0 where the original passes."""
    assert frame.original is not None
    return (int(frame.image[0, 0, 0]) - int(frame.original[0, 0, 0])) % 256


def _pack(folder: Path, number: int) -> PackFile:
    pack = random_pack(folder / f"style{number}.safetensors", seed=number)
    save_pack(pack)
    return PackFile(pack.file)
