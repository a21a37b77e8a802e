"""Paintings that are learnt beside a show: which vectors reach it, what is said, one after another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.session.background_adapting import AdaptOrder, BackgroundAdapting, SetVector
from stylefader.realtime.session.events import LessonDone, LessonFailed, LessonStarted, LessonStarved
from stylefader.realtime.session.painting_lessons import LessonConfig, PaintingLessons
from stylefader.training.errors import SourceError, StylefaderError, TrainingError
from stylefader.training.packs.pack import load_pack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.settings import AdaptSettings
from tests.training.given import make_given, quick_palette

SECOND = 1_000_000_000


class Learning:
    """In place of a process: what it is asked, and what it hands on when it is told to."""

    def __init__(self, order: AdaptOrder, set_vector: SetVector) -> None:
        self.order, self._set = order, set_vector
        self.state: Any = "learning"
        self.step, self.problem, self.closed = 0, "", False

    def hand_on(self, number: float, step: int) -> None:
        self.step = step
        self._set(self.order.style, np.full(3, number, np.float32))

    def stop(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_given(tmp_path_factory.mktemp("lessons"))
    quick_palette(folder, folder / "palette.safetensors")
    return folder


@pytest.fixture
def palette(given: Path) -> PackFile:
    """A palette with two paintings that it has no trained vectors of."""
    more = PackFile(given / "palette.safetensors")
    for place, name in enumerate(("sea", "sky")):
        vector = next(iter(more.style_vectors().values())) + np.float32(place + 1)
        more = more.with_vector(name, vector, {"title": name})
    return more


@pytest.fixture
def config(given: Path) -> LessonConfig:
    return LessonConfig(share=0.25, photos=given / "photos", loss_network=given / "vgg.safetensors")


@pytest.fixture
def played(config: LessonConfig) -> SimpleNamespace:
    """Lessons with made-up processes; what the show was told and given."""
    learnt: list[tuple[str, float]] = []
    said: list[Event] = []
    begun: list[Learning] = []

    def begin(order: AdaptOrder, set_vector: SetVector) -> Learning:
        begun.append(Learning(order, set_vector))
        return begun[-1]

    lessons = PaintingLessons(
        config, lambda pack, name, vector: learnt.append((name, float(vector[0]))), tell=said.append, begin=begin
    )
    return SimpleNamespace(lessons=lessons, learnt=learnt, said=said, begun=begun)


def test_the_newest_vector_reaches_the_show_and_the_next_painting_waits(
    played: SimpleNamespace, palette: PackFile, given: Path
) -> None:
    lessons = played.lessons
    lessons.ask(palette, "sea", given / "photos" / "0.png")
    lessons.ask(palette, "sky", given / "photos" / "1.png")
    assert lessons.state is None and not played.begun
    lessons.tick(0)
    (first,) = played.begun
    assert first.order.share == 0.25 and np.array_equal(first.order.start, palette.style_vectors()["sea"])
    assert lessons.state.style == "sea" and lessons.state.waiting == 1
    first.hand_on(1, 5)
    first.hand_on(2, 10)
    lessons.tick(SECOND)
    assert played.learnt == [("sea", 2.0)] and lessons.state.step == 10 and len(played.begun) == 1
    first.hand_on(3, 15)
    first.state = "done"
    lessons.tick(2 * SECOND)
    lessons.tick(3 * SECOND)
    assert played.learnt[-1] == ("sea", 3.0) and played.begun[1].order.style == "sky"
    lessons.close()
    lessons.close()
    assert played.begun[1].closed and not first.closed
    assert played.said == [
        LessonStarted(style="sea", share=0.25),
        LessonDone(style="sea", steps=15, kept=None),
        LessonStarted(style="sky", share=0.25),
    ]


def test_what_fails_is_said_and_the_next_one_begins(played: SimpleNamespace, palette: PackFile, given: Path) -> None:
    for name in ("sea", "sky"):
        played.lessons.ask(palette, name, given / "photos" / "0.png")
    played.lessons.tick(0)
    played.begun[0].state, played.begun[0].problem = "failed", "no room"
    for now in (1, 2):
        played.lessons.tick(now)
    assert LessonFailed(style="sea", why="no room") in played.said and len(played.begun) == 2


def test_a_machine_without_time_is_said_once_in_a_while(
    played: SimpleNamespace, palette: PackFile, given: Path
) -> None:
    played.lessons.ask(palette, "sea", given / "photos" / "0.png")
    for second in range(0, 130):
        if second == 20:
            played.begun[0].hand_on(1, 5)
        played.lessons.tick(second * SECOND)
    starved = [event for event in played.said if isinstance(event, LessonStarved)]
    assert starved == [LessonStarved(style="sea", step=5, seconds=60)]


def test_what_is_kept_replaces_no_file(config: LessonConfig, tmp_path: Path) -> None:
    keeping = replace(config, keep=tmp_path)
    assert keeping.file_for("sea") == tmp_path / "sea.safetensors"
    (tmp_path / "sea.safetensors").touch()
    assert keeping.file_for("sea") == tmp_path / "sea_2.safetensors"
    assert config.file_for("sea") is None


def test_settings_that_cannot_be_are_refused_before_the_show(
    config: LessonConfig, palette: PackFile, given: Path, tmp_path: Path
) -> None:
    config.check(palette)
    (tmp_path / "other.safetensors").write_bytes(b"other")
    (tmp_path / "empty").mkdir()
    for wrong, kind, words in (
        (replace(config, share=1.5), TrainingError, "above 0 and at most 1"),
        (replace(config, photos=tmp_path / "none"), SourceError, "no photographs at"),
        (replace(config, photos=tmp_path / "empty"), SourceError, "no photographs at"),
        (replace(config, photos=tmp_path / "other.safetensors"), SourceError, "no photographs at"),
        (replace(config, keep=tmp_path / "none"), SourceError, "the folder .* is not there"),
        (replace(config, loss_network=tmp_path / "none"), TrainingError, "no loss network at"),
        (replace(config, loss_network=tmp_path / "other.safetensors"), TrainingError, "another loss network than"),
    ):
        with pytest.raises(kind, match=words) as caught:
            wrong.check(palette)
        assert isinstance(caught.value, StylefaderError)


@pytest.mark.slow
def test_a_process_learns_from_the_first_vector_on_and_keeps_what_it_has(
    config: LessonConfig, palette: PackFile, given: Path, tmp_path: Path
) -> None:
    came: list[np.ndarray] = []
    begun: list[BackgroundAdapting] = []

    def begin(order: AdaptOrder, set_vector: SetVector) -> BackgroundAdapting:
        begun.append(BackgroundAdapting(replace(order, nice=0), set_vector))
        return begun[-1]

    said: list[Event] = []
    keeping = replace(config, share=1.0, keep=tmp_path)
    with PaintingLessons(
        keeping, lambda pack, name, vector: came.append(vector.copy()), tell=said.append, begin=begin
    ) as lessons:
        lessons.ask(palette, "sea", given / "photos" / "0.png", every=2, settings=AdaptSettings(steps=4, crop=32))
        lessons.tick(0)
        assert begun[0].wait(240)
        lessons.tick(1)
    kept = tmp_path / "sea.safetensors"
    assert said[-1] == LessonDone(style="sea", steps=4, kept=kept)
    own, vectors = palette.style_vectors()["sea"], load_pack(kept).style_vectors()
    assert np.allclose(vectors["sea"], came[-1], atol=1e-2) and not np.allclose(came[-1], own)
    assert np.abs(came[-1] - own).max() < 0.2, "it began with the vector that plays"
    assert set(vectors) == {*PackFile(given / "palette.safetensors").style_vectors(), "sea"}
