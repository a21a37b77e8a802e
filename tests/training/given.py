"""What training needs, small: photographs, style pictures, a loss network, and recipes that are over in no time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from safetensors.torch import save_file

from stylefader.training.loop.recipe import Recipe
from stylefader.training.loop.recipe_reading import RECIPES, read_recipe
from stylefader.training.packs.pack import StylePack
from tests.training.running import trained
from tests.training.small_vgg import vgg19_weights

QUICK: dict[str, Any] = {"crop": 32, "batch": 1, "style_size": 32, "pyramid": 1, "precision": "f32"}


def make_given(folder: Path) -> Path:
    """Fill a folder with `photos/`, `held_out/`, `style.png`, `other.png` and `vgg.safetensors`."""
    rng = np.random.default_rng(0)
    for name, count in (("photos", 6), ("held_out", 1)):
        (folder / name).mkdir()
        for number in range(count):
            coarse = rng.integers(0, 256, (5, 5, 3), np.uint8)
            cv2.imwrite(str(folder / name / f"{number}.png"), cv2.resize(coarse, (48, 40)))
    for name in ("style.png", "other.png"):
        cv2.imwrite(str(folder / name), cv2.resize(rng.integers(0, 256, (16, 16, 3), np.uint8), (64, 64)))
    save_file(vgg19_weights(), folder / "vgg.safetensors")
    return folder


def with_paintings(given: Path, first: str, second: str) -> Path:
    """Also `paintings/`, with both style pictures under these names."""
    (given / "paintings").mkdir()
    shutil.copy(given / "style.png", given / "paintings" / first)
    shutil.copy(given / "other.png", given / "paintings" / second)
    return given


def changes(given: Path, **more: Any) -> list[str]:
    """What makes a recipe of ours small and lets it find `given`; `more` by key, `__` for the dot."""
    values = {
        "photos": given / "photos",
        "held_out": given / "held_out",
        "loss_network": given / "vgg.safetensors",
        "width": 4,
        **{f"train.{key}": value for key, value in QUICK.items()},
        **{key.replace("__", "."): value for key, value in more.items()},
    }
    return [f"{key}={value}" for key, value in values.items() if value is not None]


def recipe_of(given: Path, output: Path, file: str = "level", **more: Any) -> Recipe:
    """A recipe that comes with stylefader, made small."""
    pictures = {
        "pair": {"styles.first.picture": "style.png", "styles.second.picture": "other.png"},
        "dual": {"styles.left.picture": "style.png", "styles.right.picture": "other.png"},
    }.get(file, {"styles.painting.picture": "style.png"})
    if file == "scale":
        more = {"train__style_size": None, "main__style_size": 64, "blocks__style_size": 32, **more}
    more = {**{key: given / name for key, name in pictures.items()}, "output": output, **more}
    return read_recipe(RECIPES / f"{file}.toml", changes(given, **more))


def student_recipe(given: Path, teacher: Path, output: Path, *more: str, **settings: Any) -> Recipe:
    """The recipe for a small student of this pack; `more` as on the command line, settings of its one part by key."""
    quick = {key: value for key, value in QUICK.items() if key != "style_size"}
    values = {"iterations": 4, **quick, "batch": 2, **settings}
    return read_recipe(
        RECIPES / "nano.toml",
        [f"teacher={teacher}", f"photos={given / 'photos'}", f"loss_network={given / 'vgg.safetensors'}", "width=4",
         *(f"student.{key}={value}" for key, value in values.items()), *more],
        output=output,
    )  # fmt: skip


def quickly_trained(given: Path, file: str, *, held_out: Path | None = None) -> StylePack:
    """A pack of the recipe with one step for each part, beside `given`; measured where photographs are `held_out`."""
    parts = {"dual": ("main", "lo", "hi"), "fixed": ("main",)}.get(file, ("main", "blocks"))
    steps = {f"{part}__iterations": 1 for part in parts}
    made, _ = trained(recipe_of(given, given / f"{file}.safetensors", file, held_out=held_out, **steps))
    return made


def quick_palette(given: Path, output: Path, **more: Any) -> StylePack:
    """A palette of `style.png` and `other.png` with one step for each part; its styles are `first` and `second`."""
    steps = {"main__iterations": 1, "blocks__iterations": 1, "held_out": None}
    pictures = {"styles__first.picture": given / "style.png", "styles__second.picture": given / "other.png"}
    titles = {"styles__first.title": "First", "styles__second.title": "Second"}
    words = changes(given, **{**steps, **pictures, **titles, **more})
    made, _ = trained(read_recipe(RECIPES / "palette.toml", words, output=output))
    return made
