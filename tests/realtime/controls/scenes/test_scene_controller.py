from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.automation.recorder import AutomationRecorder
from stylefader.realtime.controls.scenes import scene_controller as module
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.controls.scenes.scene_file import Scene, read_scenes
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.parameter import Values, carried_over
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineLoader, EngineRequest
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import ControlError, PackError
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.controls.player import ALL, FakePlayer, block
from tests.realtime.live import HEIGHT, WIDTH, Clock, TimedEngine, numbered
from tests.realtime.pipeline.test_capture import Reel
from tests.realtime.session.test_live_session import Build, Outlet, a_rack
from tests.realtime.strengths import alpha_at

FILE = """
[[scene]]
name = "verse"
style = "second"
alpha = 0.25
fade = 4

[[scene]]
name = "chorus"
alpha = [0.5, 1, 0.75]

[[scene]]
name = "pause"
blackout = true
freeze = false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three blocks, one block, three blocks."""
    folder = tmp_path_factory.mktemp("packs")
    for name, places in (("first", None), ("second", ("residual3",)), ("third", None)):
        save_pack(random_pack(folder / f"{name}.safetensors", **({"places": places} if places else {})))  # type: ignore[arg-type]
    return folder


def packs(folder: Path, *names: str) -> list[PackFile]:
    return [PackFile(folder / f"{name}.safetensors") for name in names]


def current(scenes: SceneController) -> int | None:
    """The scene that was recalled last, from 0."""
    name, names = scenes._player.scene, scenes.names
    return names.index(name) if name in names else None


class Stage:
    """A player that writes down what is asked of it, and scenes from a file that may be edited."""

    def __init__(self, folder: Path, tmp_path: Path, text: str = FILE) -> None:
        self.path, self.player, self.said, self._at = tmp_path / "scenes.toml", FakePlayer(), list[str](), 0
        self.loader = EngineLoader(packs(folder, "first", "second"))
        self.edit(text)
        self.scenes = SceneController(self.path, self.player, self.loader, fade_s=1.5, say=self.said.append)

    def edit(self, text: str) -> None:
        self._at += 1
        self.path.write_text(text)
        os.utime(self.path, ns=(self._at, self._at))


@pytest.fixture
def stage(folder: Path, tmp_path: Path) -> Stage:
    return Stage(folder, tmp_path)


def test_recalling(stage: Stage) -> None:
    scenes, player = stage.scenes, stage.player
    assert scenes.names == ["verse", "chorus", "pause"] and current(scenes) is None
    scenes.recall(0)
    assert player.asked == [("fade", 1, {"alpha": [0.25]}, 4)] and current(scenes) == 0
    scenes.recall(scenes.find("chorus"))
    assert player.asked[1:] == [("fade", None, {"alpha": [0.5, 1, 0.75]}, 1.5)] and current(scenes) == 1
    player.show.freeze = True
    scenes.recall(2)
    assert player.asked[2:] == [("fade", None, {}, 1.5)]
    assert player.show.blackout and not player.show.freeze and not player.show.bypass
    for number in (-1, 3, 99):
        scenes.recall(number)
    assert len(player.asked) == 3 and current(scenes) == 2 and stage.said == []


def test_finding(stage: Stage) -> None:
    assert [stage.scenes.find(which) for which in ("chorus", 1, 3.0)] == [1, 0, 2]
    for which in ("Chorus", "", 0, 4, 1.5):
        with pytest.raises(ControlError, match="there is no scene"):
            stage.scenes.find(which)
    with pytest.raises(ControlError, match="no scene 'bridge'; there are verse, chorus, pause"):
        stage.scenes.recall(stage.scenes.find("bridge"))


def test_an_edit_takes_over_and_a_broken_one_does_not(stage: Stage, folder: Path) -> None:
    assert not stage.scenes.settle(60)
    stage.scenes.recall(1)
    for text, message in (
        (FILE + "fade = 'long'", "line 16: fade is seconds"),
        (FILE.replace("second", "secnd"), "line 2: scene 'verse': no style named 'secnd'"),
        (FILE.replace("0.75]", "0.75, 1]"), "line 8: scene 'chorus': alpha has 4 numbers"),
        (f"[[scene]]\nname='a'\nstyle='{folder}/third.safetensors'\nalpha=[1]", "line 1: scene 'a': alpha has 1"),
    ):
        stage.edit(text)
        assert not stage.scenes.settle(60) and not stage.scenes.settle(60)
        assert message in stage.said[-1] and stage.said[-1].endswith("; what was read before stays")
        assert stage.scenes.names == ["verse", "chorus", "pause"] and len(stage.loader.packs) == 2
    assert len(stage.said) == 4, "each is said once"
    added = f"[[scene]]\nname='new'\nstyle='{folder}/third.safetensors'\nalpha=2\n"
    stage.edit(added + FILE)
    assert stage.scenes.settle(60) and stage.scenes.names[0] == "new" and current(stage.scenes) == 2
    assert "alpha is kept within third's range, 0 to 1" in stage.said[-2] and stage.said[-1].endswith("4 scenes")
    assert [pack.header.name for pack in stage.loader.packs] == ["first", "second", "third"]
    stage.scenes.recall(0)
    assert stage.player.asked[-1] == ("fade", 2, {"alpha": [2]}, 1.5)
    stage.edit("")
    assert stage.scenes.settle(60) and stage.scenes.names == [] and current(stage.scenes) is None


def test_a_style_that_comes_while_an_edit_is_read_counts(stage: Stage, folder: Path) -> None:
    assert not stage.scenes.settle(60)
    stage.edit(f"[[scene]]\nname='new'\nstyle='{folder}/third.safetensors'\n")
    assert not stage.scenes.poll()
    assert stage.scenes._work is not None
    stage.scenes._work.thread.join(60)
    stage.loader.add(packs(folder, "first"))  # takes the number that the edit's style was to have
    assert stage.scenes.settle(60) and stage.scenes.names == ["new"]
    stage.scenes.recall(0)
    assert stage.player.asked[-1][:2] == ("fade", 3)
    assert [pack.header.name for pack in stage.loader.packs] == ["first", "second", "first", "third"]


def test_a_file_that_does_not_fit_is_an_error_at_the_start(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="line 2: scene 'verse': no style named 'secnd'"):
        Stage(folder, tmp_path, FILE.replace("second", "secnd"))


def test_saving_how_it_stands(stage: Stage, folder: Path) -> None:
    stage.player.move(block(0), 0.125)
    stage.player.style = 1
    assert stage.scenes.save("verse") == "verse"
    stage.player.style = 0
    stage.player.move(block(1), 1.0)
    assert [stage.scenes.save() for _ in range(2)] == ["scene 1", "scene 2"]
    stage.player.move(ALL, 0.0)
    assert stage.path.read_text() == FILE, "written by the one that owns the session"
    assert stage.scenes.settle(60) and not stage.scenes.settle(60)
    assert stage.scenes.names == ["verse", "chorus", "pause", "scene 1", "scene 2"]
    text = stage.path.read_text()
    assert "alpha = 0.125\nfade = 4" in text and "blackout = true" in text
    for number, expected in (
        (0, ("fade", 1, {"alpha": [0.125]}, 4)),
        (3, ("fade", 0, {"alpha": [0.125, 1, 0.5]}, 1.5)),
    ):
        stage.scenes.recall(number)
        assert stage.player.asked[-1] == expected
    assert stage.said[0] == f"{stage.path}: saved 3 scenes, the last 'scene 2'" and stage.said[-1].endswith(
        ": 5 scenes"
    )
    for name in ("", " ", "x" * 65, "a\nb"):
        with pytest.raises(ControlError, match="is not a scene's name"):
            stage.scenes.save(name)


def test_what_cannot_be_saved_is_said(stage: Stage) -> None:
    stage.edit(FILE + "fade = 'long'")
    stage.scenes.save("mine")
    assert not stage.scenes.settle(60)
    assert "line 16: fade is seconds" in stage.said[0] and stage.said[0].endswith("; scene 'mine' is not saved")
    assert stage.path.read_text() == FILE + "fade = 'long'" and len(stage.scenes.names) == 3


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


def test_scenes_are_saved_by_many_threads_while_they_are_written(stage: Stage) -> None:
    names = [f"s{number}" for number in range(60)]

    def save(which: int) -> None:
        for name in names[which::3]:
            stage.scenes.save(name)

    threads = [threading.Thread(target=save, args=(which,)) for which in range(3)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            stage.scenes.poll()
        for thread in threads:
            thread.join(30)
    finally:
        sys.setswitchinterval(switch)
    stage.scenes.settle(60)
    assert set(names) <= set(stage.scenes.names)


def test_too_many_scenes_at_once_are_refused(stage: Stage) -> None:
    for number in range(100):
        stage.scenes.save(f"s{number}")
    with pytest.raises(ControlError, match="100 scenes wait to be written already: 'more' is not saved"):
        stage.scenes.save("more")
    assert [scene.name for scene in stage.scenes._waiting][:1] == ["s0"]


def test_a_session_waits_neither_for_a_scene_to_be_written_nor_for_the_file_to_be_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = threading.Event(), threading.Event()
    real = module.write_saved

    def slow(path: Path, scenes: list[Scene]) -> None:
        began.set()
        assert may_end.wait(10)
        real(path, scenes)

    monkeypatch.setattr(module, "write_saved", slow)
    stage.scenes.save("first")
    assert not stage.scenes.poll() and began.wait(10)
    for number in range(50):
        stage.scenes.save(f"s{number}")
        assert not stage.scenes.poll(), "it is still written"
    stage.scenes.recall(0)
    assert stage.player.asked == [("fade", 1, {"alpha": [0.25]}, 4)]
    assert [thread.name for thread in threading.enumerate()].count("scenes") == 1
    may_end.set()
    assert stage.scenes.settle(60)
    assert len(stage.scenes.names) == 3 + 51
    assert [words for words in stage.said if "saved" in words] == [
        f"{stage.path}: saved scene 'first'", f"{stage.path}: saved 50 scenes, the last 's49'",
    ]  # fmt: skip


def test_so_many_scenes_and_no_more(stage: Stage) -> None:
    many = "".join(f"[[scene]]\nname='s{number}'\nalpha=1\n" for number in range(999))
    stage.edit(many)
    assert stage.scenes.settle(60) and len(stage.scenes.names) == 999
    stage.scenes.save("last")
    assert stage.scenes.settle(60) and len(stage.scenes.names) == 1000
    with pytest.raises(ControlError, match="there are 1000 scenes: 'more' is not saved"):
        stage.scenes.save("more")
    stage.scenes.save("s5")
    assert stage.scenes.settle(60), "one that is there is changed"
    stage.edit(many + "[[scene]]\nname='a'\nalpha=1\n[[scene]]\nname='b'\nalpha=1\n")
    assert not stage.scenes.settle(60) and "line 3001: a file has 1000 scenes at most" in stage.said[-1]


def test_a_save_leaves_a_file_that_can_be_read(stage: Stage) -> None:
    text = FILE + "#" * (2**20 - len(FILE) - 20)
    stage.edit(text)
    assert stage.scenes.settle(60)
    stage.scenes.save("mine")
    assert not stage.scenes.settle(60)
    assert "would be larger than 1 MiB, too large to be read; scene 'mine' is not saved" in stage.said[-1]
    assert stage.path.read_text() == text and read_scenes(stage.path)


def test_a_link_and_the_permissions_of_a_file_stay(stage: Stage, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.toml"
    stage.path.rename(real)
    real.chmod(0o600)
    stage.path.symlink_to(real)
    stage.scenes.save("mine")
    assert stage.scenes.settle(60)
    assert stage.path.is_symlink() and real.stat().st_mode & 0o777 == 0o600 and "'mine'" not in FILE
    assert [scene.name for scene in read_scenes(real)] == ["verse", "chorus", "pause", "mine"]
