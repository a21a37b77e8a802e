"""Scenes that a session plays: what the engines get, frame by frame, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.automation.recorder import AutomationRecorder
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.parameter import Values, carried_over
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineRequest
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import PackError
from tests.realtime.controls.player import ALL
from tests.realtime.controls.scenes.given import FILE, current, packs
from tests.realtime.live import HEIGHT, WIDTH, Clock, TimedEngine, numbered
from tests.realtime.pipeline.test_capture import Reel
from tests.realtime.session.rack import Build, Outlet, a_rack
from tests.realtime.strengths import alpha_at


class Show:
    """A session on an injected clock, a frame each 40 ms. ready: whether engines are there once they are asked for."""

    def __init__(self, folder: Path, tmp_path: Path) -> None:
        Build.made.clear()
        self.clock, self.said, self.number, self.ready = Clock(), list[str](), 0, True
        self.take = AutomationRecorder(tmp_path / "take.csv", {"alpha": 3})
        self.got: list[tuple[Fraction, str, list[float]]] = []
        (tmp_path / "scenes.toml").write_text(f"{FILE}\n[[scene]]\nname='back'\nstyle='first'\nalpha=1\nfade=2\n")
        self.loader = a_rack(packs(folder, "first", "second"))
        options = SessionOptions(height=HEIGHT, width=WIDTH)
        self.live = LiveSession(
            self._capture,
            Outlet(),
            self.loader,
            options,
            now_ns=self.clock,
            tell=lambda event: self.said.append(words_of(event)),
            played=self._played,
        )
        self.scenes = SceneController(tmp_path / "scenes.toml", self.live, self.loader, say=self.said.append)
        self.loader.request(EngineRequest(style=0, size=Size(height=HEIGHT, width=WIDTH)))
        self.frames(3)
        self.got.clear()

    def _capture(self, mailbox: NewestMailbox[Frame]) -> Capture:
        self.mailbox = mailbox
        return Capture(lambda: Reel(0), mailbox, name="x", reconnects=False)

    def _played(self, frame: Frame, style: str, values: Mapping[str, Values]) -> None:
        self.got.append((frame.pts, style, values["alpha"].tolist()))
        self.take.played(frame.pts, style, values)

    def frames(self, count: int) -> None:
        for _ in range(count):
            last = Build.made[-1]
            if self.ready and last.engine is None:
                last.ready(TimedEngine(self.clock, 1, n_blocks=last.pack.n_blocks, size=last.size))
            self.live.tick()
            self.mailbox.put(numbered(self.number, self.clock()))
            self.live.stylizer.step(0)
            self.number += 1
            self.clock.pass_to(self.number * 40_000_000)

    @property
    def first_alphas(self) -> list[float]:
        return [alpha[0] for _, _, alpha in self.got]

    def end(self) -> None:
        self.live.stylizer.close()
        self.live.close()
        self.take.close()


@pytest.fixture
def show(folder: Path, tmp_path: Path) -> Iterator[Show]:
    made = Show(folder, tmp_path)
    yield made
    made.end()


def test_scenes_fade_over_their_own_time_and_the_take_has_what_the_engines_got(show: Show, tmp_path: Path) -> None:
    show.scenes.recall(show.scenes.find("verse"))
    show.frames(1)  # its engine is asked for
    show.frames(1 + 100 + 5)
    assert {style for _, style, _ in show.got[1:]} == {"second"}
    np.testing.assert_allclose(show.first_alphas[1:], [0.25 * min(n / 100, 1) for n in range(106)], atol=1e-6)
    assert len(show.live.stylizer.desks) == 1 and current(show.scenes) == 0
    show.scenes.recall(show.scenes.find("chorus"))
    show.frames(30)
    np.testing.assert_allclose(show.first_alphas[107:], [0.25 + 0.25 * min(n / 25, 1) for n in range(30)], atol=1e-6)
    show.scenes.recall(show.scenes.find("pause"))
    show.frames(2)
    assert len(show.got) == 137, "what is black has no alpha"
    show.live.show.blackout = False
    show.scenes.recall(show.scenes.find("back"))
    show.frames(60)
    assert show.got[-1][1:] == ("first", [1, 1, 1])
    show.end()
    automation = read_csv(tmp_path / "take.csv")
    for pts, _, alpha in show.got:
        np.testing.assert_allclose(alpha_at(automation, pts, 3), carried_over(np.asarray(alpha), 3), atol=1e-6)
    styles = [line.split()[3] for line in (tmp_path / "take.csv").read_text().splitlines() if " style " in line]
    assert styles == ["first", "second", "first"]


def test_the_scene_is_told_until_something_else_is_chosen(show: Show, folder: Path) -> None:
    def now() -> tuple[object, int | None]:
        show.frames(1)
        return show.live.snapshot().scene, current(show.scenes)

    assert now() == (None, None)
    show.scenes.recall(1)
    assert now() == ("chorus", 1)
    show.live.move(ALL, 0.1)
    assert now() == ("chorus", 1), "a fader rides on top of it"
    for other in (lambda: show.live.go(0), lambda: show.live.step_style(1), show.live.panic):
        show.scenes.recall(1)
        assert now() == ("chorus", 1)
        other()
        assert now() == (None, None)


def test_a_scene_whose_style_cannot_be_had(show: Show) -> None:
    show.ready = False
    show.scenes.recall(show.scenes.find("verse"))
    show.frames(2)
    assert current(show.scenes) == 0 and show.live.style == 1
    Build.made[-1].error = PackError("second has NaN")
    show.frames(2)
    assert current(show.scenes) is None and show.live.style == 0 and "second has NaN; first goes on" in show.said


def test_back_to_the_style_that_plays_while_another_was_on_its_way(show: Show) -> None:
    show.ready = False
    show.scenes.recall(show.scenes.find("verse"))
    show.frames(2)
    before = len(show.got)
    show.scenes.recall(show.scenes.find("back"))
    show.frames(5)
    show.ready = True
    show.frames(3)
    assert len(show.live.stylizer.desks) == 1, "there is nothing to fade from"
    show.frames(57)
    np.testing.assert_allclose(show.first_alphas[before:], [min(n / 50, 1) for n in range(65)], atol=1e-6)
    assert {style for _, style, _ in show.got} == {"first"} and current(show.scenes) == 3


def test_the_last_scene_that_asks_for_a_style_says_how_long_it_fades(show: Show) -> None:
    show.ready = False
    show.live.go(1)
    show.frames(2)
    show.scenes.recall(show.scenes.find("verse"))
    show.scenes.recall(show.scenes.find("pause"))
    show.live.show.blackout = False
    show.scenes.recall(show.scenes.find("verse"))
    show.frames(2)
    show.scenes.recall(show.scenes.find("pause"))  # sets flags alone: what was asked for comes all the same
    show.live.show.blackout = False
    show.frames(2)
    show.ready = True
    show.frames(30)
    assert len(show.live.stylizer.desks) == 2, "four seconds, not the one of --fade"
    show.frames(75)
    assert len(show.live.stylizer.desks) == 1 and show.first_alphas[-1] == pytest.approx(0.25)


def test_panic_while_a_scene_is_on_its_way(show: Show) -> None:
    show.scenes.recall(show.scenes.find("verse"))
    show.frames(150)
    show.ready = False
    show.scenes.recall(show.scenes.find("back"))
    show.frames(2)
    show.live.panic()
    show.frames(2)
    show.ready = True
    show.frames(60)
    assert show.live.style == 0 and show.first_alphas[-1] == 0, "the default, not the scene's alpha"


def test_a_scene_saved_while_its_style_is_built_is_what_comes(show: Show) -> None:
    show.live.move(ALL, 0.9)
    show.frames(2)
    show.ready = False

    def saved() -> tuple[str | None, object]:
        name = show.scenes.save()
        scene = show.scenes._waiting.pop()
        assert scene.name == name
        return Path(scene.style or "").stem, scene.alpha

    assert saved() == ("first", 0.9)
    show.scenes.recall(0)
    assert saved() == ("second", 0.25), "before the session has seen to it"
    show.frames(2)
    assert saved() == ("second", 0.25), "while its engine is built"
    show.scenes.recall(2)  # flags alone
    assert saved() == ("second", 0.25)
    show.live.show.blackout = False
    show.live.go(1)
    show.frames(1)
    show.scenes.recall(0)
    show.frames(1)
    show.ready = True
    show.frames(150)
    show.live.move(ALL, 0.5)
    assert saved() == ("second", 0.5), "what was moved since counts"
    show.ready = False
    show.live.go(0)
    show.frames(1)
    assert saved() == ("first", 0.5)
    show.live.panic()
    assert saved()[1] == 0 and show.loader.packs[0].header.alpha.default == 0


def test_a_style_on_its_way_is_not_said_to_play(show: Show) -> None:
    show.ready = False
    show.live.go(1)
    show.frames(2)
    row = show.live.snapshot()
    assert (row.style, row.plays) == ("second", "first")
    before = list(show.said)
    show.frames(60)
    building = [line for line in show.said[len(before) :] if line.startswith("building")]
    assert building == ["building second: first goes on"]
    show.ready = True
    show.frames(2)
    assert show.live.snapshot().plays == show.live.plays == "second"
    show.ready = False
    show.live.go(0)
    show.frames(5)
    show.ready = True
    show.frames(60)
    assert not any(line.startswith("building first") for line in show.said), "one that is soon there needs no word"
