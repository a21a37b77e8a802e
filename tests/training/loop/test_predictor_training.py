"""Training of what predicts for a palette: the palette stays as it is, and vectors are said of paintings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from stylefader.engines.predicting import predicted_style
from stylefader.training.data.photographs import PhotoFolder
from stylefader.training.data.style_pictures import StylePictures
from stylefader.training.errors import TrainingError
from stylefader.training.loop.recipe import Recipe
from stylefader.training.loop.recipe_reading import RECIPES, read_recipe
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from tests.conftest import random_pack
from tests.training.given import changes, quickly_trained, with_paintings
from tests.training.running import assert_resume_goes_on_exactly, trained

STEPS = {"predictor__iterations": 4, "predictor__warm_up": 1, "predictor__batch": 2, "predictor__hidden": 8,
         "predictor__crop": 48, "predictor__precision": "f32"}  # fmt: skip


@pytest.fixture(scope="module")
def given(given: Path) -> Path:
    with_paintings(given, "style.png", "other.png")
    dark = cv2.imread(str(given / "other.png")) // 6
    cv2.imwrite(str(given / "paintings" / "other.png"), dark)
    return given


@pytest.fixture(scope="module")
def palette(given: Path) -> StylePack:
    """One that was trained for a step, whose vectors are far apart."""
    recipe = read_recipe(
        RECIPES / "palette.toml",
        changes(given, paintings=given / "paintings", held_out=None, main__iterations=1, blocks__iterations=1,
                train__batch=2, train__style_size=64),
        output=given / "palette.safetensors",
    )  # fmt: skip
    made, _ = trained(recipe)
    far = torch.randn(made.tensors["styles"].shape, generator=torch.Generator().manual_seed(1)) * 0.3
    made.tensors["styles"] = far.half()
    save_pack(made)
    return load_pack(made.file)


def recipe_for(given: Path, palette: Path, output: Path, **more: Any) -> Recipe:
    small = {
        key: value
        for key, value in changes_of(given, paintings=given / "paintings", add_to=palette, **{**STEPS, **more}).items()
        if not key.startswith("train.") and key != "width"
    }
    return read_recipe(RECIPES / "predictor.toml", [f"{key}={value}" for key, value in small.items()], output=output)


def changes_of(given: Path, **more: Any) -> dict[str, str]:
    return dict(change.split("=", 1) for change in changes(given, **more))


def test_a_palette_gets_what_predicts_for_it_and_stays_as_it_is(
    given: Path, palette: StylePack, tmp_path: Path
) -> None:
    made, seen = trained(recipe_for(given, palette.file, tmp_path / "any.safetensors"))
    assert made.weights_hash() == palette.weights_hash()
    loaded = load_pack(made.file)
    assert torch.equal(loaded.tensors["styles"], palette.tensors["styles"])
    assert loaded.header.styles == palette.header.styles
    assert loaded.header.predictor is not None and loaded.header.predictor.side == 64
    assert list(loaded.header.training["predictor"]["learnt_from"]) == ["other", "style"]
    assert seen[0].style == 0 < seen[1].style, "the first step is a quick one"
    vector = predicted_style(loaded, given / "paintings" / "style.png")
    assert vector.shape == (palette.tensors["styles"].shape[1],) and np.isfinite(vector).all()


def test_paintings_added_to_a_palette_leave_it_as_it_is(given: Path, palette: StylePack, tmp_path: Path) -> None:
    predicts, _ = trained(recipe_for(given, palette.file, tmp_path / "any.safetensors"))
    more = read_recipe(
        RECIPES / "palette.toml",
        changes(given, styles__third__picture=given / "photos" / "0.png", held_out=None, add_to=predicts.file,
                main__iterations=1, blocks__iterations=1, train__batch=1, train__style_size=64),
        output=tmp_path / "more.safetensors",
    )  # fmt: skip
    made, _ = trained(more)
    assert [style.name for style in made.header.styles] == ["other", "style", "third"]
    assert made.header.predictor == predicts.header.predictor
    assert np.array_equal(*(predicted_style(pack, given / "style.png") for pack in (made, predicts)))


@pytest.mark.parametrize("stop", [1, 3])
def test_resume_goes_on_exactly(given: Path, palette: StylePack, tmp_path: Path, stop: int) -> None:
    assert_resume_goes_on_exactly(lambda output: recipe_for(given, palette.file, output), tmp_path, stop=stop)


def test_vectors_of_the_palettes_own_paintings_come_near_the_trained_ones(
    given: Path, palette: StylePack, tmp_path: Path
) -> None:
    """By the quick steps alone."""
    steps = {"predictor__iterations": 80, "predictor__warm_up": 80, "predictor__photo_share": 0.0,
             "predictor__hidden": 32, "predictor__batch": 4, "predictor__learning_rate": 4e-3}  # fmt: skip
    made, seen = trained(recipe_for(given, palette.file, tmp_path / "any.safetensors", **steps))
    assert sum(now.hint for now in seen[-10:]) < 0.5 * sum(now.hint for now in seen[:10])
    vectors = palette.style_vectors()
    for name in ("style", "other"):
        off = {
            known: float(np.square(vector - predicted_style(made, given / "paintings" / f"{name}.png")).mean())
            for known, vector in vectors.items()
        }
        assert min(off, key=lambda known: off[known]) == name


def test_the_row_of_pictures_is_repeatable_and_has_all_kinds(given: Path) -> None:
    paintings = sorted((given / "paintings").iterdir())

    def row() -> StylePictures:
        photos = PhotoFolder(given / "photos")
        return StylePictures(paintings, side=64, size=32, photos=photos, photo_share=0.4)

    first, second = row(), row()
    drawn = [first.drawn(number, seed=5) for number in range(60)]
    assert all(np.array_equal(one.picture, second.drawn(n, seed=5).picture) for n, one in enumerate(drawn))
    assert {(one.whole, one.painting) for one in drawn} == {
        (True, 0), (True, 1), (False, 0), (False, 1), (False, None)
    }  # fmt: skip
    assert {one.picture.shape for one in drawn if not one.whole} == {(32, 32, 3)}
    assert len({one.picture.tobytes() for one in drawn if one.painting is None}) > 20


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"add_to": None}, "add_to says no palette"),
        ({"width": 8}, "width has no effect, because it is the palette's"),
        ({"predictor__style_weight": 3}, "predictor.style_weight has no effect"),
        ({"predictor__photo_share": 2}, "photo_share must be from 0 to 1"),
        ({"predictor__hidden": 0}, "hidden must be 1 to"),
        ({"paintings": None}, "no folder `paintings` say which pictures"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(
    given: Path, palette: StylePack, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    words = {**changes_of(given, paintings=given / "paintings", add_to=palette.file, **STEPS)}
    words = {key: value for key, value in words.items() if not key.startswith("train.") and key != "width"}
    words |= {key.replace("__", "."): value for key, value in change.items()}
    with pytest.raises(TrainingError, match=said):
        read_recipe(
            RECIPES / "predictor.toml", [f"{key}={value}" for key, value in words.items() if value is not None],
            output=tmp_path / "p.safetensors",
        )  # fmt: skip


def test_only_a_trained_palette_can_have_one(given: Path, tmp_path: Path) -> None:
    single = quickly_trained(given, "fixed")
    with pytest.raises(TrainingError, match="add_to must be a palette, and fixed is of kind single"):
        recipe_for(given, single.file, tmp_path / "p.safetensors")
    untold = random_pack(tmp_path / "untold.safetensors", kind="palette", width=4)
    save_pack(untold)
    with pytest.raises(TrainingError, match="untold does not say one style_size and pyramid"):
        recipe_for(given, untold.file, tmp_path / "p.safetensors")
