"""A whole session by its Python side: pictures that arrive, while sinks come and go and the source is changed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from stylefader.realtime.pipeline.events import Event, Note
from stylefader.realtime.session import open_session as module
from stylefader.realtime.session.config import (
    ControlConfig,
    PictureConfig,
    SessionConfig,
    SinkConfig,
    SourceConfig,
    StyleConfig,
    WindowConfig,
)
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.events import (
    EngineStage,
    SessionStarted,
    SinkAdded,
    SinkRemoved,
    SourceChanged,
    SourceEnded,
)
from stylefader.realtime.session.mask_words import MaskWords, find_live_mask
from stylefader.realtime.session.open_session import open_session
from stylefader.realtime.session.session import Session
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import ControlError, EngineError, PackError, SinkError, SourceError, StylefaderError
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.realtime.clips import Clip
from tests.realtime.session.rack import Behind, Build

WAIT_S = 60
WIDTH, HEIGHT = 96, 64
RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture(autouse=True)
def _engines_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines are there when a test says so; until then the original passes through."""
    Build.made.clear()
    made = functools.partial(EngineLoader, build=Build, measuring=Behind)  # type: ignore[arg-type]
    monkeypatch.setattr(module, "EngineLoader", made)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two styles, a red picture of the session's proportions and a blue one that is square."""
    for name in ("first", "second"):
        save_pack(random_pack(tmp_path / f"{name}.safetensors"))
    for name, colour, size in (("red", RED, (96, 64)), ("blue", BLUE, (64, 64))):
        picture = np.full((size[1], size[0], 3), colour[::-1], np.uint8)
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    return tmp_path


def config(folder: Path, source: str = "red.png", **words: Any) -> SessionConfig:
    names = tuple(str(folder / f"{name}.safetensors") for name in ("first", "second"))
    wanted = SessionConfig(
        source=SourceConfig(word=str(folder / source), loop=True),
        picture=PictureConfig(width=WIDTH, height=HEIGHT, fit="contain"),
        style=StyleConfig(names=names),
        sinks=SinkConfig(words=("null",)),
        window=WindowConfig(shown=False),
    )
    return replace(wanted, **words)


def until(true: Callable[[], object], session: Session) -> None:
    for _ in range(WAIT_S * 100):
        if true():
            return
        session.wait(0)
        threading.Event().wait(0.01)
    raise AssertionError(f"it was never so: {session.snapshot()}")


def written(session: Session, name: str) -> int:
    return next((one.written for one in session.snapshot().sinks if one.name == name), 0)


def read(path: Path) -> list[np.ndarray]:
    with av.open(path) as clip:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in clip.decode(video=0)]


def is_near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel - colour).max() < 25)


def test_a_recording_begun_in_the_middle_has_both_sources_at_one_size_and_ends_before_the_end(folder: Path) -> None:
    events: list[Event] = []
    with open_session(config(folder), listener=events.append) as session:
        session.run_in_background()
        until(lambda: session.snapshot().frames > 3, session)
        name = session.add_sink(str(folder / "middle.mkv"))
        until(lambda: written(session, name) >= 5, session)
        session.change_source(str(folder / "blue.png"))
        assert session.snapshot().source == str(folder / "blue.png")
        before = written(session, name)
        until(lambda: written(session, name) >= before + 10, session)
        session.remove_sink(name)
        count = session.snapshot().frames
        frames = read(folder / "middle.mkv")
        until(lambda: session.snapshot().frames >= count + 3, session)
        assert len(read(folder / "middle.mkv")) == len(frames), "it is over"
        assert [one.name for one in session.snapshot().sinks] == ["null"]
    middles = [frame[HEIGHT // 2, WIDTH // 2] for frame in frames]
    reds = [is_near(pixel, RED) for pixel in middles]
    blues = [is_near(pixel, BLUE) for pixel in middles]
    assert all(frame.shape == (HEIGHT, WIDTH, 3) for frame in frames)
    assert sum(reds) >= 5 and sum(blues) >= 10 and all(red or blue for red, blue in zip(reds, blues, strict=True))
    assert reds == sorted(reds, reverse=True), "first the one, then the other"
    corners = [frame[HEIGHT // 2, 4] for frame in frames]
    assert is_near(corners[0], RED) and is_near(corners[-1], (0, 0, 0)), "the same fit: bars beside what is square"
    kinds = [type(event) for event in events]
    added, changed, removed = (kinds.index(kind) for kind in (SinkAdded, SourceChanged, SinkRemoved))
    assert added < changed < removed


def test_the_sound_of_a_recording_ends_with_its_source(folder: Path) -> None:
    for name in ("one.mp4", "two.mp4"):
        Clip(frames=150, rate=Fraction(15), size=(WIDTH, HEIGHT), audio=("eng",)).make(folder / name)
    with open_session(config(folder, "one.mp4")) as session:
        session.run_in_background()
        until(lambda: session.snapshot().frames > 3, session)
        old = session.add_sink(str(folder / "old.mkv"))
        until(lambda: written(session, old) >= 15, session)
        session.change_source(str(folder / "two.mp4"))
        new = session.add_sink(str(folder / "new.mkv"))
        until(lambda: written(session, new) >= 15, session)
    for name in ("old.mkv", "new.mkv"):
        with av.open(folder / name) as clip:
            heard = list(clip.decode(audio=0))
        assert len(heard) > 5, name
        seconds = float(heard[-1].time - heard[0].time)
        assert seconds == pytest.approx((len(heard) - 1) * heard[0].samples / heard[0].sample_rate, abs=0.1), name
    with av.open(folder / "old.mkv") as clip:
        pictures = [float(frame.time) for frame in clip.decode(video=0)]
    with av.open(folder / "old.mkv") as clip:
        sound = max(float(frame.time) for frame in clip.decode(audio=0))
    assert sound < pictures[-1] - 0.5, "none of the other file's sound"


def test_what_cannot_be_had_leaves_all_as_it_was(folder: Path) -> None:
    with open_session(config(folder, sinks=SinkConfig(words=(str(folder / "a.mkv"),)))) as session:
        session.run_in_background()
        until(lambda: session.snapshot().frames > 3, session)
        with pytest.raises(SourceError, match=r"no\.mp4 does not exist"):
            session.change_source(str(folder / "no.mp4"))
        with pytest.raises(SinkError, match="unknown sink 'what'"):
            session.add_sink("what")
        with pytest.raises(SinkError, match="two recordings cannot go into one file"):
            session.add_sink(str(folder / "x" / ".." / "a.mkv"))
        with pytest.raises(SinkError, match="there is no sink 'null'"):
            session.remove_sink("null")
        count = session.snapshot().frames
        until(lambda: session.snapshot().frames >= count + 3, session)
        assert session.snapshot().source == str(folder / "red.png")
    for change in (lambda: session.add_sink("null"), lambda: session.change_source(str(folder / "blue.png"))):
        with pytest.raises(StylefaderError, match=r"the session (does not run|is over)"):
            change()
    assert session.over and len(read(folder / "a.mkv")) > 3


def test_strengths_and_styles_are_set_by_name(folder: Path) -> None:
    with open_session(config(folder)) as session:
        session.run_in_background()
        until(lambda: bool(Build.made), session)
        Build.made[0].ready()
        session.alpha = 0.8
        until(lambda: session.snapshot().plays == "first", session)
        assert session.alpha.tolist() == pytest.approx([0.8] * 3)
        session.alpha = [0.1, 0.2, 0.3]
        assert session.snapshot().alpha == pytest.approx((0.1, 0.2, 0.3))
        session.style = "second"
        until(lambda: len(Build.made) == 2, session)
        Build.made[1].ready()
        until(lambda: session.snapshot().plays == "second", session)
        with pytest.raises(ControlError, match=r"there is no style .third.; there are first, second"):
            session.style = "third"
        assert session.style == "second"


def test_in_the_callers_loop_it_runs_to_the_end_of_a_file(folder: Path) -> None:
    Clip(frames=10, rate=Fraction(25), size=(WIDTH, HEIGHT)).make(folder / "short.mp4")
    events: list[Event] = []
    wanted = config(folder, "short.mp4", stats=folder / "n.jsonl")
    wanted = replace(wanted, source=replace(wanted.source, loop=False))
    session = open_session(wanted, listener=events.append)
    later: list[Event] = []
    session.listen(later.append)
    with session:
        session.run()
        assert session.over and not session.step()
    source = str(folder / "short.mp4")
    assert SessionStarted(source=source, width=WIDTH, height=HEIGHT) in later
    assert events[-1] == SourceEnded(source=source, stylized=False)
    assert EngineStage(stage="compiling") in events
    assert not [event for event in events if isinstance(event, Note)]


def test_what_the_background_dies_of_reaches_who_closes_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def wait(session: Session) -> None:
        while not session.wait(0.01):
            Build.made[-1].error = EngineError("it cannot run")

    with open_session(config(folder)) as session:
        session.run_in_background()
        until(lambda: bool(Build.made), session)
        with pytest.raises(EngineError, match="no engine is left"):
            wait(session)
    assert "the session died" in caplog.text


def test_a_listener_that_fails_ends_no_show(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fails(event: Event) -> None:
        raise ZeroDivisionError("by nothing")

    with open_session(config(folder), listener=fails) as session:
        session.run_in_background()
        until(lambda: session.snapshot().frames > 3, session)
    assert "a listener failed at SessionStarted" in caplog.text


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"sinks": SinkConfig()}, SinkError, "nothing to show the picture on"),
        ({"sinks": SinkConfig(words=("a.mkv", "./a.mkv"))}, SinkError, "two recordings cannot go into one file"),
        ({"style": StyleConfig(names=("great_wav",))}, PackError, "did you mean great_wave"),
        ({"style": StyleConfig(backend="warp")}, EngineError, "no engine named 'warp'"),
        ({"style": StyleConfig(muted=("feet",))}, ControlError, "no source 'feet' to mute"),
        ({"picture": PictureConfig(rotate=45)}, SourceError, "rotate 45 is not a right angle"),  # type: ignore[arg-type]
        ({"controls": ControlConfig(osc="70000")}, ControlError, "is no address for OSC"),
        ({"stats": Path("none/n.jsonl")}, SinkError, "--stats cannot be written to none/n.jsonl"),
    ],
)
def test_a_config_that_cannot_be_is_refused_and_leaves_nothing_open(
    folder: Path, words: dict[str, Any], error: type[Exception], message: str
) -> None:
    before = set(threading.enumerate())
    with pytest.raises(error, match=message):
        open_session(config(folder, **words))
    assert set(threading.enumerate()) <= before


def test_another_mask_by_its_word(folder: Path) -> None:
    find = find_live_mask(MaskWords(), LiveOptions(size=(WIDTH, HEIGHT)))
    with open_session(config(folder, mask=find("bright"), find_mask=find)) as session:
        assert "mask_threshold" in session.live.parameters
        assert session.snapshot().mask == "bright"
        assert session.live.choose_where("not:ellipse:x=0.25") == "inside: not:ellipse:x=0.25"
        assert session.live.targets()["mask_x"][0] == 0.25
        assert session.refreshed(session.snapshot()).mask == "not:ellipse:x=0.25"
        assert "mask_threshold" not in session.live.parameters
        session.move("mask_x", 0.75)
        assert session.live.targets()["mask_x"][0] == 0.75
        with pytest.raises(ControlError, match="'nowhere' is not known"):
            session.live.choose_where("nowhere")
        assert "mask_x" in session.live.parameters, "the present one stays"
        assert session.live.choose_where("all") == "inside: all"
        assert "mask_x" not in session.live.parameters
        assert session.snapshot().mask is None
    with open_session(config(folder)) as session, pytest.raises(ControlError, match="no masks by words"):
        session.live.choose_where("ellipse")
