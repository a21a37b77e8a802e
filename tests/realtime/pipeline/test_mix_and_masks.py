"""mix, colour and masks on the way of a frame: in a render, in the stylizer, and at a smaller size of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import Engine, open_engine
from stylefader.realtime.automation.csv_file import parse_csv
from stylefader.realtime.automation.keyframes import AlphaOverTime, parse_inline
from stylefader.realtime.automation.overlaid_automation import OverlaidAutomation
from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Parameter, Values, parameters_of
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.active_style import ActiveStyle
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.render import render
from stylefader.realtime.pipeline.stylizer import Stylizer
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.training.errors import AutomationError
from stylefader.training.packs.pack import StylePack
from tests.realtime.pipeline.test_render import Kept, NumberedFrames

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
H, W = 16, 24
WIPE = Parameter.even("wipe", 1, low=0, high=1, default=0.5)
LEFT = np.zeros((H, W), np.uint8)
LEFT[:, : W // 2] = 255


class Wipe:
    """Left of a line that a parameter moves."""

    def mask(self, image: npt.NDArray[np.uint8], time: Fraction, values: Mapping[str, Values]) -> Mask | None:
        inside = np.zeros(image.shape[:2], np.uint8)
        inside[:, : round(float(values["wipe"][0]) * image.shape[1])] = 255
        return inside

    def close(self) -> None: ...


class Still(NumberedFrames):
    """The same picture in every frame."""

    height, width = H, W

    def __init__(self, image: npt.NDArray[np.uint8], count: int) -> None:
        super().__init__(count)
        self.image = image

    def __iter__(self):  # type: ignore[no-untyped-def]
        for number in range(self.count):
            yield Frame(image=self.image, pts=5 + Fraction(number, 10), index=number, captured_ns=0)


def engine_of(pack: StylePack, *, masked: bool = False, size: tuple[int, int] = (H, W)) -> Engine:
    return open_engine(pack, *size, backend="torch", masked=masked)[0]


def rendered(
    pack: StylePack, image: npt.NDArray[np.uint8], automation: AlphaOverTime, *, masked: bool = False, **words: float
) -> list[npt.NDArray[np.uint8]]:
    parameters = parameters_of(pack.header, [WIPE] if masked else None)
    with engine_of(pack, masked=masked) as engine:
        kept = Kept()
        mask = Wipe() if masked else None
        render(Still(image, 3), kept, engine, automation, parameters, mask=mask, **words)  # type: ignore[arg-type]
    return [picture for _, picture in kept.frames]


def test_a_render_mixes_by_columns_of_a_file_and_by_lines_beside_it(pack: StylePack, picture: MakePicture) -> None:
    image = picture(H, W)
    whole = rendered(pack, image, parse_inline("1"))[0]
    file = rendered(pack, image, parse_csv("time,alpha,mix\n0,1,0\n0.1,1,0.5\n0.2,1,1\n", origin="t"))
    line = OverlaidAutomation(parse_inline("1"), {"mix": parse_inline("0s:0 0.2s:1", name="mix")})
    for found in (file, rendered(pack, image, line)):
        assert np.array_equal(found[0], image) and np.array_equal(found[2], whole)
        half = (image.astype(float) + whole) / 2
        assert np.abs(found[1] - half).max() <= 0.51
    with pytest.raises(AutomationError, match="t moves mix already: give it there, or by --mix"):
        OverlaidAutomation(
            parse_csv("time,mix\n0,0\n", origin="t"), {"mix": parse_inline("1", origin="--mix", name="mix")}
        )


def test_a_fade_in_of_a_render_begins_at_the_original(pack: StylePack, picture: MakePicture) -> None:
    image = picture(H, W)
    ramp = parse_inline("0s:0 0.2s:1")
    found = rendered(pack, image, ramp, fade_in=0.5)
    assert np.array_equal(found[0], image)
    assert np.array_equal(found[1], rendered(pack, image, parse_inline("0"))[0]), "mix is whole, alpha still 0"
    assert np.array_equal(found[2], rendered(pack, image, parse_inline("1"))[0])


def test_a_render_asks_for_a_mask_and_a_column_moves_its_source(pack: StylePack, picture: MakePicture) -> None:
    image = picture(H, W)
    whole = rendered(pack, image, parse_inline("1"))[0]
    found = rendered(pack, image, parse_csv("time,alpha,wipe\n0,1,0\n0.2,1,1\n", origin="t"), masked=True)
    assert np.array_equal(found[0], image), "outside is the original"
    assert np.abs(found[2].astype(int) - whole).max() <= 1
    assert np.array_equal(found[1][:, W // 2 :], image[:, W // 2 :]) and not np.array_equal(found[1], image)


class Stage:
    """A stylizer with one frame to take, and the pictures that it gave."""

    def __init__(self, image: npt.NDArray[np.uint8]) -> None:
        self.mailbox: NewestMailbox[Frame | LazyFrame] = NewestMailbox()
        self.shown: list[npt.NDArray[np.uint8]] = []
        self.stylizer = Stylizer(
            self.mailbox, lambda frame: self.shown.append(frame.image), height=H, width=W, now_ns=lambda: 10**9
        )
        self.image = image

    def show(self, style: ActiveStyle) -> npt.NDArray[np.uint8]:
        self.stylizer.play(style)
        self.mailbox.put(Frame(image=self.image, pts=Fraction(0), index=0, captured_ns=0))
        self.stylizer.step(0)
        return self.shown[-1]


def style_of(pack: StylePack, engine: Engine, **values: float) -> ActiveStyle:
    desk = AlphaDesk(parameters_of(pack.header, ()), time_constant_s=0)
    desk.move(Target("alpha"), 1, 0)
    for name, value in values.items():
        desk.move(Target(name), value, 0)
    return ActiveStyle(header=pack.header, engine=engine, desk=desk)


def test_live_frames_are_mixed_and_masked(pack: StylePack, picture: MakePicture) -> None:
    stage = Stage(picture(H, W))
    whole = stage.show(style_of(pack, engine_of(pack)))
    half = stage.show(style_of(pack, engine_of(pack), mix=0.5))
    assert np.abs(half - (stage.image.astype(float) + whole) / 2).max() <= 0.51
    asked: list[Fraction] = []

    def mask_of(frame: Frame, values: Mapping[str, Values]) -> Mask:
        asked.append(frame.pts)
        return LEFT

    stage.stylizer.mask_of = mask_of
    stage.show(style_of(pack, engine_of(pack)))
    assert asked == [], "an engine without a mask needs none"
    parted = stage.show(style_of(pack, engine_of(pack, masked=True)))
    assert len(asked) == 1
    assert np.array_equal(parted[:, W // 2 :], stage.image[:, W // 2 :])
    assert not np.array_equal(parted[:, : W // 2], stage.image[:, : W // 2])
    weak = stage.show(style_of(pack, engine_of(pack, masked=True), mix_outside=1, alpha_outside=1))
    assert np.abs(weak.astype(int) - whole).max() <= 1


def test_at_a_smaller_size_of_the_network_the_original_stays_sharp(pack: StylePack, picture: MakePicture) -> None:
    rng = np.random.default_rng(0)
    stage = Stage(rng.integers(0, 256, (H, W, 3), np.uint8))
    small = (H // 2, W // 2)
    assert np.array_equal(stage.show(style_of(pack, engine_of(pack, size=small), mix=0)), stage.image)
    stage.stylizer.mask_of = lambda frame, values: LEFT
    parted = stage.show(style_of(pack, engine_of(pack, size=small, masked=True)))
    assert np.array_equal(parted[:, W // 2 :], stage.image[:, W // 2 :])
    assert not np.array_equal(parted, stage.image)


def test_a_picture_of_values_that_are_not_finite_is_found_under_any_mix(
    pack: StylePack, picture: MakePicture, tmp_path: Path
) -> None:
    stage = Stage(picture(H, W))
    pack.tensors["main.conv1.conv.bias"][:] = float("inf")
    shown = stage.show(style_of(pack, engine_of(pack), mix=0.5))
    assert stage.stylizer.counts.broken == 1 and np.array_equal(shown, stage.image)


def test_the_mask_itself_is_shown_where_that_is_wanted(pack: StylePack, picture: MakePicture) -> None:
    stage = Stage(picture(H, W))
    show = stage.stylizer.show

    def shown() -> npt.NDArray[np.uint8]:
        return stage.show(style_of(pack, engine_of(pack, masked=True)))

    show.mask_shown = True
    assert np.array_equal(shown(), stage.image), "there is no mask yet"
    stage.stylizer.mask_of = lambda frame, values: LEFT
    assert np.array_equal(shown(), np.repeat(LEFT[:, :, None], 3, axis=2))
    stage.stylizer.mask_of = lambda frame, values: None
    assert (shown() == 255).all(), "all is inside"
    show.blackout = True
    assert not shown().any()
    show.clear()
    assert not np.array_equal(shown(), stage.image)
