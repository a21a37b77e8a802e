"""Strokes of another size in a running session, on an injected clock."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineRequest
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import ControlError, EngineError
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.live import Clock, TimedEngine, numbered
from tests.realtime.pipeline.test_capture import Reel
from tests.realtime.session.rack import Build, Outlet, a_rack

H, W = 96, 128
STROKE = Target("stroke")


class Stage:
    """A session whose frames come by hand, with an engine at the session's size."""

    def __init__(self, packs: list[PackFile]) -> None:
        Build.made.clear()
        self.clock, self.shown = Clock(), Outlet()
        self.said: list[str] = []
        self.strokes: list[float] = []
        mailboxes: list[NewestMailbox[Frame]] = []

        def capture(mailbox: NewestMailbox[Frame]) -> Capture:
            mailboxes.append(mailbox)
            return Capture(lambda: Reel(0), mailbox, name="x", reconnects=False)

        self.live = LiveSession(
            capture, self.shown, a_rack(packs, self.said), SessionOptions(height=H, width=W, fade_s=0.1),
            now_ns=self.clock, tell=lambda event: self.said.append(words_of(event)),
            played=lambda frame, style, values: self.strokes.append(float(values["stroke"][0])),
        )  # fmt: skip
        self.mailbox = mailboxes[0]
        self.live.loader.request(EngineRequest(style=0, size=Size(height=H, width=W)))
        self.ready()
        self.frames(3)

    def ready(self) -> TimedEngine:
        engine = TimedEngine(self.clock, 1, n_blocks=Build.made[-1].pack.n_blocks, size=Build.made[-1].size)
        Build.made[-1].ready(engine)
        return engine

    def frames(self, number: int) -> None:
        """So many, ten a second."""
        for _ in range(number):
            self.live.tick()
            self.mailbox.put(numbered(1, self.clock.ns, (H, W)))
            self.live.stylizer.step(0)
            self.clock.pass_to(self.clock.ns + 100_000_000)


@pytest.fixture
def stage(packs: list[PackFile]) -> Iterator[Stage]:
    made = Stage(packs)
    yield made
    made.live.stylizer.close()
    made.live.close()


def test_an_engine_of_another_size_is_built_while_the_one_before_plays(stage: Stage) -> None:
    stage.live.move(STROKE, 1.9, stage.clock.ns)
    stage.frames(8)
    assert [build.size for build in Build.made] == [(H, W), (H // 2, W // 2)]
    assert set(stage.strokes) == {1.0}, "a take has what the picture has"
    stage.ready()
    stage.strokes.clear()
    stage.frames(4)
    assert set(stage.strokes) == {2.0} and stage.live.snapshot().size == (W // 2, H // 2)
    assert stage.live.snapshot().others["stroke"] == pytest.approx((1.9,))
    assert stage.shown.last is not None and stage.shown.last.image.shape == (H, W, 3)
    stage.frames(10)
    assert len(Build.made) == 2, "nothing else is asked for"


def test_a_style_comes_with_the_strokes_of_its_scene(stage: Stage) -> None:
    stage.live.fade_to(1, {"stroke": np.array([3], np.float32)}, 0.1)
    stage.frames(1)
    assert Build.made[-1].pack.header.name == "second" and Build.made[-1].size == (32, 44)
    stage.ready()
    stage.frames(8)
    assert len(Build.made) == 2 and stage.strokes[-1] == 3
    stage.live.panic()
    stage.frames(5)
    assert Build.made[-1].size == (H, W), "at its default"


def test_strokes_that_cannot_be_had_leave_those_that_play(stage: Stage) -> None:
    stage.live.move(STROKE, 2, stage.clock.ns)
    for _ in range(20):
        stage.frames(1)
        if len(Build.made) > 1:
            Build.made[-1].error = EngineError("no memory")
    tried = len(Build.made)
    assert any("goes on" in words for words in stage.said)
    stage.frames(10)
    assert len(Build.made) == tried and set(stage.strokes) == {1.0}


@pytest.mark.parametrize("table", ["lfo", "sound"])
def test_what_moves_by_itself_moves_no_strokes(table: str) -> None:
    more = "\nhertz = 1\ndepth = 1" if table == "lfo" else ""
    for target in ("stroke", "stroke0"):
        with pytest.raises(ControlError, match=r"t, line 2: .* not move stroke"):
            parse_mapping(f'[[{table}]]\ntarget = "{target}"{more}\n', origin="t")
