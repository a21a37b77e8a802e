"""A network with an input called `steady` itself keeps it: its pictures are not steadied, live or in a render."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import Engine
from stylefader.engines.base import Picture
from stylefader.realtime.automation.csv_file import parse_csv
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.pipeline.active_style import ActiveStyle
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.render import render
from stylefader.realtime.pipeline.stylizer import Stylizer
from stylefader.training.packs.families.dynamic_net import style_inputs
from stylefader.training.packs.inputs import InputSpec
from tests.realtime.live import HEADER
from tests.realtime.pipeline.test_render import Kept, NumberedFrames

H, W, COUNT = 64, 96, 20
OWN = InputSpec(name="steady", kind="vector", shape=(1,), dtype="float32", low=0.0, high=4.0, default=0.0, live=True)
PARAMETERS = [
    Parameter.even("alpha", 1, low=0, high=1, default=1),
    Parameter.even("steady", 1, low=0, high=4, default=0),
]
STANDS = parse_csv("time,alpha,steady\n0,1,1\n", origin="t")


class Copies(Engine):
    """Gives every frame back. got: the values of `steady` that it was given."""

    name, device, precision = "copies", "none", "exact"

    def __init__(self, own: bool) -> None:
        super().__init__(inputs=[*style_inputs(["a"]), *([OWN] if own else [])], height=H, width=W)
        self.got: list[float] = []

    def _begin(self, slot: int, values: dict[str, npt.NDArray[Any]]) -> None:
        self._picture = values["frame"].copy()
        self.got += values["steady"].tolist() if "steady" in values else []

    def _finish(self, slot: int) -> Picture:
        return self._picture


class Noisy(NumberedFrames):
    """A grey wall, seen by a camera."""

    height, width = H, W

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self.count):
            grain = np.random.default_rng(number).normal(0, 2, (H, W, 3))
            image = np.asarray((128 + grain).round(), np.uint8)
            yield Frame(image=image, pts=5 + Fraction(number, 10), index=number, captured_ns=0)


def rendered(engine: Engine) -> list[Picture]:
    kept = Kept()
    render(Noisy(COUNT), kept, engine, STANDS, PARAMETERS)
    return [image for _, image in kept.frames]


def played(engine: Engine) -> list[Picture]:
    mailbox: NewestMailbox[Any] = NewestMailbox()
    shown: list[Picture] = []
    stylizer = Stylizer(mailbox, lambda frame: shown.append(frame.image), height=H, width=W, now_ns=lambda: 0)
    ones = {one.name: np.ones(1, np.float32) for one in PARAMETERS}
    stylizer.play(ActiveStyle(header=HEADER, engine=engine, desk=AlphaDesk(PARAMETERS, start=ones)))
    for frame in Noisy(COUNT):
        mailbox.put(frame)
        stylizer.step(0)
    return shown


@pytest.mark.parametrize("way", [rendered, played])
def test_its_pictures_are_its_own(way: Any) -> None:
    frames = [frame.image for frame in Noisy(COUNT)]
    own = Copies(own=True)
    assert all(np.array_equal(a, b) for a, b in zip(way(own), frames, strict=True))
    assert own.got == [1] * COUNT, "the network has what was asked for"
    others = way(Copies(own=False))
    assert not np.array_equal(others[-1], frames[-1]), "others are steadied"
