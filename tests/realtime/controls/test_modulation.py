from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stylefader.realtime.controls.mapping.mapping import Mapping
from stylefader.realtime.controls.modulation import Modulators
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Layout, alpha_parameter
from tests.realtime.live import HEADER


class Part:
    def __init__(self, source: str, *offsets: float) -> None:
        self.source, self.asked = source, 0
        self._offsets = np.array(offsets)
        self.mapping: Mapping | None = None

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        self.asked = at_ns
        return self._offsets[: layout.size]

    def take_over(self, mapping: Mapping) -> None:
        self.mapping = mapping


def layout(blocks: int) -> Layout:
    return Layout([alpha_parameter(HEADER.alpha, blocks)])


def test_the_sum_of_what_is_not_muted() -> None:
    muted: set[str] = set()
    parts = Part("lfo", 0.25, -0.5), Part("sound", 0.125, 1.0)
    modulators = Modulators(*parts, muted=muted)
    assert modulators.offsets(7, layout(2)).tolist() == [0.375, 0.5]
    assert [part.asked for part in parts] == [7, 7]
    muted.add("sound")
    assert modulators.offsets(8, layout(2)).tolist() == [0.25, -0.5]
    muted.add("lfo")
    assert modulators.offsets(9, layout(2)).tolist() == [0, 0]
    assert modulators.offsets(9, layout(0)).tolist() == []


def test_on_the_desk_within_the_range() -> None:
    desk = AlphaDesk(
        [alpha_parameter(HEADER.alpha, 2)], modulation=Modulators(Part("a", 0.25, 0.4), Part("b", 0.125, 0.4))
    )
    assert desk.values(1)["alpha"].tolist() == [0.875, 1.0]
    assert desk.targets()["alpha"].tolist() == [0.5, 0.5]


def test_an_edited_mapping_reaches_every_part() -> None:
    parts = Part("lfo"), Part("sound")
    mapping = Mapping()
    Modulators(*parts).take_over(mapping)
    assert [part.mapping for part in parts] == [mapping, mapping]
