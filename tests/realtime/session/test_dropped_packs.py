from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stylefader.realtime.session.dropped_packs import take_dropped
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack_file import PackFile


class EngineLoader:
    def __init__(self, *files: Path) -> None:
        self.packs = [PackFile(file) for file in files]

    def add(self, packs: list[PackFile]) -> None:
        self.packs.extend(packs)


class Session:
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
        take_dropped(file, session, loader, say=said.append)
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
    take_dropped(packs[0], session, loader, say=said.append)
    assert session.asked == [1]
    assert [pack.header.name for pack in loader.packs] == ["great_wave_lite", "the_scream"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.png", b"\x89PNG", "only style packs (.safetensors) can be dropped for now"),
        ("folder", None, "only style packs (.safetensors) can be dropped for now"),
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
    take_dropped(file, session, loader, say=said.append)
    take_dropped(tmp_path / "gone.safetensors", session, loader, say=said.append)
    assert session.asked == [] and loader.packs == [] and len(said) == 2
    assert said[0].startswith(f"dropped file {file}: ") and words in said[0] and "\n" not in said[0]
    assert said[1].startswith(f"dropped file {tmp_path / 'gone.safetensors'}: ")
