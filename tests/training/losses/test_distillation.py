from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stylefader.training.losses.distillation import grid_loss, lesson_strengths, teaching_losses
from stylefader.training.losses.loss_network import LossNetwork, load_loss_network
from tests.training.small_vgg import vgg19_weights


@pytest.fixture
def network(tmp_path: Path) -> LossNetwork:
    save_file(vgg19_weights(), tmp_path / "vgg.safetensors")
    return load_loss_network(tmp_path / "vgg.safetensors")


def test_a_perfect_pupil_has_no_loss_and_others_have(network: LossNetwork) -> None:
    lesson = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    same = teaching_losses(network, lesson, lesson.clone(), pyramid=2)
    assert [float(loss) for loss in same] == [0, 0]
    assert all(float(loss) > 0 for loss in teaching_losses(network, lesson, lesson.flip(-1) * 0.8, pyramid=2))


def test_a_batch_has_the_mean_of_its_pictures(network: LossNetwork) -> None:
    lessons, pictures = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * torch.tensor(
        [1.0, 0.2]
    ).view(1, 2, 1, 1, 1)
    whole = torch.stack(teaching_losses(network, lessons, pictures, pyramid=1))
    each = [torch.stack(teaching_losses(network, lessons[i : i + 1], pictures[i : i + 1], pyramid=1)) for i in (0, 1)]
    torch.testing.assert_close(whole, (each[0] + each[1]) / 2)


def test_gradients_reach_the_pupil_alone(network: LossNetwork) -> None:
    lesson = torch.rand(1, 3, 32, 32, requires_grad=True)
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    content, style = teaching_losses(network, lesson, picture, pyramid=1)
    (content + style).backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0 and lesson.grad is None


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_grid_counts_for_itself_and_other_differences_do_not(period: int) -> None:
    numbers = torch.Generator().manual_seed(0)
    lesson = torch.rand(2, 3, 70, 66, generator=numbers)
    other = lesson + 0.1 + 0.02 * torch.randn(lesson.shape, generator=numbers)
    without = float(grid_loss(other, lesson))
    assert without < 0.003, "neither another colour nor noise is a grid"
    dots = other.clone()
    dots[..., ::period, ::period] += 0.05
    assert float(grid_loss(dots, lesson)) > 0.05 / period**2 > without / 4
    assert float(grid_loss(dots, dots)) == 0


def test_the_grid_of_a_batch_is_the_mean_of_its_pictures() -> None:
    lessons, pictures = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    each = [grid_loss(pictures[i : i + 1], lessons[i : i + 1]) for i in (0, 1)]
    torch.testing.assert_close(grid_loss(pictures, lessons), (each[0] + each[1]) / 2)


def test_strengths_cover_the_range_and_come_often_at_its_ends() -> None:
    drawn = np.concatenate([lesson_strengths(3, 4, low=-1, high=1, seed=2, step=step) for step in range(200)], axis=1)
    assert drawn.shape == (3, 800) and drawn.min() == -1 and drawn.max() == 1
    ends = (np.abs(drawn) == 1).mean()
    assert 0.15 < ends < 0.35 and abs(drawn.mean()) < 0.1
    alike = (drawn == drawn[:1]).all(axis=0).mean()
    assert 0.4 < alike < 0.65, "half of the time the blocks move together"


def test_strengths_are_a_function_of_seed_and_step() -> None:
    first = lesson_strengths(3, 4, low=0, high=1, seed=0, step=5)
    assert np.array_equal(first, lesson_strengths(3, 4, low=0, high=1, seed=0, step=5))
    assert not np.array_equal(first, lesson_strengths(3, 4, low=0, high=1, seed=0, step=6))
    assert lesson_strengths(0, 4, low=0, high=0, seed=0, step=0).shape == (0, 4)
