"""Training of palettes: many paintings in one run, and paintings that are added to a finished palette."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from stylefader.training.errors import TrainingError
from stylefader.training.loop.palette_run import PaletteRun
from stylefader.training.loop.palette_trainer import styles_of_step
from stylefader.training.loop.recipe import Recipe
from stylefader.training.loop.recipe_reading import RECIPES, read_recipe
from stylefader.training.packs.pack import StylePack, load_pack
from tests.training.given import changes, quickly_trained, recipe_of, with_paintings
from tests.training.running import assert_resume_goes_on_exactly, trained

STEPS = {"main__iterations": 3, "blocks__iterations": 3, "train__batch": 2}


@pytest.fixture(scope="module")
def given(given: Path) -> Path:
    return with_paintings(given, "A Wave (1831).png", "night.png")


def recipe_for(given: Path, output: Path, **more: Any) -> Recipe:
    more = {"paintings": given / "paintings", "held_out": None, **STEPS, **more}
    return read_recipe(RECIPES / "palette.toml", changes(given, **more), output=output)


@pytest.fixture(scope="module")
def palette(given: Path, tmp_path_factory: pytest.TempPathFactory) -> StylePack:
    made, _ = trained(recipe_for(given, tmp_path_factory.mktemp("made") / "palette.safetensors"))
    return made


def test_a_folder_of_paintings_becomes_a_palette(given: Path, palette: StylePack) -> None:
    header = load_pack(palette.file).header
    assert [style.name for style in header.styles] == ["a_wave_1831", "night"]
    assert [style.title for style in header.styles] == ["A wave 1831", "Night"]
    assert (header.kind, header.objective, header.training["blocks"]["paintings"]) == ("palette", "level", 2)
    first, second = palette.style_vectors().values()
    assert first.any() and (first != second).any()


def test_each_style_is_measured(given: Path, tmp_path: Path) -> None:
    made, _ = trained(recipe_for(given, tmp_path / "p.safetensors", held_out=given / "held_out"))
    curves = [style.losses for style in made.header.styles]
    assert all(curve is not None and len(curve.style) == 9 and curve.photographs == 1 for curve in curves)
    assert curves[0] != curves[1]


@pytest.mark.parametrize("stop", [2, 4])
def test_resume_goes_on_exactly(given: Path, tmp_path: Path, stop: int) -> None:
    assert_resume_goes_on_exactly(lambda output: recipe_for(given, output), tmp_path, stop=stop)


def test_added_paintings_leave_all_else_as_it_was(given: Path, palette: StylePack, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    shutil.copy(given / "photos" / "0.png", tmp_path / "more" / "third.png")
    recipe = recipe_for(
        given, tmp_path / "p.safetensors", paintings=tmp_path / "more", add_to=palette.file, blocks__style_weight=7.0
    )
    made, _ = trained(recipe)
    assert made.weights_hash() == palette.weights_hash()
    assert torch.equal(made.tensors["styles"][:2], palette.tensors["styles"])
    assert [style.name for style in made.header.styles] == ["a_wave_1831", "night", "third"]
    third, mean = made.tensors["styles"][2].float(), palette.tensors["styles"].float().mean(0)
    main = PaletteRun(recipe_for(given, tmp_path / "q.safetensors"))._new_net(blocks=False).style_size
    assert not torch.equal(third[:main], mean[:main]) and not torch.equal(third[main:], mean[main:])
    assert made.header.styles[2].training["main"]["iterations"] == 3
    assert made.header.training == palette.header.training
    assert made.header.alpha == palette.header.alpha, "what alpha means is the palette's own"


def test_a_palette_can_start_from_another_or_from_a_pack(given: Path, palette: StylePack, tmp_path: Path) -> None:
    single = quickly_trained(given, "level")
    for start in (palette, single):
        recipe = recipe_for(given, tmp_path / f"{start.header.name}_on.safetensors", start_from=start.file,
                            train__learning_rate=0.0)  # fmt: skip
        made, _ = trained(recipe)
        for name in ("main.conv1.conv.weight", "main.residual5.second.conv.weight"):
            assert torch.equal(made.tensors[name], start.tensors[name])
        assert made.header.training["main"]["started_from"]["name"] == start.header.name
    assert torch.equal(made.tensors["blocks.up1.psi.first.weight"], single.tensors["blocks.up1.psi.1.weight"])


def test_every_style_comes_once_a_round() -> None:
    seen = [style for step in range(30) for style in styles_of_step(5, 3, seed=1, step=step)]
    assert set(Counter(seen).values()) == {18}
    assert all(sorted(seen[start : start + 5]) == list(range(5)) for start in range(0, 90, 5))
    assert seen[:5] != seen[5:10]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"paintings": None}, "no .styles.NAME. and no folder `paintings`"),
        ({"paintings": "/nowhere/at/all"}, "no folder of paintings at /nowhere/at/all"),
        ({"styles__A.picture": "x.png"}, "a style of a palette is named by a-z"),
        ({"main_pack": "p"}, "main_pack has no effect on a palette"),
        ({"measured": 0}, "measured must be 1 or more"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(given: Path, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        recipe_for(given, tmp_path / "p.safetensors", **change)


def test_what_cannot_be_added_to_is_said(given: Path, palette: StylePack, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="add_to has no effect on a level recipe"):
        recipe_of(given, tmp_path / "p.safetensors", add_to=palette.file)
    single = quickly_trained(given, "fixed")
    with pytest.raises(TrainingError, match="must be a palette, and fixed is of kind single"):
        recipe_for(given, tmp_path / "p.safetensors", add_to=single.file)
    with pytest.raises(TrainingError, match="has a style a_wave_1831 already"):
        recipe_for(given, tmp_path / "p.safetensors", add_to=palette.file)
    with pytest.raises(TrainingError, match="start_from has no effect where something is added"):
        recipe_for(given, tmp_path / "p.safetensors", add_to=palette.file, start_from=palette.file)
