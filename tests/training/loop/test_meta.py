"""Meta-training: a gradient through the inner step, and a palette that adapting can begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from stylefader.training.adapting.start import known_vectors
from stylefader.training.errors import TrainingError
from stylefader.training.loop.meta_trainer import MetaTrainer, one_step
from stylefader.training.loop.recipe import Recipe
from stylefader.training.loop.recipe_reading import RECIPES, read_recipe
from stylefader.training.loop.runs import run_of
from stylefader.training.networks.both_ends import pictures_at_both_ends
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.packs.pack import load_pack
from tests.training.given import changes
from tests.training.running import assert_resume_goes_on_exactly, trained

SMALL = {"meta__crop": 32, "meta__batch": 1, "meta__style_size": 32, "meta__pyramid": 1, "meta__iterations": 3}


def recipe_for(given: Path, output: Path, **more: Any) -> Recipe:
    pictures = {"styles__first.picture": given / "style.png", "styles__second.picture": given / "other.png",
                "styles__first.title": "First", "styles__second.title": "Second"}  # fmt: skip
    own = {f"train__{key}": None for key in ("crop", "batch", "style_size", "pyramid")}
    words = changes(given, **{"held_out": None, **own, **pictures, **SMALL, **more})
    return read_recipe(RECIPES / "metastyle.toml", words, output=output)


def test_the_gradient_goes_through_the_inner_step() -> None:
    """Against finite differences, where the gradient of first order is another one."""
    torch.manual_seed(0)
    weight, vector = (torch.randn(3, dtype=torch.float64).requires_grad_() for _ in range(2))

    def loss(at: torch.Tensor) -> torch.Tensor:
        return ((torch.tanh(at * weight) - 0.3) ** 2).sum()

    def outer() -> torch.Tensor:
        return loss(one_step(vector, loss, 0.7))

    found = torch.autograd.grad(outer(), [weight, vector])
    first_order = torch.autograd.grad(
        loss(vector.detach() - 0.7 * torch.autograd.grad(loss(vector), vector)[0].detach()), weight
    )[0]
    for parameter, gradient in zip((weight, vector), found, strict=True):
        for place in range(3):
            ahead = []
            for moved in (1e-6, -1e-6):
                with torch.no_grad():
                    parameter[place] += moved
                ahead.append(float(outer().detach()))
                with torch.no_grad():
                    parameter[place] -= moved
            assert abs((ahead[0] - ahead[1]) / 2e-6 - float(gradient[place])) < 1e-6
    assert not torch.allclose(first_order, found[0], rtol=1e-2)


@pytest.mark.parametrize("end", [0, 1])
def test_a_network_learns_through_its_own_inner_step(end: int) -> None:
    """The slope of the loss after the inner step, along its own gradient, against a difference.

    With smooth activations: what a ReLU's gradient steps over, no difference can follow.
    """
    torch.manual_seed(1)
    net = DynamicNet(architecture="nano", width=2, kind="palette").train()
    for module in [*net.modules()]:
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ReLU):
                setattr(module, name, torch.nn.Tanh())
    for tuning in net.blocks.values():  # they begin as nothing
        torch.nn.init.normal_(tuning.psi.third.weight, std=0.3)
    photo, start = torch.rand(2, 3, 16, 16), torch.randn(net.style_size) * 0.1
    start.requires_grad_()

    def losses(vector: torch.Tensor) -> torch.Tensor:
        return torch.stack([(one - photo.flip(1)).square().mean() for one in pictures_at_both_ends(net, photo, vector)])

    def after(*, first_order: bool = False) -> torch.Tensor:
        vector = one_step(start, lambda at: losses(at).sum(), 40.0)
        if first_order:  # the step as if it were a constant
            vector = start + (vector - start).detach()
        return losses(vector)[end]

    part = net.main if end == 0 else net.blocks  # what learns from this end of alpha
    learning = list(part.parameters())
    gradients = torch.autograd.grad(after(), learning)
    simple = torch.autograd.grad(after(first_order=True), learning)
    norm = float(torch.cat([g.flatten() for g in gradients]).norm())
    ahead = []
    for moved in (0.003, -0.006):
        with torch.no_grad():
            for weight, gradient in zip(learning, gradients, strict=True):
                weight += moved * gradient / norm
        ahead.append(float(after().detach()))
    slope = (ahead[0] - ahead[1]) / 0.006
    along = sum(float((g * s).sum()) for g, s in zip(gradients, simple, strict=True)) / norm
    assert slope == pytest.approx(norm, rel=0.03)
    assert slope != pytest.approx(along, rel=0.1), "the gradient of first order is another one"


def test_it_makes_a_palette_to_adapt(given: Path, tmp_path: Path) -> None:
    trained(recipe_for(given, tmp_path / "meta.safetensors"))
    made = load_pack(tmp_path / "meta.safetensors")
    assert [style.name for style in made.header.styles] == ["start", "first", "second"]
    start, first, second = made.tensors["styles"]
    assert not torch.equal(first, start) and not torch.equal(first, second)
    training = made.header.training
    assert (training["main"]["style_weight"], training["blocks"]["style_weight"]) == (6, 200)
    assert training["meta"]["inner_rate"] == 0.5
    assert list(known_vectors(made)) == ["start"]


@pytest.mark.parametrize("stop", [1, 2])
def test_resume_goes_on_exactly(given: Path, tmp_path: Path, stop: int) -> None:
    assert_resume_goes_on_exactly(lambda output: recipe_for(given, output), tmp_path, stop=stop)


def test_both_rates_fall(given: Path, tmp_path: Path) -> None:
    run = run_of(recipe_for(given, tmp_path / "p.safetensors"))
    trainer = run.begin(run.recipe.parts[0])
    assert isinstance(trainer, MetaTrainer)
    first = trainer._rate()
    trainer.iteration = 40_000
    assert trainer._rate() == pytest.approx(first / 2) and trainer._decay() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"main__iterations": 3}, r"\[main\] has no effect"),
        ({"add_to": "x"}, "add_to has no effect on meta-training"),
        ({"meta__temporal": "weak"}, "no temporal term"),
        ({"train__precision": None, "meta__precision": "fp16"}, "fp16 cannot hold"),
        ({"meta__inner_rate": -1}, "inner_rate must be"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(given: Path, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        recipe_for(given, tmp_path / "p.safetensors", **change)


def test_the_name_of_the_start_is_taken(given: Path, tmp_path: Path) -> None:
    more = {"styles__start.picture": given / "style.png", "styles__start.title": "Start"}
    with pytest.raises(TrainingError, match="start is the vector that adapting begins with"):
        run_of(recipe_for(given, tmp_path / "p.safetensors", **more))
