"""A style of several sizes in a live session, with engines of known duration and a clock that passes when told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stylefader.engines.selection.expected_time import ExpectedTime
from stylefader.realtime.controls.scenes.saved_scenes import standing
from stylefader.realtime.controls.scenes.scene_file import cast, parse_scenes
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.snapshot import as_json
from stylefader.realtime.session.status import status_line
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import EngineError
from stylefader.training.packs import library
from stylefader.training.packs.open_style import open_style
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.live import HEIGHT, WIDTH, Clock, TimedEngine, numbered
from tests.realtime.pipeline.test_capture import Reel
from tests.realtime.session.rack import Build, Outlet, a_rack

NAMES = ("sea_large", "sea", "sea_small")


@pytest.fixture(autouse=True)
def _none_made() -> None:
    Build.made.clear()


@pytest.fixture
def styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[PackFile]:
    """The family `sea` of three sizes, and a style by itself."""
    monkeypatch.setattr(library, "user_folder", lambda: tmp_path)
    for name, width in zip((*NAMES, "alone"), (16, 8, 4, 8), strict=True):
        pack = random_pack(tmp_path / f"{name}.safetensors", width=width)
        save_pack(replace(pack, header=replace(pack.header, family="sea" if name in NAMES else "")))
    return [open_style("sea"), open_style("alone")]


class Stage:
    """A session whose frames come every 33 ms; an engine takes as long as `ms` says for its pack."""

    def __init__(self, styles: list[PackFile], expected: dict[str, ExpectedTime], ms: dict[str, float]) -> None:
        self.clock, self.said, self.played = Clock(), list[str](), list[str]()
        self.expected, self.ms = expected, ms
        self.number = 0
        self.broken: set[str] = set()
        box: list[NewestMailbox[Any]] = []

        def capture(mailbox: NewestMailbox[Any]) -> Capture:
            box.append(mailbox)
            made = Capture(lambda: Reel(0, hangs=True), mailbox, name="x", reconnects=False)
            made.start = lambda: None  # type: ignore[method-assign]
            made.state = "running"
            return made

        def played(frame: Frame, style: str, values: object) -> None:
            self.played.append(style)

        def expect(pack: PackFile, size: Size) -> ExpectedTime:
            return self.expected[pack.header.name]

        options = SessionOptions(
            height=HEIGHT, width=WIDTH, fade_s=0.1, rate=lambda arriving: 30.0, expect=expect
        )  # fmt: skip
        self.live = LiveSession(
            capture, Outlet(), a_rack(styles), options, now_ns=self.clock, played=played,
            tell=lambda event: self.said.append(words_of(event)),
        )  # fmt: skip
        self.box = box[0]
        self.live.families.begin(0, Size(height=HEIGHT, width=WIDTH), 30.0)
        from stylefader.realtime.session.engine_loader import EngineRequest

        self.live.loader.request(EngineRequest(style=0, size=Size(height=HEIGHT, width=WIDTH)))

    def run(self, seconds: float) -> None:
        until = self.clock.ns + seconds * 1e9
        while self.clock.ns < until:
            for build in Build.made:
                if build.engine is None and build.error is None and not build.left:
                    self._finish(build)
            self.live.tick()
            came = self.clock.ns
            self.box.put(numbered(self.number, came))
            self.number += 1
            self.live.stylizer.step(0)
            self.clock.pass_to(max(self.clock.ns, came + 33_300_000))

    def _finish(self, build: Build) -> None:
        name = build.pack.header.name
        if name in self.broken:
            build.error = EngineError("it cannot be built")
        else:
            build.ready(TimedEngine(self.clock, self.ms[name], n_blocks=3, size=build.size))

    @property
    def member(self) -> str | None:
        state = self.live.snapshot().family
        return state.member if state else None


@pytest.fixture
def stage(styles: list[PackFile]) -> Any:
    made: list[Stage] = []

    def make(expected: tuple[float, float, float], ms: tuple[float, float, float], *, measured: bool = True) -> Stage:
        times = [ExpectedTime(ms=one, measured=measured) for one in expected]
        made.append(
            Stage(styles, dict(zip(NAMES, times, strict=True)), {**dict(zip(NAMES, ms, strict=True)), "alone": 5})
        )
        return made[-1]

    yield make
    for one in made:
        one.live.stylizer.close()
        one.live.close()


MakeStage = Callable[..., Stage]


def test_it_begins_with_the_largest_that_should_hold_the_rate(stage: MakeStage) -> None:
    show = stage((90, 25, 5), (90, 25, 5))
    show.run(2)
    assert [build.pack.header.name for build in Build.made] == ["sea"]
    assert show.said[0] == (
        "sea: w8 (sea), the largest that should hold 30 frames/s with some room, measured 25 ms a frame; "
        "lite measured 90 ms a frame"
    )
    assert show.live.style_names == ["sea", "alone"]
    numbers = show.live.snapshot()
    assert numbers.style == numbers.plays == "sea"
    assert as_json(numbers)["family"] == {"name": "sea", "size": "w8", "member": "sea", "why": show.said[0]}
    assert "sea:w8 " in status_line(numbers)


def test_a_smaller_one_takes_over_where_the_rate_is_not_held_and_stays(stage: MakeStage) -> None:
    show = stage((20, 10, 5), (45, 20, 5))
    show.run(40)
    assert [build.pack.header.name for build in Build.made] == ["sea_large", "sea"]
    assert show.member == "sea"
    assert any(words.startswith("sea: w8 (sea) from now on: lite reached ") for words in show.said)
    assert set(show.played) == {"sea"}, "takes name the family"


def test_a_larger_one_takes_over_once_it_is_measured_to_hold(stage: MakeStage) -> None:
    show = stage((30, 15, 5), (15, 10, 5), measured=False)
    show.run(30)
    assert show.member == "sea", "an estimate is no reason to change"
    show.expected["sea_large"] = ExpectedTime(ms=15, measured=True)
    show.run(30)
    assert show.member == "sea_large"
    assert len(Build.made) == 2


def test_bypassed_frames_say_nothing_of_a_member(stage: MakeStage) -> None:
    show = stage((20, 10, 5), (20, 10, 5))
    show.run(3)
    show.live.show.freeze = True
    show.ms["sea_large"] = 100
    show.run(20)
    assert len(Build.made) == 1


def test_a_member_that_cannot_be_had_gives_way(stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    show = stage((20, 10, 5), (20, 10, 5))
    show.broken.add("sea_large")
    show.run(3)
    assert show.member == "sea" and show.live.snapshot().plays == "sea"


def test_the_family_is_one_style_to_performers(stage: MakeStage) -> None:
    show = stage((90, 25, 5), (90, 25, 5))
    show.run(1)
    show.live.go(1)
    show.run(1)
    assert (show.live.snapshot().plays, show.live.snapshot().family) == ("alone", None)
    show.live.step_style(1)
    show.run(1)
    assert show.live.snapshot().plays == "sea" and show.member == "sea"


def test_scenes_name_the_family(styles: list[PackFile], tmp_path: Path) -> None:
    scenes = parse_scenes(
        '[[scene]]\nname = "a"\nstyle = "sea"\n[[scene]]\nname = "b"\nstyle = "sea:w4"\n[[scene]]\nname = "c"\n'
        'style = "sea:w4"\n', origin="s.toml",
    )  # fmt: skip
    casting = cast(scenes, styles, tmp_path / "s.toml")
    assert casting.styles == [0, 2, 2], "one member by itself is another style"
    assert [(pack.style, pack.family) for pack in casting.added] == [("sea:w4", None)]
    saved = [standing("x", pack, {}, tmp_path / "s.toml").style for pack in (*styles, *casting.added)]
    assert saved == ["sea", "alone", "sea_small"]
    exact = open_style("sea:sea")
    assert standing("x", exact, {}, tmp_path / "s.toml").style == "sea:w8", "the name alone would be the family"
    assert cast(
        parse_scenes('[[scene]]\nname = "a"\nstyle = "sea"\n', origin="s"), [exact], tmp_path / "s.toml"
    ).styles == [1]
