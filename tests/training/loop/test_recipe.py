from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stylefader.training.errors import TrainingError
from stylefader.training.loop.recipe_reading import RECIPES, find_recipe, read_recipe
from tests.training.given import recipe_of

NAMES = ("dual", "fixed", "level", "nano", "one_block", "pair", "scale")
PARTS = {"dual": ("main", "lo", "hi"), "fixed": ("main",), "nano": ("student",)}


def change(name: str, *changes: str) -> Any:
    return read_recipe(RECIPES / f"{name}.toml", changes)


def test_there_is_one_for_each_kind() -> None:
    assert tuple(sorted(file.stem for file in RECIPES.glob("*.toml"))) == tuple(
        sorted((*NAMES, "adain", "metastyle", "palette", "predictor"))
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_fits_as_it_stands(name: str) -> None:
    recipe = change(name)
    assert tuple(part.name for part in recipe.parts) == PARTS.get(name, ("main", "blocks"))
    assert recipe.n_blocks == {"one_block": 1, "fixed": 0}.get(name, 3)
    assert all(part.settings.temporal == "weak" for part in recipe.parts)
    assert len({recipe.checkpoint(part) for part in recipe.parts}) == len(recipe.parts)


def test_every_value_can_be_changed() -> None:
    recipe = change(
        "level", "main.iterations=7", "train.crop = 64", "title=A  title: with = and .", "photos=~/ph", "low=-1",
        "styles.painting.year=1831", "train.temporal=strong", "blocks.temporal=off",
    )  # fmt: skip
    main, blocks = recipe.parts
    assert (main.settings.iterations, main.settings.crop, blocks.settings.crop) == (7, 64, 64)
    assert (main.settings.temporal, blocks.settings.temporal) == ("strong", "off")
    assert recipe.title == "A  title: with = and ."
    assert recipe.photos == Path("~/ph").expanduser()
    assert recipe.low == -1
    assert main.style.year == "1831"


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("level", ["objective=levle"], "objective must be one of level, pair"),
        ("level", ["blocks.iteratons=3"], "blocks has no 'iteratons': did you mean 'iterations'"),
        ("level", ["phtos=x"], "did you mean 'photos'"),
        ("level", ["main.iterations=many"], "main.iterations must be a whole number, not 'many'"),
        ("level", ["main.iterations=2.5"], "a whole number"),
        ("level", ["main.style_weight=true"], "main.style_weight must be a number"),
        ("level", ["main.style_weight=nan"], "style_weight must be a finite number"),
        ("level", ["title=true"], "title must be a text"),
        ("level", ["photos="], "must be a path"),
        ("level", ["blocks.temporal=some"], "temporal must be one of off, weak, strong"),
        ("level", ["train.iterations=3"], "no effect, because main and blocks have their own iterations"),
        ("fixed", ["train.iterations=3"], "no effect, because main has its own iterations"),
        ("level", ["main.style=other"], "main.style must be one of painting"),
        ("level", ["main=3"], "main must be a table"),
        ("level", ["photos.deep=3"], "photos holds a value"),
        ("level", ["styles.painting.picture.deep=3"], "picture holds a value"),
        ("level", ["output=level.pt"], "ends in .safetensors"),
        ("level", ["low=2"], "low <= default <= high"),
        ("level", ["width="], "a whole number"),
        ("level", ["main_pack=m.safetensors", "main.seed=1"], "[main] has no effect"),
        ("level", ["novalue"], "KEY=VALUE"),
        ("level", [".x=1"], "KEY=VALUE"),
        ("one_block", ["n_blocks=2"], "n_blocks must be 1 or 3"),
        ("pair", ["main.style=second"], "a pair is of two pictures"),
        ("scale", ["main.style_size=128"], "scale is one picture at two sizes"),
        ("dual", ["hi.style=left"], "lo and hi have the same"),
        ("dual", ["blocks.iterations=3"], "the recipe has no 'blocks'"),
        ("pair", ["train.style=first"], "train.style has no effect"),
        ("level", ['main.style=["painting"]'], "main.style must be one of painting, not ['painting']"),
        ("fixed", ["main_pack=great_wave"], "a fixed network has no blocks to train on a main_pack"),
        ("level", ["low=-inf"], "low must be a finite number, not -inf"),
        ("level", ["high=1e39"], "high must be a finite number, not 1e+39"),
        ("level", ["width=" + "9" * 5000], "width, line 1: a number of thousands of digits"),
        ("level", ["width=0x" + "f" * 5000], "value is a whole number of more than 64 bits"),
        ("level", ["title=" + "[" * 5000], "nested deeper"),
        ("level", ["title=" + "[" * 30 + "]" * 30], "nested deeper"),
        ("level", ["a." * 5000 + "a=1"], "KEY=VALUE"),
        ("level", ["main.seed={a=1}"], "main.seed must be a whole number, not {'a': 1}"),
        ("level", ["main.seed=2026-11-30"], "main.seed must be a whole number, not datetime.date"),
        ("level", ["main.seed=-1"], "seed must be 0 or more"),
        ("level", ["main.style_size=99999999"], "style_size must be at most 8192"),
        ("level", ["main.crop=4000000000"], "crop must be at most 4096"),
        ("level", ["main.pyramid=60"], "pyramid must be at most 8"),
        ("level", ["title=a\x1b[2J"], "title must be a printable text"),
        ("level", ["title=a\udcff"], "title must be a printable text"),
        ("level", ["title=" + "a" * 3000], "title must be a printable text of 2000 letters at most"),
        ("level", ['photos="a\\u0000b"'], "photos must be a path, not one with a NUL"),
        ("level", ["styles=[1]"], "styles must be a table"),
        ("level", ["styles.painting=1"], "styles.painting must be a table"),
        ("level", ["train=1979-05-27T07:32:00Z"], "train must be a table"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, changes: list[str], said: str) -> None:
    with pytest.raises(TrainingError, match=re.escape(said)):
        change(name, *changes)


def test_a_change_for_every_part_may_stand_over_what_the_recipe_has_for_all() -> None:
    recipe = change("level", "main_pack=m.safetensors", "blocks.temporal=strong")
    assert recipe.part("blocks").settings.temporal == "strong"  # type: ignore[union-attr]
    with pytest.raises(TrainingError, match=r"train\.temporal has no effect, because blocks has its own"):
        change("level", "main_pack=m.safetensors", "blocks.temporal=strong", "train.temporal=off")


def test_an_output_is_taken_as_it_is_named(tmp_path: Path) -> None:
    for name in ("it's '''three''' \\ \"quoted\".safetensors", "x=1\n.safetensors", "no UTF-8 \udcff.safetensors"):
        assert read_recipe(RECIPES / "level.toml", output=tmp_path / name).output == tmp_path / name


def test_a_file_with_a_value_that_holds_for_nothing_is_refused(tmp_path: Path) -> None:
    text = (RECIPES / "level.toml").read_text()
    file = tmp_path / "r.toml"
    file.write_text(text.replace("[train]", "[train]\nseed = 1").replace("[main]", "[main]\nseed = 2"))
    assert read_recipe(file).part("blocks").settings.seed == 1  # type: ignore[union-attr]
    file.write_text(file.read_text().replace("[blocks]", "[blocks]\nseed = 3"))
    with pytest.raises(TrainingError, match=r"train\.seed has no effect, because main and blocks have their own"):
        read_recipe(file)


def test_files_that_are_no_recipes_are_refused(tmp_path: Path) -> None:
    for content, said in ((b"no recipe", "Expected '='"), (b"\xff\xfe", "not UTF-8"), (b"a = 1\na = 2", "overwrite")):
        (tmp_path / "r.toml").write_bytes(content)
        with pytest.raises(TrainingError, match=rf"r\.toml.*{said}"):
            read_recipe(tmp_path / "r.toml")
    (tmp_path / "r.toml").write_text('objective = "level"')
    with pytest.raises(TrainingError, match=r"recipe r\.toml: no \[styles"):
        read_recipe(tmp_path / "r.toml")
    with pytest.raises(
        TrainingError, match=r"no recipe at nowhere\.toml; those that come with stylefader are adain, dual"
    ):
        find_recipe("nowhere.toml")
    assert find_recipe("pair") == RECIPES / "pair.toml"
    assert find_recipe(str(tmp_path / "r.toml")) == tmp_path / "r.toml"


def test_the_test_recipes_are_small(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, tmp_path / "p.safetensors", "dual")
    assert {part.settings.crop for part in recipe.parts} == {32}
