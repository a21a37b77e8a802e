"""The share of a processor that adapting takes beside a show."""

from __future__ import annotations

import pytest

from stylefader.training.adapting.share import Share
from stylefader.training.errors import TrainingError


class Clock:
    """A processor's time, and sleeps that only count."""

    def __init__(self) -> None:
        self.used_s = 5.0
        self.slept: list[float] = []

    def share(self, share: float) -> Share:
        return Share(share, work_s=lambda: self.used_s, sleep=self.slept.append)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_work_and_sleep_keep_to_the_share(share: float) -> None:
    clock = Clock()
    kept = clock.share(share)
    for work_s in (0.4, 0.1, 0.7):
        clock.used_s += work_s
        kept.pause()
    assert 1.2 / (1.2 + sum(clock.slept)) == pytest.approx(share)


def test_the_whole_of_it_never_sleeps() -> None:
    clock = Clock()
    kept = clock.share(1.0)
    clock.used_s += 3
    kept.pause()
    assert not clock.slept


def test_a_sleep_has_an_end() -> None:
    clock = Clock()
    kept = clock.share(0.01)
    clock.used_s += 100
    kept.pause()
    assert clock.slept == [30.0]


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan")])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(TrainingError, match="above 0 and at most 1"):
        Share(share)
