from __future__ import annotations

from itertools import pairwise

from stylefader.realtime.session.adaptive_size import Adaptive, Size, ladder

S = 1_000_000_000
FRAME_NS = S // 30


def play(ns_a_pixel: float, seconds: int, adaptive: Adaptive, start_s: int = 0) -> list[int]:
    """The rung second by second, of an engine whose time grows with the pixels."""
    rungs = []
    for second in range(start_s, start_s + seconds):
        size = adaptive.sizes[adaptive.rung]
        rungs.append(adaptive.look(ns_a_pixel * size.height * size.width, second * S))
    return rungs


def test_the_ladder_goes_down_in_shares_with_sides_that_fit_the_network() -> None:
    sizes = ladder(358, 638)
    assert sizes[0] == Size(height=358, width=638), "the session's own, whatever it is"
    assert sizes[1:] == (Size(height=268, width=480), Size(height=180, width=320), Size(height=136, width=240),
                         Size(height=88, width=160))  # fmt: skip
    assert ladder(40, 60) == (Size(height=40, width=60),), "nothing below 64 pixels"


def test_a_fast_engine_stays_where_it_is() -> None:
    assert set(play(0.5 * FRAME_NS / (360 * 640), 60, Adaptive(ladder(360, 640), FRAME_NS))) == {0}


def test_a_slow_one_goes_straight_to_what_holds_and_does_not_swing() -> None:
    adaptive = Adaptive(ladder(360, 640), FRAME_NS)
    rungs = play(3.0 * FRAME_NS / (360 * 640), 300, adaptive)
    assert rungs[0] == rungs[-1] == 2, "half the sides are a quarter of the work"
    assert set(rungs) == {2}


def test_it_goes_up_again_when_the_machine_is_free() -> None:
    adaptive = Adaptive(ladder(360, 640), FRAME_NS)
    play(3.0 * FRAME_NS / (360 * 640), 20, adaptive)
    rungs = play(0.3 * FRAME_NS / (360 * 640), 120, adaptive, start_s=20)
    assert rungs[-1] == 0
    assert rungs == sorted(rungs, reverse=True), "one rung after the other"
    assert adaptive.rung == 0


def test_it_waits_until_it_was_calm_for_a_while() -> None:
    adaptive = Adaptive(ladder(360, 640), FRAME_NS)
    slow, quick = 3.0 * FRAME_NS / (360 * 640), 0.3 * FRAME_NS / (360 * 640)
    assert play(slow, 1, adaptive) == [2]
    assert play(quick, 6, adaptive, start_s=1) == [2] * 5 + [1]
    assert play(slow * 0.9, 1, adaptive, start_s=60)[0] >= 1, "and is quick to go down again"


def test_a_size_that_proved_too_slow_is_tried_ever_less_often() -> None:
    adaptive = Adaptive(ladder(360, 640), FRAME_NS)
    size_times = {0: 1.2, 1: 0.4}  # of the interval; not in proportion, so that the larger one always tempts
    tried = []
    for second in range(1200):
        before = adaptive.rung
        adaptive.look(size_times[before] * FRAME_NS, second * S)
        if adaptive.rung < before:
            tried.append(second)
    gaps = [b - a for a, b in pairwise(tried)]
    assert 3 <= len(tried) <= 10
    assert gaps == sorted(gaps) and gaps[-1] > 4 * gaps[0]


def test_even_the_smallest_is_played_where_nothing_holds() -> None:
    adaptive = Adaptive(ladder(360, 640), FRAME_NS)
    assert play(1000 * FRAME_NS / (360 * 640), 5, adaptive)[-1] == len(adaptive.sizes) - 1
