from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylefader.realtime.session.dropped_packs import play_painting, take_dropped
from stylefader.realtime.session.style_images import LookedAt, StyleImages
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.open_style import each_style
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack


class EngineLoader:
    def __init__(self, *files: Path) -> None:
        self.packs = [PackFile(file) for file in files]

    def add(self, packs: list[PackFile]) -> None:
        self.packs.extend(packs)


class Session:
    style = 0

    def __init__(self) -> None:
        self.asked: list[int] = []

    def go(self, style: int) -> None:
        self.asked.append(style)


@pytest.fixture
def packs(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "one.safetensors", tmp_path / "two.SafeTensors"]
    for file, name in zip(files, ("great_wave_lite", "the_scream"), strict=True):
        shutil.copy(find_pack(name), file)
    return files


def test_a_pack_becomes_one_more_style_and_is_changed_to(packs: list[Path]) -> None:
    loader, session, said = EngineLoader(packs[0]), Session(), list[str]()
    for file in (packs[1], packs[0], packs[1]):
        take_dropped(file, session, loader, StyleImages(), say=said.append)
    assert session.asked == [1, 0, 1], "one that is there already is not added again"
    assert [pack.header.name for pack in loader.packs] == ["great_wave_lite", "the_scream"]
    titles = [pack.header.title for pack in loader.packs]
    assert said == [
        f"dropped file {packs[1]}: style 2, {titles[1]}",
        f"dropped file {packs[0]}: style 1, {titles[0]}",
        f"dropped file {packs[1]}: style 2, {titles[1]}",
    ]


def test_a_pack_that_was_written_anew_is_another_style(packs: list[Path]) -> None:
    loader, session, said = EngineLoader(packs[0]), Session(), list[str]()
    loader.packs[0].weights_hash()
    shutil.copy(packs[1], packs[0])
    take_dropped(packs[0], session, loader, StyleImages(), say=said.append)
    assert session.asked == [1]
    assert [pack.header.name for pack in loader.packs] == ["great_wave_lite", "the_scream"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.png", b"\x89PNG\r\n\x1a\n", "no style of this session is of a palette that says styles of paintings"),
        ("words.txt", b"words", "only style packs (.safetensors) and pictures can be dropped"),
        ("folder", None, "only style packs (.safetensors) and pictures can be dropped"),
        ("spoilt.safetensors", b"nothing of the kind", ""),
        ("folder.safetensors", None, ""),
    ],
)
def test_what_is_no_pack_is_said_in_one_line(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    file = tmp_path / name
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    loader, session, said = EngineLoader(), Session(), list[str]()
    take_dropped(file, session, loader, StyleImages(), say=said.append)
    take_dropped(tmp_path / "gone.safetensors", session, loader, StyleImages(), say=said.append)
    assert session.asked == [] and loader.packs == [] and len(said) == 2
    assert said[0].startswith(f"dropped file {file}: ") and words in said[0] and "\n" not in said[0]
    assert said[1].startswith(f"dropped file {tmp_path / 'gone.safetensors'}: ")


def looked_at(images: StyleImages) -> LookedAt:
    (found,) = images.done(timeout_s=60)
    return found


@pytest.fixture
def palette(tmp_path: Path) -> PackFile:
    made = random_pack(tmp_path / "palette.safetensors", kind="palette", width=4, predicts=True)
    save_pack(made)
    return PackFile(made.file)


def test_a_picture_becomes_one_more_style_of_the_palette(palette: PackFile, packs: list[Path], tmp_path: Path) -> None:
    loader, session, images, said = EngineLoader(packs[0]), Session(), StyleImages(), list[str]()
    loader.add(each_style([palette]))
    Image.new("RGB", (60, 40), (200, 30, 9)).save(tmp_path / "My Red.jpg")
    for number in range(2):
        take_dropped(tmp_path / "My Red.jpg", session, loader, images, say=said.append)
        assert session.asked == [3 + n for n in range(number)], "frames go on while it is looked at"
        play_painting(looked_at(images), session, loader, say=said.append)
    assert session.asked == [3, 4] and len(said) == 2
    assert [pack.style for pack in loader.packs[3:]] == ["palette/my_red", "palette/my_red_2"]
    first, second = (pack.style_vectors()[pack.chosen] for pack in loader.packs[3:])
    assert np.array_equal(first, second) and first.any()
    assert loader.packs[3].weights_hash() == palette.weights_hash(), "it plays on the engine that there is"
    assert said[0] == f"{tmp_path / 'My Red.jpg'}: style 4, palette/my_red"


def test_a_picture_that_shows_no_style_is_said_in_one_line(palette: PackFile, tmp_path: Path) -> None:
    loader, session, images, said = EngineLoader(palette.file), Session(), StyleImages(), list[str]()
    Image.new("RGB", (2, 2)).save(tmp_path / "tiny.png")
    take_dropped(tmp_path / "tiny.png", session, loader, images, say=said.append)
    play_painting(looked_at(images), session, loader, say=said.append)
    assert session.asked == [] and len(loader.packs) == 1
    assert len(said) == 1 and "too small to show a style" in said[0] and "\n" not in said[0]
