"""Training of AdaIN's decoder, and the pack that comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from stylefader.training.data.photographs import read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.loop.recipe import Recipe
from stylefader.training.loop.recipe_reading import RECIPES, read_recipe
from stylefader.training.loop.runs import run_of
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.networks.adain import style_of
from stylefader.training.networks.colours import normalise
from stylefader.training.packs.pack import load_pack
from tests.training.given import QUICK, changes, quickly_trained, with_paintings
from tests.training.running import assert_resume_goes_on_exactly, trained


@pytest.fixture(scope="module")
def given(given: Path) -> Path:
    return with_paintings(given, "wave.png", "night.png")


def recipe_for(given: Path, output: Path, **more: Any) -> Recipe:
    quick = {f"decoder__{key}": value for key, value in QUICK.items()}
    others = {"width": None, **{f"train.{key}": None for key in QUICK}}  # what other recipes are made small by
    more = {
        **quick, **others, "paintings": given / "paintings", "held_out": None, "decoder__iterations": 4,
        "decoder__batch": 2, "decoder__learning_rate": 1e-3, **more,
    }  # fmt: skip
    return read_recipe(RECIPES / "adain.toml", changes(given, **more), output=output)


def test_a_folder_of_paintings_becomes_a_pack_that_is_measured(given: Path, tmp_path: Path) -> None:
    made, _ = trained(recipe_for(given, tmp_path / "a.safetensors", held_out=given / "held_out"))
    pack = load_pack(made.file)
    header, facts = pack.header, pack.header.training["decoder"]
    network = load_loss_network(given / "vgg.safetensors")
    assert (header.kind, [style.name for style in header.styles]) == ("adain", ["night", "wave"])
    assert (facts["loss_network"], facts["loss_network_sha256"]) == (network.name, network.sha256)
    assert "loss network" in header.licence
    curves = [style.losses for style in header.styles]
    assert all(curve is not None and len(curve.style) == 9 for curve in curves) and curves[0] != curves[1]
    painting = resize_short_side(read_picture(given / "paintings" / "wave.png"), facts["style_size"])
    expected = style_of(pack.network().encoder, normalise(to_rgb01(painting)))[0]
    torch.testing.assert_close(pack.tensors["styles"][1].float(), expected, atol=0.01, rtol=0.01)
    assert (tmp_path / "a.preview.png").exists()


def test_resume_goes_on_exactly(given: Path, tmp_path: Path) -> None:
    assert_resume_goes_on_exactly(lambda output: recipe_for(given, output), tmp_path, stop=2)


def test_only_the_decoder_learns_and_its_losses_fall(given: Path, tmp_path: Path) -> None:
    first, steps = trained(recipe_for(given, tmp_path / "first.safetensors", decoder__iterations=30))
    start, end = (sum(now.total for now in part) for part in (steps[:5], steps[-5:]))
    assert end < 0.8 * start
    recipe = recipe_for(given, tmp_path / "second.safetensors", start_from=first.file, decoder__iterations=2)
    second, more = trained(recipe)
    assert more[0].total < 0.8 * steps[0].total, "it goes on from there"
    assert second.header.training["decoder"]["started_from"]["iterations"] == 30
    same = {name: torch.equal(tensor, second.tensors[name]) for name, tensor in first.tensors.items()}
    assert all(same[name] for name in same if name.startswith("encoder."))
    assert not any(same[name] for name in same if name.startswith("decoder.") and name.endswith("weight"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_blocks": 3}, "n_blocks has no effect on AdaIN"),
        ({"architecture": "nano"}, "architecture has no effect on AdaIN"),
        ({"add_to": "p"}, "add_to has no effect on AdaIN"),
        ({"paintings": None}, "no .styles.NAME. and no folder `paintings`"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(given: Path, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        recipe_for(given, tmp_path / "a.safetensors", **change)


def test_runs_that_do_not_fit_are_refused(given: Path, tmp_path: Path) -> None:
    recipe = recipe_for(given, tmp_path / "a.safetensors", decoder__temporal="weak")
    with pytest.raises(TrainingError, match="temporal has no effect on AdaIN"):
        run_of(recipe).begin(recipe.parts[0])
    single = quickly_trained(given, "fixed")
    with pytest.raises(TrainingError, match="start_from is a pack of width 4, but this one will be of width 64"):
        run_of(recipe_for(given, tmp_path / "a.safetensors", start_from=single.file))


def test_it_is_no_teacher(given: Path, tmp_path: Path) -> None:
    made, _ = trained(recipe_for(given, tmp_path / "a.safetensors", decoder__iterations=1))
    with pytest.raises(TrainingError, match="a is no teacher: it has the objective adain"):
        read_recipe(RECIPES / "nano.toml", [f"teacher={made.file}"], output=tmp_path / "b.safetensors")
