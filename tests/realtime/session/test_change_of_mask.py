"""A first mask needs another engine: it is built behind the one that plays, as another style is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineRequest
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.live import HEIGHT, WIDTH, Clock, TimedEngine, numbered
from tests.realtime.pipeline.test_capture import Reel
from tests.realtime.session.rack import Build, Outlet, a_rack

SOURCE = SimpleNamespace(mask=lambda image, time, values: None, close=lambda: None)
MASK = MaskChoice(words="wipe", open=lambda height, width: SOURCE)  # type: ignore[arg-type, return-value]


class Stage:
    """A session of one style that plays without a mask, a frame each 40 ms."""

    def __init__(self, folder: Path) -> None:
        Build.made.clear()
        save_pack(random_pack(folder / "small.safetensors"))
        self.clock, self.said, self.number, self.shown = Clock(), list[str](), 0, Outlet()
        self.live = LiveSession(
            self._capture, self.shown, a_rack([PackFile(folder / "small.safetensors")]),
            SessionOptions(height=HEIGHT, width=WIDTH, fade_s=1), now_ns=self.clock,
            tell=lambda event: self.said.append(words_of(event)),
        )  # fmt: skip
        self.live.loader.request(EngineRequest(style=0, size=Size(height=HEIGHT, width=WIDTH)))
        self.first = self.arrives()
        self.frames(3)

    def _capture(self, mailbox: NewestMailbox[Frame]) -> Capture:
        self.mailbox = mailbox
        return Capture(lambda: Reel(0), mailbox, name="x", reconnects=False)

    def arrives(self) -> TimedEngine:
        """The engine that was ordered last is there."""
        engine = TimedEngine(self.clock, 1, n_blocks=3)
        Build.made[-1].ready(engine)
        return engine

    def frames(self, count: int) -> int:
        """So many frames pass; gives how many of them were stylized."""
        before = self.live.stylizer.counts.stylized
        for _ in range(count):
            self.live.tick()
            self.mailbox.put(numbered(self.number, self.clock()))
            self.live.stylizer.step(0)
            self.number += 1
            self.clock.pass_to(self.number * 40_000_000)
        return self.live.stylizer.counts.stylized - before


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.live.stylizer.close()
    made.live.close()


def test_the_show_goes_on_without_a_mask_until_the_engine_for_it_is_there(stage: Stage) -> None:
    stage.live.mask.change(MASK)
    assert stage.frames(100) == 100, "four seconds: no frame waited, none passed as it is"
    assert [build.words["masked"] for build in Build.made] == [False, True]
    assert stage.first.calls >= 100 and not stage.first.closed
    assert stage.live.snapshot().coming == "small: compiling"
    assert "building another engine for small, which goes on until then" in stage.said
    masked = stage.arrives()
    assert stage.frames(12) == 12
    assert not stage.first.closed and 0 < masked.calls <= 12, "it fades in"
    assert stage.frames(20) == 20 and stage.first.closed and not masked.closed


def test_without_an_engine_for_it_the_show_goes_on_without_a_mask(stage: Stage) -> None:
    stage.live.mask.change(MASK)
    stage.frames(3)
    for _ in range(10):
        Build.made[-1].error = EngineError("no memory")
        stage.frames(2)
    assert stage.frames(10) == 10 and not stage.first.closed
    assert any("no engine is left" in words for words in stage.said)


def test_the_engine_with_a_mask_stays_until_the_one_without_is_there(stage: Stage) -> None:
    stage.live.mask.change(MASK)
    stage.frames(1)
    masked = stage.arrives()
    stage.frames(40)
    stage.live.mask.change(None)
    assert stage.frames(50) == 50 and not masked.closed
    assert [build.words["masked"] for build in Build.made] == [False, True, False]
