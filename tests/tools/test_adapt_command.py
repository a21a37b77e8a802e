"""`stylefader adapt`: where the result goes, what it is learnt on, and a clear line for what does not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest

from stylefader.tools.commands.adapt import photographs
from stylefader.training.adapting.crops import Pictures
from stylefader.training.data.photographs import PhotoFolder
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from tests.conftest import random_pack
from tests.tools.program import Done, stylefader
from tests.training.given import make_given, quick_palette


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_given(tmp_path_factory.mktemp("adapt"))
    shutil.copy(folder / "photos" / "0.png", folder / "My Painting (2).png")
    return folder


@pytest.fixture(scope="module")
def palette(given: Path) -> StylePack:
    return quick_palette(given, given / "palette.safetensors")


def adapt(given: Path, cwd: Path, *words: object, palette: object = None, painting: object = None) -> Done:
    return stylefader(
        "adapt", painting or given / "My Painting (2).png", "--palette", palette or given / "palette.safetensors",
        "--photos", given / "photos", "--loss-network", given / "vgg.safetensors", "--steps", 2, "--device", "cpu",
        *words, cwd=cwd,
    )  # fmt: skip


def test_a_name_becomes_a_style_of_the_users_own(
    given: Path, palette: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    done = adapt(given, tmp_path, "-o", "mine", "--title", "My painting", "--json")
    assert done.returncode == 0, done.stderr
    made = load_pack(find_pack("mine"))
    assert [style.name for style in made.header.styles] == ["first", "second", "my_painting_2"]
    assert made.header.styles[2].title == "My painting" and made.header.name == "mine"
    said = json.loads(done.stdout)
    assert said["file"] == str(made.file) and (said["style"], said["steps"]) == ("my_painting_2", 2)
    assert cv2.imread(said["preview"]) is not None
    assert made.weights_hash() == palette.weights_hash()


def test_the_palettes_own_file_gets_the_style(given: Path, palette: StylePack, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    shutil.copy(palette.file, own)
    for name in ("one", "two"):
        assert adapt(given, tmp_path, "--name", name, palette=own).returncode == 0
    assert [style.name for style in load_pack(own).header.styles] == ["first", "second", "one", "two"]
    again = adapt(given, tmp_path, "--name", "one", palette=own)
    assert again.returncode == 2 and "has a style one already" in again.stderr
    other = adapt(given, tmp_path, "-o", given / "style.png")
    assert other.returncode == 2 and "the output is a .safetensors file" in other.stderr
    (tmp_path / "there.safetensors").write_bytes(b"")
    there = adapt(given, tmp_path, "-o", "./there.safetensors")
    assert there.returncode == 2 and "exists already" in there.stderr


def test_deep_gives_a_pack_of_one_style(given: Path, palette: StylePack, tmp_path: Path) -> None:
    done = adapt(given, tmp_path, "--deep", "-o", "./deep.safetensors")
    assert done.returncode == 0, done.stderr
    assert load_pack(tmp_path / "deep.safetensors").header.kind == "single"
    unnamed = adapt(given, tmp_path, "--deep")
    assert unnamed.returncode == 2 and "say with -o NAME" in unnamed.stderr


def test_what_does_not_fit_is_said_in_a_line(given: Path, palette: StylePack, tmp_path: Path) -> None:
    single = random_pack(tmp_path / "single.safetensors")
    save_pack(single)
    (tmp_path / "no.png").write_bytes(b"no picture")
    for words, said in (
        ({"painting": tmp_path / "no.png"}, "no.png"),
        ({"painting": tmp_path / "nowhere.png"}, "nowhere.png"),
        ({"palette": single.file}, "single is no palette"),
        ({"palette": "nobody_knows"}, "no style named 'nobody_knows'"),
    ):
        done = adapt(given, tmp_path, "-o", "./out.safetensors", **words)
        assert done.returncode == 2 and said in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out*"))


def test_photographs_are_a_folder_a_picture_or_a_clip(given: Path) -> None:
    from stylefader.tools.commands.demo import demo_clip

    assert isinstance(photographs(given / "photos"), PhotoFolder)
    assert isinstance(photographs(given / "style.png"), Pictures)
    clip = photographs(demo_clip("bikes"))
    assert isinstance(clip, Pictures) and len(clip) == 24
    assert (clip.photo(0) != clip.photo(23)).any()
    without = photographs(None)
    assert isinstance(without, Pictures) and len(without) == 48
