"""A painting that is learnt while a whole session plays: its pictures change, its engine does not."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from stylefader.engines import open_engine
from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.session import open_session as module
from stylefader.realtime.session.config import (
    PictureConfig,
    SessionConfig,
    SinkConfig,
    SourceConfig,
    StyleConfig,
    WindowConfig,
)
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.events import EngineTaken, LessonFailed, LessonStarted
from stylefader.realtime.session.open_session import open_session
from stylefader.realtime.session.painting_lessons import LessonConfig, PaintingLessons
from stylefader.realtime.session.session import Session
from stylefader.training.errors import PackError, SourceError, TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.packs.pack import StylePack, save_pack
from tests.conftest import random_pack
from tests.realtime.session.rack import Behind, Build
from tests.realtime.session.test_painting_lessons import Learning

WAIT_S = 60
WIDTH, HEIGHT = 48, 32
STILL = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture
def palette(tmp_path: Path) -> StylePack:
    """One that says styles, whose header says how it was trained."""
    (tmp_path / "vgg.safetensors").write_bytes(b"a loss network")
    run = {
        "style_weight": 1.0, "layer_means": {}, "style_size": 64, "pyramid": 1,
        "loss_network_sha256": file_hash(tmp_path / "vgg.safetensors"),
    }  # fmt: skip
    made = random_pack(tmp_path / "palette.safetensors", kind="palette", width=4, predicts=True)
    made = replace(made, header=replace(made.header, training={"main": run, "blocks": run}))
    save_pack(made)
    return made


def config(palette: StylePack, **more: Any) -> SessionConfig:
    folder = palette.file.parent
    (folder / "photos").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "photos" / "still.png"), STILL)
    Image.linear_gradient("L").convert("RGB").resize((60, 40)).save(folder / "sky.png")
    cv2.imwrite(str(folder / "still.png"), STILL[..., ::-1])
    return SessionConfig(
        source=SourceConfig(word=str(folder / "still.png"), loop=True),
        picture=PictureConfig(width=WIDTH, height=HEIGHT),
        style=StyleConfig(names=(str(palette.file),), images=(folder / "sky.png",), alpha=1.0, backend="torch"),
        sinks=SinkConfig(words=("null",)), window=WindowConfig(shown=False),
        lessons=LessonConfig(share=0.5, photos=folder / "photos", loss_network=folder / "vgg.safetensors", **more),
    )  # fmt: skip


class Show:
    """A session in a thread, its newest picture, and what it was told."""

    def __init__(self, config: SessionConfig, begun: list[Learning]) -> None:
        self.begun, self.told = begun, list[Event]()
        self.picture: np.ndarray | None = None
        sinks = replace(config.sinks, functions=(self._see,))
        self.session: Session = open_session(replace(config, sinks=sinks), listener=self.told.append)
        self._done = threading.Event()

    def _see(self, frame: Any) -> None:
        self.picture = frame.image.copy()

    def until(self, there: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_S
        while not there():
            assert self.session.step(0.005) and time.monotonic() < end


@pytest.fixture
def show(palette: StylePack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    begun: list[Learning] = []

    def begin(*given: Any) -> Learning:
        begun.append(Learning(*given))
        return begun[-1]

    Build.made.clear()
    monkeypatch.setattr(module, "EngineLoader", functools.partial(EngineLoader, build=Build, measuring=Behind))
    monkeypatch.setitem(PaintingLessons.__init__.__kwdefaults__, "begin", begin)
    show = Show(config(palette), begun)
    with show.session:
        yield show


def test_the_picture_gets_better_in_one_engine(show: Show, palette: StylePack) -> None:
    show.until(lambda: bool(Build.made and show.begun))
    assert LessonStarted(style="sky", share=0.5) in show.told
    Build.made[-1].ready(open_engine(Build.made[-1].pack, HEIGHT, WIDTH, backend="torch")[0])
    show.until(lambda: show.session.live.plays == "palette/sky")
    assert show.session.snapshot().lesson is not None
    order = show.begun[0].order
    wanted = order.start + np.float32(0.5)
    show.begun[0]._set(order.style, wanted)
    with open_engine(palette, HEIGHT, WIDTH, backend="torch")[0] as engine:
        there = engine.run({"frame": STILL, "alpha": np.ones(3, np.float32), "style": wanted})
        before = engine.run({"frame": STILL, "alpha": np.ones(3, np.float32), "style": order.start})
    assert np.abs(there.astype(int) - before).max() > 10
    show.until(lambda: show.picture is not None and np.abs(show.picture.astype(int) - there).max() <= 1)
    assert sum(isinstance(event, EngineTaken) for event in show.told) == 1 == len(Build.made)


def test_a_painting_that_comes_later_is_learnt_too(show: Show, palette: StylePack) -> None:
    Image.new("RGB", (40, 40), (9, 9, 90)).save(palette.file.parent / "sea.png")
    show.session.play_painting(palette.file.parent / "sea.png")
    show.until(lambda: bool(show.begun))
    show.begun[0].state = "done"
    show.until(lambda: len(show.begun) == 2)
    assert [one.order.style for one in show.begun] == ["sky", "sea"]
    show.session.close()
    assert show.begun[1].closed


def test_a_palette_that_came_meanwhile_has_the_better_vector_too(show: Show, palette: StylePack) -> None:
    show.until(lambda: bool(show.begun))
    Image.new("RGB", (40, 40), (9, 9, 90)).save(palette.file.parent / "sea.png")
    show.session.play_painting(palette.file.parent / "sea.png")
    packs = show.session.live.loader.packs
    show.until(lambda: any(pack.style == "palette/sea" for pack in packs))
    order = show.begun[0].order
    wanted = order.start + np.float32(0.5)
    show.begun[0]._set(order.style, wanted)
    later = next(pack for pack in packs if pack.style == "palette/sea").network_pack
    show.until(lambda: np.array_equal(later.style_vectors()["sky"], wanted))


def test_a_vector_of_another_length_ends_the_learning_and_not_the_show(show: Show) -> None:
    show.until(lambda: bool(show.begun))
    show.begun[0]._set("sky", np.zeros(3, np.float32))
    show.until(lambda: LessonFailed(style="sky", why="the vector of sky has 3 numbers") in show.told)
    assert show.begun[0].closed and show.session.step()


def test_what_could_not_be_learnt_is_said_before_the_show(palette: StylePack, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"the folder .* is not there"):
        open_session(config(palette, keep=tmp_path / "nowhere"))
    given = config(palette)
    (tmp_path / "vgg.safetensors").write_bytes(b"another")
    with pytest.raises(TrainingError, match="trained with another loss network"):
        open_session(given)
    single = replace(given, style=StyleConfig(names=("great_wave_nano",)))
    with pytest.raises(PackError, match="adapting needs a style of a palette that says styles of paintings"):
        open_session(single)
