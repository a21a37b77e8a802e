"""A take of a live session, rendered again: the engine gets the same alphas at the same frames, to 1e-6."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import Engine
from stylefader.engines.account import EngineAccount
from stylefader.engines.base import Picture
from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.automation.recorder import AutomationRecorder
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.parameter import parameters_of
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.render import render
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.open_file import open_file_source
from stylefader.realtime.sources.open_live import live_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.packs.families.dynamic_net import style_inputs
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.clips import HEIGHT, WIDTH, Clip
from tests.realtime.controls.player import ALL, block

N = 3
CLIPS = {
    "a rate that no decimal has": ("clip.mp4", Clip(frames=60, rate=Fraction(30000, 1001))),
    # Begins late, and no two frames are as far apart as the two before.
    "a variable rate": (
        "clip.mkv",
        Clip(time_base=Fraction(1, 1000), ticks=[700 + 31 * n + (n * 7) % 23 for n in range(60)], rate=Fraction(30)),
    ),
}


class Recording(Engine):
    """Gives every frame back and keeps the alphas that it got."""

    name, device, precision = "recording", "none", "exact"

    def __init__(self) -> None:
        super().__init__(inputs=style_inputs([""] * N), height=HEIGHT, width=WIDTH)
        self.alphas: list[npt.NDArray[np.float32]] = []
        self._picture: Picture | None = None

    def _begin(self, slot: int, values: dict[str, npt.NDArray[Any]]) -> None:
        self.alphas.append(values["alpha"].copy())
        self._picture = values["frame"].copy()

    def _finish(self, slot: int) -> Picture:
        assert self._picture is not None
        return self._picture


class Build:
    """A build that is done at once."""

    stage = "there"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self) -> tuple[Engine, str]:
        self._engine.account = EngineAccount(engine="openvino", precision="f32", why="for a test")
        return self._engine, self._engine.account.line

    def cancel(self) -> None: ...

    def wait(self, timeout_s: float) -> bool:
        return True

    def close(self) -> None: ...


class Times(Sink):
    """Keeps when frames are."""

    notes: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.pts: list[Fraction] = []

    def open(self) -> None: ...

    def write(self, frame: Frame) -> None:
        self.pts.append(frame.pts)

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Nowhere:
    def put(self, frame: Frame) -> None: ...


def perform(
    clip: Path, pack: PackFile, take: AutomationRecorder
) -> tuple[list[Fraction], list[npt.NDArray[np.float32]]]:
    """Play a clip to its end while every kind of control moves alpha: times and alphas of the frames stylized."""
    engine, times = Recording(), []

    def played(frame: Frame, style: str, values: Any) -> None:
        times.append(frame.pts)
        take.played(frame.pts, style, values)

    loader = EngineLoader([pack], backend="openvino", build=lambda *_, **__: Build(engine))  # type: ignore[arg-type, return-value]
    choice = live_source(str(clip), LiveOptions(size=(WIDTH, HEIGHT)))
    options = SessionOptions(height=HEIGHT, width=WIDTH)
    session = LiveSession(
        lambda mailbox: Capture(choice.make, mailbox, name=choice.name, reconnects=False),
        Nowhere(),
        loader,
        options,
        played=played,
    )
    moves = {
        3: lambda: session.move(ALL, 0.7), 12: lambda: session.move(block(0), 0.1, source="midi"),
        13: lambda: session.move(block(0), 0.2, source="midi"), 16: lambda: session.move(block(2), 0.9, source="osc"),
        18: lambda: session.nudge(block(1), -0.3), 30: lambda: session.move(ALL, 0.0, source="midi"),
        36: lambda: session.nudge(block(0), 0.5), 40: lambda: session.show.__setattr__("bypass", True),
        46: lambda: session.move(block(1), 0.4),
    }  # fmt: skip
    session.start()
    try:
        while not session.capture.over:
            session.tick()
            take.write()
            seen = session.stylizer.counts.stylized + session.stylizer.counts.passed
            for number in [number for number in moves if number <= seen]:
                moves.pop(number)()
            if seen > 43:
                session.show.bypass = False
            threading.Event().wait(0.005)
    finally:
        session.close()
        take.close()
    assert len(times) == len(engine.alphas)
    return times, engine.alphas


@pytest.mark.parametrize("which", CLIPS)
def test_the_same_alphas_at_the_same_frames(which: str, tmp_path: Path) -> None:
    name, clip = CLIPS[which]
    clip.make(tmp_path / name)
    save_pack(random_pack(tmp_path / "small.safetensors"))
    pack = PackFile(tmp_path / "small.safetensors")
    take = AutomationRecorder(tmp_path / "take.csv", {"alpha": N})
    times, live = perform(tmp_path / name, pack, take)
    assert len(times) > 15 and np.ptp(live, axis=0).min() > 0.2, "frames were played, and all blocks moved"

    engine, sink = Recording(), Times()
    with open_file_source(tmp_path / name) as source:
        render(source, sink, engine, read_csv(tmp_path / "take.csv"), parameters_of(pack.header))
        zero = source.clock_zero
    rendered = {pts - zero: alpha for pts, alpha in zip(sink.pts, engine.alphas, strict=True)}
    assert len(rendered) == 60
    worst = max(float(np.abs(rendered[pts] - alpha).max()) for pts, alpha in zip(times, live, strict=True))
    assert worst < 1e-6
