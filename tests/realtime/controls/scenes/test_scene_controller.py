"""Scenes that are recalled, edited and saved, and what is asked of a player then."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from stylefader.realtime.controls.scenes import scene_controller as module
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.controls.scenes.scene_file import Scene, read_scenes
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.training.errors import ControlError
from tests.realtime.controls.player import ALL, FakePlayer, block
from tests.realtime.controls.scenes.given import FILE, current, packs


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
