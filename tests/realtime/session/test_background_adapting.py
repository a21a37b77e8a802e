"""A painting that is learnt beside a show: vectors that arrive, a clean end, and failures that the show survives."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.session.background_adapting import AdaptOrder, BackgroundAdapting
from stylefader.training.errors import TrainingError
from stylefader.training.settings import AdaptSettings
from tests.training.given import make_given, quick_palette

_LONG_S = 240.0


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> AdaptOrder:
    given = make_given(tmp_path_factory.mktemp("live_adapting"))
    palette = quick_palette(given, given / "palette.safetensors")
    return AdaptOrder(
        style="new", palette=palette.file, painting=given / "photos" / "0.png",
        loss_network=given / "vgg.safetensors", photos=given / "photos", share=1.0, every=2, nice=0,
        settings=AdaptSettings(steps=6, crop=32),
    )  # fmt: skip


class Player:
    """Keeps the vectors that it is given, by the style's name."""

    def __init__(self) -> None:
        self.came: list[tuple[str, npt.NDArray[np.float32]]] = []

    def set_vector(self, name: str, vector: npt.NDArray[np.float32]) -> None:
        self.came.append((name, vector))


@pytest.mark.slow
def test_vectors_arrive_as_they_get_better(order: AdaptOrder) -> None:
    player = Player()
    with BackgroundAdapting(order, player.set_vector) as adapting:
        assert adapting.wait(_LONG_S)
        assert (adapting.state, adapting.step, adapting.problem) == ("done", 6, "")
    assert [name for name, _ in player.came] == ["new"] * 4  # at the start, and after 2, 4 and 6 steps
    vectors = [vector for _, vector in player.came]
    assert all(vector.dtype == np.float32 and np.isfinite(vector).all() for vector in vectors)
    assert all((one != other).any() for one, other in pairwise(vectors))


@pytest.mark.slow
def test_it_ends_when_it_is_closed(order: AdaptOrder) -> None:
    long = replace(order, settings=AdaptSettings(steps=100_000, crop=32))
    player = Player()
    adapting = BackgroundAdapting(long, player.set_vector)
    while not player.came and not adapting.wait(0.05):
        pass
    adapting.close()
    adapting.close()
    assert adapting.state == "stopped" and adapting.wait(0)
    assert adapting._worker is not None and adapting._worker.has_ended, "the process is gone"


@pytest.mark.slow
def test_what_does_not_fit_is_said_and_nothing_is_raised(order: AdaptOrder, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    player = Player()
    with BackgroundAdapting(replace(order, painting=tmp_path / "no.png"), player.set_vector) as adapting:
        assert adapting.wait(_LONG_S)
    assert adapting.state == "failed" and "no.png" in adapting.problem
    assert not player.came


@pytest.mark.slow
def test_a_player_that_refuses_a_vector_ends_it(order: AdaptOrder) -> None:
    def refuse(name: str, vector: npt.NDArray[np.float32]) -> None:
        raise ValueError("a vector of another length")

    with BackgroundAdapting(order, refuse) as adapting:
        assert adapting.wait(_LONG_S)
    assert (adapting.state, adapting.problem) == ("failed", "a vector of another length")
    assert adapting._worker is not None and adapting._worker.has_ended


def test_orders_that_cannot_be_kept_are_refused(order: AdaptOrder) -> None:
    with pytest.raises(TrainingError, match="share of adapting"):
        replace(order, share=0.0)
    with pytest.raises(TrainingError, match="every 1 or more steps"):
        replace(order, every=0)
