"""A live session around engines that are stand-ins: styles, scenes, masks, panic, and what goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineRequest
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import ControlError, PackError, SourceError
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.controls.player import ALL, block
from tests.realtime.live import HEIGHT, WIDTH, Clock, TimedEngine, numbered
from tests.realtime.pipeline.test_capture import Reel
from tests.realtime.session.rack import WAIT_S, Build, Flow, Halves, Outlet, a_rack


@pytest.fixture
def session(packs: list[PackFile]):  # type: ignore[no-untyped-def]
    """A running session of three styles, what it said, and where its frames went."""
    said: list[str] = []
    outputs = Outlet()

    def tell(event: Event) -> None:
        said.append(words_of(event))

    def capture(mailbox: NewestMailbox[Frame]) -> Capture:
        return Capture(lambda: Flow(0), mailbox, name="the camera", reconnects=True, tell=tell)

    options = SessionOptions(height=HEIGHT, width=WIDTH, fade_s=0.05)
    live = LiveSession(capture, outputs, a_rack(packs, said), options, tell=tell)
    live.start()

    def until(true: Callable[[], bool]) -> None:
        for _ in range(WAIT_S * 200):
            live.tick()
            if true():
                return
            threading.Event().wait(0.005)
        raise AssertionError(f"never so; said: {said}; {live.snapshot()}")

    yield SimpleNamespace(live=live, said=said, outputs=outputs, until=until)
    live.close()
    live.close()
    assert not any(thread.name.startswith("live-") for thread in threading.enumerate())


def first_pixel(outputs: Outlet) -> int:
    """How far the first pixel stands from its original's."""
    assert outputs.last is not None and outputs.last.original is not None
    return int(outputs.last.image[0, 0, 0]) - int(outputs.last.original[0, 0, 0])


def test_the_original_passes_until_the_engine_is_there(session: Any) -> None:
    session.until(lambda: session.outputs.count > 5)
    assert first_pixel(session.outputs) == 0
    assert session.live.snapshot().engine is None
    Build.made[0].ready()
    session.live.tick()
    session.live.move(ALL, 1.0)
    session.until(lambda: first_pixel(session.outputs) > 90)
    numbers = session.live.snapshot()
    assert (numbers.engine, numbers.style, numbers.size) == ("auto", "first", (WIDTH, HEIGHT))
    assert numbers.alpha == (1.0,) * 3
    assert numbers.latency.engine.p50 is not None


def test_styles_change_and_take_the_strength_along(session: Any) -> None:
    first = Build.made[0].ready()
    session.until(lambda: session.live.snapshot().engine is not None)
    session.live.move(block(0), 0.9)
    session.live.move(block(1), 0.1)
    session.live.move(block(2), 0.1)
    session.live.step_style(1)
    session.until(lambda: len(Build.made) == 2)
    assert Build.made[1].pack.header.name == "second"
    assert session.live.snapshot().coming == "second: compiling", "the present one plays on"
    Build.made[1].ready()
    session.until(lambda: bool(first.closed))
    assert session.live.snapshot().alpha == pytest.approx([0.9])
    session.live.step_style(-1)
    session.live.step_style(-1)
    session.until(lambda: len(Build.made) == 3)
    assert Build.made[2].pack.header.name == "third", "round the corner"
    Build.made[2].ready()
    session.until(lambda: len(session.live.stylizer.desks) == 1 and session.live.snapshot().style == "third")


def test_a_scene_brings_its_style_and_alpha_and_its_own_fade(session: Any) -> None:
    Build.made[0].ready()
    session.until(lambda: session.live.snapshot().engine is not None)
    session.live.fade_to(None, {"alpha": np.array([0.25], np.float32)}, 0.0)
    session.until(lambda: session.live.snapshot().alpha == pytest.approx([0.25] * 3))
    session.live.fade_to(2, {"alpha": np.array([0.1, 0.2, 0.3], np.float32)}, 30.0)
    session.until(lambda: len(Build.made) == 2)
    session.live.fade_to(2, {"alpha": np.array([0.4, 0.5, 0.6], np.float32)}, 60.0)
    session.live.tick()
    assert session.live.snapshot().alpha == pytest.approx([0.25] * 3), "it waits for its style"
    Build.made[1].ready()
    session.until(lambda: len(session.live.stylizer.desks) == 2)
    numbers = session.live.snapshot()
    assert numbers.style == "third" and numbers.alpha == pytest.approx([0.4, 0.5, 0.6]), "the last one asked for"
    newest = session.live.stylizer.desks[1]
    assert newest.values(0)["alpha"][0] < 0.3, "it has just begun"
    with pytest.raises(ControlError):
        session.live.fade_to(0, {"alpha": np.array([np.nan], np.float32)}, 1)


@pytest.mark.parametrize(("asked", "given"), [(0.7, 0.7), (3.0, 1.0), (None, 0.0)])
def test_a_session_begins_at_the_alpha_that_was_asked_for(
    packs: list[PackFile], asked: float | None, given: float
) -> None:
    options = SessionOptions(height=HEIGHT, width=WIDTH, slew=0.01, start={} if asked is None else {"alpha": asked})
    live = LiveSession(lambda mailbox: Capture(lambda: Flow(0), mailbox, name="c", reconnects=True),
                       Outlet(), a_rack(packs, []), options)  # fmt: skip
    assert live.targets()["alpha"].tolist() == pytest.approx([given] * 3)
    assert live.performance._desk.values(0)["alpha"].tolist() == pytest.approx([given] * 3), (
        "at once, however slowly alpha may move"
    )


def test_a_mask_is_switched_on_and_off_while_it_plays(session: Any, packs: list[PackFile]) -> None:
    def built(number: int, *, masked: bool) -> None:
        session.until(lambda: len(Build.made) > number)
        assert Build.made[number].words["masked"] is masked
        engine, _ = open_engine(packs[0], HEIGHT, WIDTH, backend="torch", masked=masked)
        Build.made[number].ready(engine)
        session.until(lambda: session.live.stylizer.playing is not None)
        session.until(lambda: session.live.stylizer.playing.engine is engine)
        session.until(lambda: len(session.live.stylizer.desks) == 1)

    def shown() -> tuple[bool, bool]:
        """Whether the left and the right half are stylized."""
        count = session.outputs.count
        session.until(lambda: session.outputs.count > count + 2)
        frame, half = session.outputs.last, WIDTH // 2
        changed = (frame.image != frame.original).any(axis=(0, 2))
        return bool(changed[:half].any()), bool(changed[half:].any())

    built(0, masked=False)
    session.live.move(Target("mix"), 0.5)
    source = Halves()
    session.live.mask.change(MaskChoice(words="halves", open=lambda height, width: source))
    assert shown() == (True, True), "what plays has no mask yet"
    built(1, masked=True)
    assert shown() == (True, False)
    assert session.live.targets()["mix"][0] == 0.5 and session.live.targets()["mix_outside"][0] == 0
    session.live.go(1)
    session.until(lambda: len(Build.made) == 3)
    assert Build.made[2].words["masked"] is True, "another style has the mask as well"
    session.live.go(0)
    session.live.mask.change(None)
    assert source.closed and shown() == (True, True), "all is inside at once"
    session.until(lambda: Build.made[-1].words["masked"] is False)

    def refused(height: int, width: int) -> Any:
        raise SourceError("no such mask")

    with pytest.raises(SourceError, match="no such mask"):
        session.live.mask.change(MaskChoice(words="x", open=refused))
    session.live.close()
    with pytest.raises(SourceError, match="the session is over"):
        session.live.mask.change(MaskChoice(words="halves", open=lambda height, width: Halves()))


def test_panic(session: Any) -> None:
    Build.made[0].ready()
    session.until(lambda: session.live.snapshot().engine is not None)
    session.live.move(ALL, 1.0)
    session.live.show.blackout = session.live.show.freeze = True
    session.live.go(2)
    session.until(lambda: len(Build.made) == 2)
    session.live.panic()
    session.until(lambda: len(Build.made) == 3)
    assert Build.made[1].left and Build.made[2].pack.header.name == "first"
    assert not (session.live.show.blackout or session.live.show.freeze)
    assert session.live.snapshot().alpha == (0.0,) * 3, "this pack's default"
    assert session.live.muted == {"lfo", "sound"}


def test_an_engine_that_breaks_gives_way_and_the_picture_goes_on(session: Any) -> None:
    Build.made[0].ready(breaks=20)
    session.until(lambda: len(Build.made) == 2)
    assert any("engine auto failed: the engine broke; another one takes over" in words for words in session.said)
    count = session.outputs.count
    session.until(lambda: session.outputs.count > count + 5)
    assert first_pixel(session.outputs) == 0
    Build.made[1].ready()
    session.until(lambda: session.live.snapshot().engine == Build.made[1].backend)
    assert session.live.snapshot().engine_failures == 1


def test_a_style_that_cannot_be_had_leaves_the_one_that_plays(session: Any) -> None:
    Build.made[0].ready()
    session.until(lambda: session.live.snapshot().engine is not None)
    session.live.go(1)
    session.until(lambda: len(Build.made) == 2)
    Build.made[1].error = PackError("second has NaN")
    session.until(lambda: "second has NaN; first goes on" in session.said)
    assert session.live.snapshot().style == "first" and session.live.style == 0
    session.live.go(1)
    session.until(lambda: len(Build.made) == 3)


def test_what_kills_the_stylizer_reaches_the_owner(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    live = session.live
    monkeypatch.setattr(live.stylizer, "_change_over", bug)
    with pytest.raises(ZeroDivisionError):
        session.until(lambda: False)
    live.close()


def test_a_session_adapts_its_size(packs: list[PackFile]) -> None:
    clock = Clock()
    options = SessionOptions(height=360, width=640, adaptive_fps=30)
    mailbox_of: list[NewestMailbox[Frame]] = []

    def capture(mailbox: NewestMailbox[Frame]) -> Capture:
        mailbox_of.append(mailbox)
        return Capture(lambda: Reel(0), mailbox, name="x", reconnects=False)

    said: list[str] = []
    shown = Outlet()
    live = LiveSession(
        capture, shown, a_rack(packs), options, now_ns=clock, tell=lambda event: said.append(words_of(event))
    )
    live.loader.request(EngineRequest(style=0, size=Size(height=360, width=640)))
    Build.made[0].ready(TimedEngine(clock, 100, n_blocks=3, size=(360, 640)))
    for number in range(300):
        live.tick()
        if len(Build.made) == 2 and Build.made[1].engine is None:
            Build.made[1].ready(TimedEngine(clock, 25, n_blocks=3, size=Build.made[1].size))
        mailbox_of[0].put(numbered(number, clock.ns, (360, 640)))
        live.stylizer.step(0)
        clock.pass_to(clock.ns + 10_000_000)
    assert [build.size for build in Build.made] == [(360, 640), (180, 320)]
    assert "100 ms a frame: on to the smaller size 320x180" in said
    assert live.snapshot().size == (320, 180)
    assert shown.last is not None and shown.last.image.shape == (360, 640, 3), "what is shown keeps its size"
    live.stylizer.close()
    live.close()


def test_a_move_between_two_desks_is_not_lost(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes just after the new desk has taken over where the old one stood."""
    Build.made[0].ready()
    session.until(lambda: session.live.snapshot().engine is not None)
    performance, movers = session.live.performance, list[threading.Thread]()
    saved: list[tuple[int, float]] = []

    def act() -> None:
        session.live.move(block(0), 0.9, source="midi")
        style, alpha = session.live.standing()
        saved.append((style, float(alpha["alpha"][0])))

    def new_desk(*words: Any) -> Any:
        desk = type(performance._made).desk(performance._made, *words)
        movers.append(threading.Thread(target=act))
        movers[-1].start()
        movers[-1].join(0.2)  # it waits for the lock, or has had its way by then
        return desk

    monkeypatch.setattr(performance._made, "desk", new_desk)
    session.live.go(2)
    session.until(lambda: len(Build.made) == 2)
    Build.made[1].ready()
    session.until(lambda: session.live.plays == "third" or bool(movers))
    movers[0].join(WAIT_S)
    assert session.live.targets()["alpha"][0] == pytest.approx(0.9)
    assert saved == [(2, pytest.approx(0.9))], "a scene that is saved then has the style with its own strength"


def test_two_readers_see_the_same_rates(packs: list[PackFile]) -> None:
    clock = Clock()
    mailbox_of: list[NewestMailbox[Frame]] = []

    def capture(mailbox: NewestMailbox[Frame]) -> Capture:
        mailbox_of.append(mailbox)
        return Capture(lambda: Reel(0), mailbox, name="x", reconnects=False, now_ns=clock)

    options = SessionOptions(height=HEIGHT, width=WIDTH)
    live = LiveSession(capture, Outlet(), a_rack(packs), options, now_ns=clock)
    for number in range(30):
        live.capture.counts.rate.count(clock.ns)
        mailbox_of[0].put(numbered(number, clock.ns))
        live.stylizer.step(0)
        clock.pass_to(clock.ns + 50_000_000)
    first, second = live.snapshot(), live.snapshot()
    assert first == second
    assert first.fps_in == pytest.approx(20) and first.fps_out == pytest.approx(20) and first.frames == 30
    with pytest.raises(AttributeError):
        first.frames = 31  # type: ignore[misc]
    live.stylizer.close()
    live.close()
