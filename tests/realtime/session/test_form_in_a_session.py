"""A whole session with a pack that has no int8 form: the form is made, measured and played while pictures go on.

Engines, the form's process and the measurements are the real ones. Only the clock by which frames are kept runs faster,
and what floating point takes is made up, so that int8 is the faster of the two on every machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stylefader.engines.int8.form import find_quantized, made_here_file
from stylefader.engines.machine.identity import has_nvidia_driver
from stylefader.engines.selection.choice import own_precision
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.selection.measuring import CPU_SIZE
from stylefader.engines.timing import bench_picture
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
from stylefader.realtime.session.form_maker import FRAMES, FormMaker
from stylefader.realtime.session.open_session import open_session
from stylefader.realtime.session.session import Session
from stylefader.realtime.session.words import words_of
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.clips import Clip

WAIT_S = 300
STILL_S = 30
WIDTH, HEIGHT = 96, 64
FASTER = 50

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(has_nvidia_driver(), reason="no form is made where a GPU is, which is faster"),
]


def until(true: Callable[[], object], session: Session, said: list[str]) -> None:
    """Wait for something, while pictures go on."""
    frames, began = 0, time.monotonic()
    moved = began
    while not true():
        session.wait(0.1)
        now, shown = time.monotonic(), session.snapshot().frames
        if shown > frames:
            frames, moved = shown, now
        assert now < moved + STILL_S, f"no picture came out for {STILL_S} s: {session.snapshot()}"
        assert now < began + WAIT_S, f"it was never so: {session.snapshot()}; {said}"


def slow_in_floating_point(pack: PackFile, cache: Path) -> None:
    height, width = CPU_SIZE
    row = Measured(
        engine="openvino", asked="auto", precision=own_precision("openvino"), height=height, width=width, calls=3,
        median_ms=5000.0, p99_ms=5000.0, fps=0.2, psnr_db=60.0,
    )  # fmt: skip
    assert not Measurements(cache).remember(pack, [row])


def test_a_form_is_made_and_played_while_pictures_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hurried(folder: Path, *, now_ns: Callable[[], int], **words: Any) -> FormMaker:
        return FormMaker(folder, now_ns=lambda: FASTER * now_ns(), **words)

    monkeypatch.setattr(module, "FormMaker", hurried)
    save_pack(random_pack(tmp_path / "mine.safetensors", architecture="nano", width=8))
    pack, cache = PackFile(tmp_path / "mine.safetensors"), tmp_path / "cache"
    slow_in_floating_point(pack, cache)
    detailed = bench_picture(HEIGHT, WIDTH)  # a form that was made over flat pictures would not be proved
    clip = Clip(frames=50, rate=Fraction(25), size=(WIDTH, HEIGHT), image=detailed).make(tmp_path / "clip.mp4")
    config = SessionConfig(
        source=SourceConfig(word=str(clip), loop=True), picture=PictureConfig(width=WIDTH, height=HEIGHT),
        style=StyleConfig(names=(str(pack.file),), cache_dir=cache), sinks=SinkConfig(words=("null",)),
        window=WindowConfig(shown=False),
    )  # fmt: skip
    said: list[str] = []

    def hear(event: Event) -> None:
        said.append(words_of(event))

    with open_session(config, listener=hear) as session:
        session.run_in_background()

        def go_on() -> None:
            before = session.snapshot().frames
            until(lambda: session.snapshot().frames >= before + 5, session, said)

        until(lambda: session.snapshot().engine is not None, session, said)
        assert session.snapshot().precision == own_precision("openvino")
        until(lambda: session.snapshot().coming == "making int8 of mine", session, said)
        go_on()
        until(lambda: session.snapshot().precision == "int8", session, said)
        go_on()
        assert session.snapshot().engine_failures == 0
    assert any(words.startswith("mine has an int8 form now, made of frames of this session") for words in said)
    form = find_quantized(pack, cache)
    assert form is not None and made_here_file(pack, cache).is_file()
    assert not pack.file.with_suffix(".int8").exists(), "nothing is written beside the pack"
    assert form.made["of"] == "frames of a live session" and form.made["pictures"] == FRAMES * 3 // 4
