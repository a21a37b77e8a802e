"""Names of styles: a pack, a family, one of its sizes, a file, and one style of a palette."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stylefader.training.errors import PackError
from stylefader.training.packs import library
from stylefader.training.packs.library import StyleWord, find_pack, split_style
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, with a palette `hall` and a single pack `alone`."""
    monkeypatch.setattr(library, "user_folder", lambda: tmp_path)
    save_pack(random_pack(tmp_path / "hall.safetensors", kind="palette", styles=("starry_night", "udnie")))
    save_pack(random_pack(tmp_path / "alone.safetensors"))
    return tmp_path


def test_a_style_of_a_palette_is_named_by_both(folder: Path) -> None:
    assert split_style("hall/udnie") == StyleWord(pack="hall", style="udnie")
    assert split_style("hall:w8/udnie") == StyleWord(pack="hall:w8", style="udnie")
    file = str(folder / "hall.safetensors")
    assert split_style(f"{file}/udnie") == StyleWord(pack=file, style="udnie")


def test_other_words_stay_as_they_are(folder: Path) -> None:
    file = str(folder / "alone.safetensors")
    for word in ("hall", "alone", "hall:w8", file, "nobody", "", "/", "a/b/c", "hall/x.safetensors"):
        assert split_style(word) == StyleWord(pack=word)


def test_a_file_is_never_taken_for_a_style(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "hall").mkdir()
    save_pack(random_pack(folder / "hall" / "udnie"))
    assert split_style("hall/udnie") == StyleWord(pack="hall/udnie")
    assert find_pack("hall/udnie") == Path("hall/udnie")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("hall/starry", "the palette hall has no style 'starry': did you mean starry_night?"),
        ("hall/zzz", "the palette hall has no style 'zzz': there are starry_night, udnie"),
        ("hall/", "the palette hall has no style ''"),
        ("hal/udnie", "no style pack at hal/udnie, and no palette named 'hal': did you mean hall"),
        ("alone/udnie", "alone is one style and no palette"),
        ("hall:full/udnie", "has no size 'full'"),
    ],
)
def test_what_is_no_style_of_a_palette(folder: Path, word: str, said: str) -> None:
    with pytest.raises(PackError, match=said):
        split_style(word)


def test_where_a_whole_pack_is_meant_a_style_of_a_palette_is_refused(folder: Path) -> None:
    with pytest.raises(PackError, match="here the palette is meant: hall"):
        find_pack("hall/udnie")
    with pytest.raises(PackError, match="no style 'starry': did you mean starry_night"):
        find_pack("hall/starry")


def test_palettes_of_other_widths_and_the_same_styles_are_one_family(folder: Path) -> None:
    for name, width, styles in (("hall_small", 4, ("starry_night", "udnie")), ("hall_other", 12, ("udnie",))):
        made = random_pack(folder / f"{name}.safetensors", kind="palette", width=width, styles=styles)
        save_pack(replace(made, header=replace(made.header, family="hall")))
    family = library.families()["hall"]
    assert [one.header.name for one in family.members] == ["hall", "hall_small"]
    assert [one.header.name for one in family.strangers] == ["hall_other"]
