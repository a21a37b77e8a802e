from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stylefader.engines import Engine, open_engine
from stylefader.realtime.masks.base import MaskChoice
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import ControlError
from stylefader.training.packs.open_style import each_style
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.live import HEIGHT, WIDTH
from tests.realtime.session.rack import WAIT_S, Build, Flow, Halves, Outlet, a_rack

STYLES = ("first", "second", "third", "fourth")
ALONE = len(STYLES)
"""The number of the single pack, behind those of the palette."""


@pytest.fixture
def palette(tmp_path: Path) -> StylePack:
    made = random_pack(tmp_path / "gallery.safetensors", kind="palette", styles=STYLES, width=4, places=("residual3",))
    save_pack(made)
    return made


@pytest.fixture
def packs(tmp_path: Path, palette: StylePack) -> list[PackFile]:
    """A palette of four styles and a single pack."""
    alone = random_pack(tmp_path / "alone.safetensors", width=4)
    save_pack(alone)
    return each_style([PackFile(palette.file), PackFile(alone.file)])


@pytest.fixture
def play(packs: list[PackFile]) -> Iterator[Callable[..., Any]]:
    """play(**options): a session of these, running."""
    Build.made.clear()
    running: list[LiveSession] = []

    def begin(**words: Any) -> Any:
        said: list[str] = []
        outputs = Outlet()

        def tell(event: Event) -> None:
            said.append(words_of(event))

        def capture(mailbox: NewestMailbox[Frame]) -> Capture:
            return Capture(lambda: Flow(0), mailbox, name="the camera", reconnects=True)

        options = SessionOptions(**{"height": HEIGHT, "width": WIDTH, "fade_s": 0.02, **words})
        live = LiveSession(capture, outputs, a_rack(packs, said), options, tell=tell)
        live.start()
        running.append(live)

        def until(true: Callable[[], bool]) -> None:
            for _ in range(WAIT_S * 200):
                live.tick()
                if true():
                    return
                threading.Event().wait(0.005)
            raise AssertionError(f"never so; said: {said}; {live.snapshot()}")

        def arrived(**weights: float) -> None:
            """Wait until frames get these weights and no others."""

            def there() -> bool:
                found = live.latest().get("style")
                return found is not None and np.allclose(found, [weights.get(name, 0) for name in STYLES], atol=1e-6)

            until(there)

        return SimpleNamespace(live=live, said=said, outputs=outputs, until=until, arrived=arrived)

    yield begin
    for live in running:
        live.close()


def built(number: int, *, masked: bool = False) -> Engine:
    """Have a build be ready, with a real engine."""
    build = Build.made[number]
    return build.ready(open_engine(build.pack, HEIGHT, WIDTH, backend="torch", masked=masked)[0])


def playing(session: Any) -> Engine:
    """Let the first build come, and wait until it plays."""
    engine = built(0)
    session.until(lambda: session.live.snapshot().engine is not None)
    return engine


def vector(palette: StylePack, **weights: float) -> Any:
    styles = palette.style_vectors()
    return sum(np.float32(weight) * styles[name] for name, weight in weights.items())


def shown(session: Any) -> tuple[Any, Any]:
    """A frame that has come since, and its picture."""
    count = session.outputs.count
    session.until(lambda: session.outputs.count > count + 2)
    frame = session.outputs.last
    return frame.original, frame.image


def made(palette: StylePack, original: Any, alpha: float = 0.0, **weights: float) -> Any:
    with open_engine(palette, HEIGHT, WIDTH, backend="torch")[0] as engine:
        return engine.run(
            {"frame": original, "alpha": np.full(1, alpha, np.float32), "style": vector(palette, **weights)}
        )


def test_a_hundred_changes_of_style_in_one_engine(play: Callable[..., Any], palette: StylePack) -> None:
    session = play()
    engine = playing(session)
    for number in range(1, 101):
        style = number % len(STYLES)
        if number % 2:
            session.live.step_style(1)
        else:
            session.live.go(style)
        session.arrived(**{STYLES[style]: 1.0})
        assert session.live.style_names[session.live.style] == f"gallery/{STYLES[style]}"
        assert len(session.live.stylizer.desks) == 1, "no second engine, not even during a fade"
    assert len(Build.made) == 1 and session.live.stylizer.playing.engine is engine
    assert session.live.plays == "gallery/first"
    original, image = shown(session)
    assert np.array_equal(image, made(palette, original, first=1.0))
    assert not np.array_equal(image, made(palette, original, second=1.0))


def test_weights_mix_by_their_sum_or_as_they_stand(play: Callable[..., Any], palette: StylePack) -> None:
    session = play(weights={"second": 0.5, "third": 0.5})
    playing(session)
    original, image = shown(session)
    assert np.array_equal(image, made(palette, original, second=0.5, third=0.5))
    assert session.live.snapshot().weights == {"second": 0.5, "third": 0.5}
    session.live.move(Target("style", "third"), 0.0)
    session.live.move(Target("style", 0), 0.25)
    session.arrived(first=0.25, second=0.5)
    original, image = shown(session)
    assert np.abs(image.astype(int) - made(palette, original, first=1 / 3, second=2 / 3)).max() <= 1
    session.live.move(Target("style_free"), 1.0)
    session.until(lambda: session.live.latest()["style_free"][0] > 1 - 1e-6)
    original, image = shown(session)
    assert np.abs(image.astype(int) - made(palette, original, first=0.25, second=0.5)).max() <= 1


def test_the_mix_before_holds_where_every_weight_is_0(play: Callable[..., Any], palette: StylePack) -> None:
    session = play(first=1)
    playing(session)
    session.live.move(Target("style"), 0.0)
    words = "every weight of gallery is 0: the mix before holds"
    session.until(lambda: words in session.said)
    original, image = shown(session)
    assert np.array_equal(image, made(palette, original, second=1.0))
    session.live.go(2)
    session.arrived(third=1.0)
    assert session.said.count(words) == 1


def test_a_single_pack_between_two_styles_has_an_engine_of_its_own(play: Callable[..., Any]) -> None:
    session = play()
    playing(session)
    session.live.move(Target("style", "third"), 1.0)
    session.live.go(ALONE)
    session.until(lambda: len(Build.made) == 2)
    assert Build.made[1].pack.header.name == "alone"
    built(1)
    session.until(lambda: session.live.plays == "alone" and len(session.live.stylizer.desks) == 1)
    assert "style" not in session.live.targets() and session.live.snapshot().weights == {}
    session.live.go(3)
    session.until(lambda: len(Build.made) == 3)
    session.live.go(1)
    session.live.tick()
    assert len(Build.made) == 3, "another style of the palette that is on its way"
    built(2)
    session.until(lambda: session.live.plays == "gallery/second")
    session.arrived(second=1.0)
    assert Build.made[2].pack is Build.made[0].pack


def test_a_scene_glides_to_its_weights_and_a_control_takes_over(play: Callable[..., Any]) -> None:
    session = play()
    playing(session)
    half = np.array([0.5], np.float32)
    session.live.fade_to(2, {"style/first": half, "style/third": half}, 0.05, scene="half")
    session.arrived(first=0.5, third=0.5)
    assert (session.live.scene, session.live.style) == ("half", 2)
    session.live.fade_to(None, {"alpha": half}, 0.0)
    session.until(lambda: session.live.latest()["alpha"][0] == 0.5)
    session.arrived(first=0.5, third=0.5)
    session.live.fade_to(3, {"alpha": half}, 60)
    session.live.tick()
    session.live.fade_to(1, {}, 0.01)
    session.arrived(second=1.0)


def test_panic_returns_to_the_style_that_it_began_with(play: Callable[..., Any]) -> None:
    session = play(first=2)
    playing(session)
    session.arrived(third=1.0)
    session.live.go(0)
    session.live.move(Target("style_free"), 1.0)
    session.arrived(first=1.0)
    session.live.panic()
    session.arrived(third=1.0)
    assert session.live.style == 2 and session.live.targets()["style_free"][0] == 0


def test_the_pad_moves_the_weights_of_its_corners(play: Callable[..., Any]) -> None:
    session = play(corners=("second", "third", "fourth", "first"))
    playing(session)
    session.arrived(first=1.0)
    session.live.move(Target("pad_x"), 0.5, source="osc")
    session.arrived(second=0.5, third=0.5)
    session.live.nudge(Target("pad_y"), 0.5)
    session.arrived(second=0.25, third=0.25, fourth=0.25, first=0.25)
    assert session.live.choose_pad("first, second,third,fourth") == "pad: first, second, third, fourth"
    session.live.move(Target("pad_y"), 0.0)
    session.arrived(first=0.5, second=0.5)
    with pytest.raises(ControlError, match="the pad: there is no style/fist: did you mean style/first"):
        session.live.choose_pad("fist,second,third,fourth")
    with pytest.raises(ControlError, match="a pad is four styles"):
        session.live.choose_pad("first,second")
    session.live.muted.add("osc")
    session.live.move(Target("pad_x"), 1.0, source="osc")
    session.live.fade_to(None, {"pad_y": np.ones(1, np.float32)}, 0.0)
    session.arrived(third=0.5, fourth=0.5)


def test_two_styles_inside_and_outside_of_a_mask(play: Callable[..., Any], palette: StylePack) -> None:
    session = play()
    session.live.mask.change(MaskChoice(words="halves", open=lambda height, width: Halves()))
    session.live.tick()
    session.until(lambda: Build.made[-1].words["masked"])
    built(len(Build.made) - 1, masked=True)
    session.until(lambda: session.live.snapshot().engine is not None)
    session.live.move(Target("mix_outside"), 1.0)
    session.live.move(Target("style_outside", "third"), 1.0)
    session.until(lambda: session.live.latest()["mix_outside"][0] > 1 - 1e-6)
    session.until(lambda: session.live.latest()["style_outside"][2] > 1 - 1e-6)
    original, image = shown(session)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, : WIDTH // 2] = 255
    with open_engine(palette, HEIGHT, WIDTH, backend="torch", masked=True)[0] as engine:
        wanted = engine.run(
            {
                "frame": original, "alpha": np.zeros(1, np.float32), "mix_outside": np.ones(1, np.float32),
                "mask": mask, "style": vector(palette, first=1.0), "style_outside": vector(palette, third=1.0),
            }
        )  # fmt: skip
    assert np.abs(image.astype(int) - wanted).max() <= 1
    for alone in (made(palette, original, first=1.0), made(palette, original, third=1.0)):
        assert np.abs(image.astype(int) - alone).max() > 20, "it has both"
