from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import Picture
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.ideal import Method, judge, optimise
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.settings import TrainSettings
from tests.training.small_vgg import vgg19_weights

SETTINGS = TrainSettings(iterations=1, style_weight=5.0, smoothness=1.0, pyramid=1, crop=32, precision="f32")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> StyleTarget:
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file(vgg19_weights(), path)
    network = load_loss_network(path)
    torch.manual_seed(0)
    style = torch.rand(1, 3, 48, 48)
    network.divide_activations(network.mean_activations(style))
    return StyleTarget(network, style, pyramid=1)


@pytest.fixture
def photo() -> Picture:
    across = np.linspace(0, 255, 48).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(across[None, :, None], (40, 48, 3)))


@pytest.mark.parametrize("method", ["adam", "lbfgs"])
def test_an_ideal_picture_has_less_loss_than_the_photograph(
    target: StyleTarget, photo: Picture, method: Method
) -> None:
    seen: list[tuple[int, float]] = []
    ideal = optimise(
        photo, target, SETTINGS, steps=12, method=method, compute=Compute(), report=lambda *now: seen.append(now)
    )
    assert ideal.picture.shape == photo.shape and ideal.picture.dtype == np.uint8
    assert [step for step, _ in seen] == list(range(1, 13))
    before, after = (judge(photo, picture, target, SETTINGS, compute=Compute()) for picture in (photo, ideal.picture))
    assert before.content == pytest.approx(0, abs=1e-9)
    assert after.style < before.style
    assert after.total < 0.9 * before.total
    assert after.total == pytest.approx(after.content + 5 * after.style + after.variation, rel=1e-5)


def test_the_same_seed_gives_the_same_picture(target: StyleTarget, photo: Picture) -> None:
    one, two = (optimise(photo, target, SETTINGS, steps=3, compute=Compute()).picture for _ in range(2))
    assert np.array_equal(one, two)


def test_a_photograph_smaller_than_the_window_is_refused(target: StyleTarget, photo: Picture) -> None:
    with pytest.raises(TrainingError, match="at least 20 pixels on each side, not 19"):
        optimise(photo[:19], target, SETTINGS, steps=1, compute=Compute())
    with pytest.raises(TrainingError, match="1 step or more"):
        optimise(photo, target, SETTINGS, steps=0, compute=Compute())
