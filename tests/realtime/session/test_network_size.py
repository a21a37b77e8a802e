"""The size of a session's network, by the strokes and by the rate."""

from __future__ import annotations

from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.network_size import NetworkSize

MS = 1_000_000
S = 1000 * MS


def test_a_control_that_sweeps_has_nothing_built_on_its_way() -> None:
    size = NetworkSize(360, 640)
    asked = [1, 1.5, 2, 3, 3, 3, 3, 3, 3]
    assert [size.follow(stroke, at * 100 * MS) for at, stroke in enumerate(asked)] == [False] * 6 + [True, False, False]
    assert size.stroke == 3 and size.size == Size(height=120, width=212) and size.whole and not size.adaptive


def test_what_cannot_be_had_is_not_asked_for_again_by_itself() -> None:
    size = NetworkSize(360, 640)
    assert not size.choose(1) and size.choose(2)
    size.restore(1, Size(height=360, width=640), 0)
    assert size.stroke == 1 and size.size == Size(height=360, width=640)
    assert not any(size.follow(2, at * S) for at in range(1, 5))
    assert size.choose(2), "with another style"


def test_a_rate_goes_below_the_size_of_the_strokes() -> None:
    size = NetworkSize(720, 1280, adaptive_fps=30)
    size.choose(2)
    assert size.size == Size(height=360, width=640) and size.whole
    slower = size.adapt(60.0, 10 * S)
    assert slower is not None and not slower.larger and slower.size == size.size == Size(height=180, width=320)
    assert not size.whole and size.stroke == 2
    assert size.choose(1) and size.size == Size(height=720, width=1280), "other strokes begin at their own size"
