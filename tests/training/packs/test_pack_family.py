from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stylefader.training.errors import PackError
from stylefader.training.packs import library
from stylefader.training.packs.header_reading import parse_header
from stylefader.training.packs.open_style import members_of, open_style
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_family import families_of, family_name, size_name
from tests.conftest import random_pack


def member(path: Path, *, family: str = "", width: int = 8, **words: object) -> StylePack:
    made = random_pack(path, width=width, **words)  # type: ignore[arg-type]
    made = replace(made, header=replace(made.header, family=family))
    save_pack(made)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of styles, empty."""
    monkeypatch.setattr(library, "user_folder", lambda: tmp_path / "stylefader" / "styles")
    (tmp_path / "stylefader" / "styles").mkdir(parents=True)
    return tmp_path / "stylefader" / "styles"


def test_the_gallery_has_a_style_in_two_sizes() -> None:
    family = library.families()["great_wave"]
    assert [(one.header.name, one.size) for one in family.members][:2] == [
        ("great_wave", "full"), ("great_wave_lite", "lite")
    ]  # fmt: skip
    assert not family.strangers


def test_a_family_stands_in_the_header_and_defaults_to_the_name(tmp_path: Path) -> None:
    alone, named = member(tmp_path / "alone.safetensors"), member(tmp_path / "named.safetensors", family="alone")
    assert family_name(parse_header(alone.header.to_json())) == "alone"
    assert family_name(parse_header(named.header.to_json())) == "alone"
    with pytest.raises(PackError, match=r"header\.family"):
        parse_header(named.header.to_json().replace('"family": "alone"', '"family": 3'))


def test_the_users_packs_are_families_as_well(folder: Path) -> None:
    for name, width in (("mine", 8), ("mine_large", 16), ("mine_small", 4)):
        member(folder / f"{name}.safetensors", family="mine", width=width)
    (folder / "broken.safetensors").write_bytes(b"no pack")
    family = library.find_family("mine")
    assert family is not None
    assert [one.header.name for one in family.members] == ["mine_large", "mine", "mine_small"]
    assert library.find_pack("mine") == folder / "mine.safetensors", "a pack of that name is that pack"
    assert library.find_pack("mine:lite") == folder / "mine_large.safetensors"
    assert library.find_pack("mine:4") == library.find_pack("mine:mine_small") == folder / "mine_small.safetensors"
    assert "broken" in library.known_packs()[1][0]
    with pytest.raises(PackError, match=r"no size 'full'.*lite \(mine_large\), w8 \(mine\), w4 \(mine_small\)"):
        library.find_pack("mine:full")


def test_a_family_without_a_pack_of_its_name_is_its_largest(folder: Path) -> None:
    for name, width in (("sea_a", 8), ("sea_b", 16)):
        member(folder / f"{name}.safetensors", family="sea", width=width)
    assert library.find_pack("sea") == folder / "sea_b.safetensors"
    with pytest.raises(PackError, match="did you mean"):
        library.find_pack("sea_")


def test_a_pack_of_the_gallery_is_not_replaced_by_the_users(folder: Path) -> None:
    member(folder / "great_wave.safetensors")
    assert library.find_pack("great_wave").parent != folder
    assert library.find_pack(str(folder / "great_wave.safetensors")).parent == folder


def test_what_cannot_take_a_members_place_is_left_out(tmp_path: Path) -> None:
    packs = [
        member(tmp_path / "a.safetensors", width=8),
        member(tmp_path / "one.safetensors", width=16, family="a", places=("residual3",)),
        member(tmp_path / "again.safetensors", width=8, family="a", seed=1),
        member(tmp_path / "b.safetensors", width=4, family="a"),
    ]
    family = families_of([(pack.file, pack.header) for pack in packs])["a"]
    assert [one.header.name for one in family.members] == ["a", "b"]
    assert {one.header.name for one in family.strangers} == {"one", "again"}
    assert size_name(packs[1].header) == "lite"


def test_a_style_is_opened_for_its_family_or_by_itself() -> None:
    family, exact, lite, alone = map(open_style, ("great_wave", "great_wave:full", "great_wave_lite", "the_scream"))
    assert family.family is not None and (family.style, family.size) == ("great_wave", "full")
    assert exact.family is None and exact.style == "great_wave:full" and exact.file == family.file
    assert lite.family is None and lite.style == "great_wave_lite"
    assert alone.family is None, "a style of one size leaves no choice"
    assert open_style(str(family.file)).family is None, "a file is that file"
    assert [pack.style for pack in members_of(family.family)][:2] == ["great_wave", "great_wave"]
