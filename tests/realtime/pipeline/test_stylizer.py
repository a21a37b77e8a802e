from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.active_style import ActiveStyle
from stylefader.realtime.pipeline.output_check import is_broken
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.stylizer import StageTimes, Stylizer
from stylefader.training.errors import EngineError
from tests.conftest import random_pack
from tests.realtime.controls.player import ALL
from tests.realtime.live import HEIGHT, WIDTH, Clock, TimedEngine, numbered, playing

MS = 1_000_000
NOTHING = np.zeros((1, 1, 3), np.uint8)
FRAME_NS = 33_333_333


class Stage:
    """A stylizer with a camera at 30 frames a second on an injected clock."""

    def __init__(self, *, height: int = HEIGHT, width: int = WIDTH) -> None:
        self.clock = Clock()
        self.mailbox: NewestMailbox[Frame] = NewestMailbox()
        self.shown: list[tuple[int, Frame]] = []
        self.times: list[StageTimes] = []
        self.failed: list[ActiveStyle] = []
        self.arrived = -1
        self.keeps = True
        self.size = (height, width)
        self.stylizer = Stylizer(
            self.mailbox, self._put, height=height, width=width, now_ns=self.clock,
            failed=lambda which, error: self.failed.append(which), timed=self.times.append,
        )  # fmt: skip

    def _put(self, frame: Frame) -> None:
        # What is kept here is in use for ever, so the pictures of minutes are let go.
        self.shown.append((self.clock.ns, frame if self.keeps else replace(frame, image=NOTHING, original=None)))

    def camera(self, number: int = 0) -> None:
        """Let frame `number` arrive when it is due, and the next ones after it."""
        due = number * FRAME_NS

        def arrive() -> None:
            self.arrived = number
            self.mailbox.put(numbered(number, due, self.size))
            self.camera(number + 1)

        self.clock.at(due, arrive)

    def run_to(self, ns: int) -> None:
        """Step until then; where there is nothing to do, on to the next thing that happens."""
        while self.clock.ns < ns:
            self.clock.pass_to(self.clock.ns)
            if not self.stylizer.step(0):
                self.clock.pass_to(min(ns, self.clock._due[-1][0] if self.clock._due else ns))


@pytest.mark.parametrize("slots", [1, 2])
def test_a_slow_engine_for_ten_minutes_shows_the_newest_and_never_falls_behind(slots: int) -> None:
    stage = Stage()
    engine = TimedEngine(stage.clock, 100, slots=slots)
    stage.stylizer.play(playing(engine))
    stage.keeps = False
    stage.camera()
    newest: list[bool] = []
    begin = engine._begin

    def watched(slot: int, values: dict[str, Any]) -> None:
        newest.append(int(values["frame"][0, 0, 0]) == stage.arrived % 100)
        begin(slot, values)

    engine._begin = watched  # type: ignore[method-assign]
    stage.run_to(600 * 1000 * MS)
    latencies = [at - frame.captured_ns for at, frame in stage.shown]
    assert len(latencies) > 5_980, "as many as the engine makes"
    assert all(newest)
    # With two slots a frame waits in its slot while the one before is computed.
    assert max(latencies) <= slots * 100 * MS + FRAME_NS
    assert max(latencies[-1000:]) <= max(latencies[:1000]) + MS, "no growth"
    indices = [frame.index for _, frame in stage.shown]
    assert indices == sorted(set(indices)), "in order, none twice"
    assert stage.mailbox.replaced == stage.arrived + 1 - len(newest) - stage.mailbox.waiting


@pytest.mark.parametrize("slots", [1, 2])
def test_a_fast_engine_takes_every_frame_and_adds_nothing(slots: int) -> None:
    stage = Stage()
    stage.stylizer.play(playing(TimedEngine(stage.clock, 20, slots=slots)))
    stage.camera()
    stage.run_to(10 * 1000 * MS)
    assert [frame.index for _, frame in stage.shown] == list(range(len(stage.shown)))
    assert len(stage.shown) >= 299
    assert {at - frame.captured_ns for at, frame in stage.shown} == {20 * MS}, "not held back for a next frame"
    assert stage.mailbox.replaced == 0


def test_an_alpha_change_is_in_the_very_next_frame() -> None:
    stage = Stage()
    engine = TimedEngine(stage.clock, 20)
    which = playing(engine)
    stage.stylizer.play(which)
    for number in range(20):
        which.desk.move(ALL, number / 20)
        stage.mailbox.put(numbered(number))
        stage.clock.pass_to(stage.clock.ns + MS)
        stage.stylizer.step(0)
        assert engine.started[-1] == (number, pytest.approx(number / 20))


def test_the_same_frames_give_the_same_bytes_with_one_slot_and_with_two() -> None:
    pictures = []
    for slots in (1, 2):
        stage = Stage()
        which = playing(TimedEngine(stage.clock, 25, slots=slots), alpha=0.3)
        stage.stylizer.play(which)
        for number in range(50):
            stage.mailbox.put(numbered(number))
            stage.stylizer.step(0)
        while stage.stylizer.step(0):
            pass
        pictures.append([frame.image.copy() for _, frame in stage.shown])
        assert [frame.index for _, frame in stage.shown] == list(range(50))
    assert all(np.array_equal(one, two) for one, two in zip(*pictures, strict=True))


def test_without_an_engine_the_original_passes() -> None:
    stage = Stage()
    stage.mailbox.put(numbered(3))
    assert stage.stylizer.step(0)
    assert not stage.stylizer.step(0)
    frame = stage.shown[0][1]
    assert np.array_equal(frame.image, numbered(3).image)
    assert frame.original is not None and np.array_equal(frame.original, frame.image)


def test_bypass_freeze_and_blackout() -> None:
    stage = Stage()
    engine = TimedEngine(stage.clock, 1)
    stage.stylizer.play(playing(engine, alpha=0.5))
    show = stage.stylizer.show

    def see(number: int) -> np.ndarray:  # type: ignore[type-arg]
        stage.mailbox.put(numbered(number))
        stage.stylizer.step(0)
        return stage.shown[-1][1].image

    assert see(1)[0, 0, 0] == 51
    show.freeze = True
    assert see(2)[0, 0, 0] == 51, "the last picture holds"
    show.freeze, show.bypass = False, True
    assert np.array_equal(see(3), numbered(3).image)
    show.blackout = True
    assert not see(4).any(), "black goes before all"
    assert stage.shown[-1][1].original is None, "and no view shows the original"
    show.blackout = show.bypass = False
    assert see(5)[0, 0, 0] == 55
    assert engine.calls == 2, "nothing is computed that nobody sees"


def test_a_cross_fade_runs_both_engines_for_its_length_and_closes_the_old_one() -> None:
    stage = Stage()
    old, new = TimedEngine(stage.clock, 1), TimedEngine(stage.clock, 1)
    stage.stylizer.play(playing(old, alpha=0.0))
    seen = []
    for number in range(30):
        if number == 5:
            stage.stylizer.play(playing(new, alpha=1.0), fade_s=1.0)
        stage.clock.pass_to(number * 100 * MS)
        stage.mailbox.put(numbered(0))
        stage.stylizer.step(0)
        seen.append(int(stage.shown[-1][1].image[0, 0, 0]))
    assert seen[:6] == [0] * 6
    assert seen[6:16] == pytest.approx([10 * (k + 1) for k in range(10)], abs=2), "the new one comes in evenly"
    assert seen[16:] == [100] * 14
    assert old.closed and not new.closed
    assert old.calls == 15 and new.calls == 25, "both run during the fade only"
    stage.stylizer.close()
    assert new.closed


def test_a_style_that_comes_during_a_fade_cuts_it_short() -> None:
    stage = Stage()
    engines = [TimedEngine(stage.clock, 1) for _ in range(3)]
    for engine, fade_s in zip(engines, (0.0, 5.0, 5.0), strict=True):
        stage.stylizer.play(playing(engine, alpha=0.5), fade_s=fade_s)
        stage.mailbox.put(numbered(1))
        stage.stylizer.step(0)
    assert [engine.closed for engine in engines] == [True, False, False]
    assert len(stage.stylizer.desks) == 2
    stage.stylizer.close()
    assert all(engine.closed for engine in engines)


@pytest.mark.parametrize("fading", [False, True])
@pytest.mark.parametrize("slots", [1, 2])
def test_an_engine_that_breaks_is_taken_out_and_the_original_passes(slots: int, fading: bool) -> None:
    stage = Stage()
    sound, broken = TimedEngine(stage.clock, 1), TimedEngine(stage.clock, 1, slots=slots, breaks=3)
    if fading:
        stage.stylizer.play(playing(sound))
        stage.stylizer.step(0)
    stage.stylizer.play(playing(broken, alpha=0.5), fade_s=50.0 if fading else 0.0)
    for number in range(6):
        stage.mailbox.put(numbered(number))
        stage.stylizer.step(0)
    while stage.stylizer.step(0):
        pass
    assert [frame.index for _, frame in stage.shown] == list(range(6)), "no frame is lost"
    assert [which.engine for which in stage.failed] == [broken] and broken.closed
    assert stage.stylizer.counts.engine_failures == 1
    assert stage.shown[-1][1].image[0, 0, 0] == 5, "the original, or the style before"
    assert sound.calls == (6 if fading else 0)


def test_in_a_fade_the_style_that_is_sound_is_seen() -> None:
    stage = Stage()
    stage.stylizer.play(playing(TimedEngine(stage.clock, 1), alpha=0.5))
    stage.stylizer.step(0)
    stage.stylizer.play(playing(TimedEngine(stage.clock, 1, spoils=tuple(range(99))), alpha=0.5), fade_s=50)
    for number in range(5):
        stage.mailbox.put(numbered(number, size=(HEIGHT, WIDTH)))
        stage.stylizer.step(0)
    assert [int(frame.image[0, 0, 0]) for _, frame in stage.shown] == [50, 51, 52, 53, 54]
    assert stage.stylizer.counts.broken == 5


def test_a_spoilt_picture_is_seen_before_it_is_scaled() -> None:
    stage = Stage(height=64, width=64)
    engine = TimedEngine(stage.clock, 1, size=(48, 48))
    rng = np.random.default_rng(0)
    engine._finish = lambda slot: rng.integers(0, 2, (48, 48, 3), np.uint8) * np.uint8(255)  # type: ignore[method-assign]
    stage.stylizer.play(playing(engine))
    image = rng.integers(1, 255, (64, 64, 3), np.uint8)
    stage.mailbox.put(Frame(image=image, pts=numbered(0).pts, index=0, captured_ns=0))
    stage.stylizer.step(0)
    assert stage.stylizer.counts.broken == 1
    assert np.array_equal(stage.shown[0][1].image, image)


@pytest.mark.parametrize("wild", [False, True])
@pytest.mark.parametrize("which", ["old", "new"])
def test_in_a_fade_only_the_engine_that_breaks_goes(which: str, wild: bool) -> None:
    stage = Stage()
    engines = {name: TimedEngine(stage.clock, 1) for name in ("old", "new")}

    def breaks(slot: int) -> object:
        raise RuntimeError("a driver's") if wild else EngineError("boom", failure=True)

    stage.stylizer.play(playing(engines["old"]))
    stage.stylizer.step(0)
    stage.stylizer.play(playing(engines["new"]), fade_s=50)
    stage.mailbox.put(numbered(0))
    stage.stylizer.step(0)
    engines[which]._finish = breaks  # type: ignore[method-assign,assignment]
    for number in range(1, 4):
        stage.mailbox.put(numbered(number))
        stage.stylizer.step(0)
    other = engines["new" if which == "old" else "old"]
    assert [failed.engine for failed in stage.failed] == [engines[which]]
    assert engines[which].closed and not other.closed
    assert stage.stylizer.playing is not None and stage.stylizer.playing.engine is other
    assert len(stage.shown) == 4 and other.calls == 4


def test_flags_are_seen_while_no_frames_come() -> None:
    stage = Stage()
    stage.stylizer.play(playing(TimedEngine(stage.clock, 1), alpha=0.5))
    stage.mailbox.put(numbered(1))
    stage.stylizer.step(0)
    show = stage.stylizer.show
    seen = []
    for flag, value in (("blackout", True), ("blackout", False), ("bypass", True), ("bypass", False)):
        setattr(show, flag, value)
        for _ in range(3):
            stage.stylizer.step(0)
        seen.append(int(stage.shown[-1][1].image[0, 0, 0]))
    assert seen == [0, 51, 1, 51]
    assert len(stage.shown) == 5, "once each"


def test_pictures_that_are_not_finite_are_replaced_by_the_last_good_one() -> None:
    stage = Stage()
    stage.stylizer.play(playing(TimedEngine(stage.clock, 1, spoils=(1, 3, 4)), alpha=0.5))
    for number in range(5):
        stage.mailbox.put(numbered(number))
        stage.stylizer.step(0)
    firsts = [int(frame.image[0, 0, 0]) for _, frame in stage.shown]
    assert firsts == [0, 51, 51, 51, 54], "first the original, then the last good one"
    assert stage.stylizer.counts.broken == 3 and stage.stylizer.counts.stylized == 2


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_values_that_are_not_finite_are_seen_in_the_picture(backend: str, tmp_path: Path) -> None:
    pack = random_pack(tmp_path / "p.safetensors")
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    with open_engine(pack, 48, 64, backend=backend, precision="f32")[0] as engine:
        for block in range(3):
            alpha = np.zeros(3, np.float32)
            alpha[block] = 3e38  # overflows to infinity behind the block
            assert is_broken(engine.run({"frame": frame, "alpha": alpha}), frame), block
        assert not is_broken(engine.run({"frame": frame, "alpha": np.ones(3, np.float32)}), frame)
    assert not is_broken(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)), "a black room is no fault"


def test_an_engine_of_another_size_is_scaled_to_the_session() -> None:
    stage = Stage(height=40, width=80)
    stage.stylizer.play(playing(TimedEngine(stage.clock, 1, size=(20, 40)), alpha=0.5))
    stage.mailbox.put(Frame(image=np.full((40, 80, 3), 9, np.uint8), pts=numbered(0).pts, index=0, captured_ns=0))
    stage.stylizer.step(0)
    assert stage.shown[0][1].image.shape == (40, 80, 3)
    assert (stage.shown[0][1].image == 59).all()


def test_pictures_that_went_out_are_not_written_again() -> None:
    stage = Stage()
    stage.stylizer.play(playing(TimedEngine(stage.clock, 1)))
    for number in range(10):
        stage.mailbox.put(numbered(number))
        stage.stylizer.step(0)
    assert [int(frame.image[0, 0, 0]) for _, frame in stage.shown] == list(range(10))
    assert not any(np.shares_memory(a.image, b.image) for (_, a), (_, b) in combinations(stage.shown, 2))


def test_what_is_dropped_before_it_plays_is_closed() -> None:
    stage = Stage()
    first, second = TimedEngine(stage.clock, 1), TimedEngine(stage.clock, 1)
    stage.stylizer.play(playing(first))
    stage.stylizer.play(playing(second))
    assert first.closed
    stage.stylizer.close()
    assert second.closed
    with pytest.raises(EngineError, match="closed"):
        second.run({"frame": numbered(0).image, "alpha": np.zeros(1, np.float32)})
