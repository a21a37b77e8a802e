from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.session.performance import Performance
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.live import Clock

S = 1_000_000_000
WIPE = Parameter.even("wipe", 1, low=0, high=1, default=0.5)
MASKS: Sequence[tuple[Parameter, ...] | None] = [(), (WIPE,), None]


class Stage:
    """A performance of one style, whose desk is asked for its values by a clock."""

    def __init__(self, pack: StylePack, slew: float | None = None) -> None:
        self.clock = Clock()
        self.performance = Performance(
            [PackFile(pack.file)], heard=lambda: [], now_ns=self.clock, fade_s=1.0, start={"alpha": 0.0}, slew=slew
        )
        self.at(0)

    def at(self, seconds: float) -> dict[str, list[float]]:
        """What a frame gets at that second."""
        self.clock.pass_to(round(seconds * S))
        values = self.performance.desk.values(self.clock())
        return {name: [round(float(value), 3) for value in own] for name, own in values.items()}

    def recall(self, seconds: float, **values: float) -> None:
        """A scene."""
        whole = {name: np.full(1, value, np.float32) for name, value in values.items()}
        self.performance.fade_to(None, whole, seconds, None)
        self.performance.next_order()


@pytest.mark.parametrize("mask", MASKS)
def test_a_glide_goes_on_with_another_mask(pack: StylePack, mask: Sequence[Parameter] | None) -> None:
    stage = Stage(pack)
    stage.performance.use_mask(())
    stage.recall(10, alpha=1, colour=0.5, mix_outside=1)
    assert stage.at(2)["alpha"] == [0.2] * 3
    stage.performance.use_mask(mask)
    assert stage.at(2)["alpha"] == [0.2] * 3
    halfway = stage.at(5)
    assert (halfway["alpha"], halfway["colour"]) == ([0.5] * 3, [0.25])
    assert halfway.get("mix_outside") == (None if mask is None else [0.5])
    assert stage.at(10)["alpha"] == [1] * 3 and stage.at(11)["alpha"] == [1] * 3


def test_a_control_takes_a_glide_over_after_a_change_of_mask(pack: StylePack) -> None:
    stage = Stage(pack)
    stage.recall(10, alpha=1)
    stage.at(5)
    stage.performance.use_mask((WIPE,))
    stage.performance.move(Target("alpha", 1), 0.25, None, "keys")
    assert stage.at(8)["alpha"] == [0.8, 0.25, 0.8]


@pytest.mark.parametrize("slew", [None, 0.5])
def test_a_moved_control_arrives_no_sooner_for_a_change_of_mask(pack: StylePack, slew: float | None) -> None:
    changed, as_ever = Stage(pack, slew), Stage(pack, slew)
    for stage in (changed, as_ever):
        stage.performance.move(Target("alpha"), 1.0, stage.clock(), "midi")
        stage.at(0.05)
    changed.performance.use_mask((WIPE,))
    for seconds in (0.05, 0.1, 0.2):
        moving = changed.at(seconds)["alpha"]
        assert moving == as_ever.at(seconds)["alpha"] and 0 < moving[0] < 1
    assert changed.at(5)["alpha"] == [1] * 3


def test_what_a_mask_brings_begins_as_it_says(pack: StylePack) -> None:
    stage = Stage(pack)
    stage.performance.use_mask((WIPE,))
    stage.recall(10, wipe=1.0)
    stage.at(5)
    stage.performance.use_mask((Parameter.even("wipe", 1, low=0, high=1, default=0.125),))
    assert stage.at(7)["wipe"] == [0.125]
