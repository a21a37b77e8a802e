"""Palettes in commands that know packs: listed, shown, extracted, measured."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from stylefader.tools.cli import run
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from tests.conftest import random_pack


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StylePack:
    """A palette in the user's folder."""
    folder = tmp_path / "data" / "stylefader" / "styles"
    folder.mkdir(parents=True)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    made = random_pack(folder / "hall.safetensors", kind="palette", styles=("wave", "scream"))
    save_pack(made)
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(list(words)) == code
    found = capsys.readouterr()
    return found.err if code else found.out


def test_a_palette_is_listed_and_shown_with_its_styles(hall: StylePack, capsys: pytest.CaptureFixture[str]) -> None:
    assert "palette hall: wave, scream" in said(capsys, "styles", "list")
    rows = {row["name"]: row for row in json.loads(said(capsys, "styles", "list", "--json"))}
    assert rows["hall"]["styles"] == ["wave", "scream"] and rows["great_wave"]["styles"] == []
    shown = said(capsys, "styles", "show", "hall")
    assert "2 styles, each by hall/NAME" in shown and "title Wave" in shown
    assert said(capsys, "styles", "show", "hall/scream").startswith("hall/scream: Scream (of the palette Random")
    assert json.loads(said(capsys, "styles", "show", "hall/scream", "--json"))["painting"] == {"title": "Scream"}


def test_a_style_is_extracted_as_a_pack(hall: StylePack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "styles", "extract", "hall/scream", "-o", "alone.safetensors")
    made = load_pack(tmp_path / "alone.safetensors")
    assert (made.header.kind, made.header.title) == ("single", "Scream")
    assert "exists already" in said(capsys, "styles", "extract", "hall/wave", "-o", "alone.safetensors", code=2)
    assert "is being read" in said(capsys, "styles", "extract", "hall/wave", "-o", str(hall.file), code=2)
    assert "give PALETTE/STYLE" in said(capsys, "styles", "extract", "hall", "-o", "more.safetensors", code=2)
    assert "did you mean wave" in said(capsys, "styles", "extract", "hall/wav", "-o", "more.safetensors", code=2)


def test_one_style_is_drawn_and_measured(hall: StylePack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    cv2.imwrite("photo.png", photo)
    strips = []
    for style in ("wave", "scream"):
        words = ("evaluate", "strip", f"hall/{style}", "photo.png", "-o", f"{style}.png", "--cell", "48")
        said(capsys, *words)
        strips.append(cv2.imread(f"{style}.png"))
    assert strips[0].shape == strips[1].shape and (strips[0] != strips[1]).any()
    assert "hall is a palette of 2 styles" in said(
        capsys, "evaluate", "strip", "hall", "photo.png", "-o", "x.png", code=2
    )
    assert json.loads(said(capsys, "evaluate", "lattice", "hall/wave", "--json"))["style"] == "hall/wave"


def test_an_int8_form_is_that_of_the_palette(
    hall: StylePack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "a.png"), np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8))
    assert "here the palette is meant: hall" in said(
        capsys, "engine", "quantize", "hall/wave", "--photos", str(photos), code=2
    )
    made = json.loads(said(capsys, "engine", "quantize", "hall", "--photos", str(photos), "--json"))
    assert made["made"]["styles"].keys() == {"wave", "scream"}
